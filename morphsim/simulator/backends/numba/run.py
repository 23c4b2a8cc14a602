"""A film on its way to a time or a thickness, in one compiled function: the steps of `Stepper`."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphsim.compiled import inlined, loop
from morphsim.simulator.backends.numba import control as _control  # noqa: F401 - step control for numbers
from morphsim.simulator.backends.numba.film_kernels import Kernels
from morphsim.simulator.backends.numba.kernels import call
from morphsim.simulator.backends.numba.layout import (
    CHANGE,
    CONTENT,
    MODES,
    NEW,
    NEW_CHANGE,
    NEW_CONTENT,
    NEW_RATE_CHANGE,
    NOW,
    OLDER_CHANGE,
    OLDER_RATE_CHANGE,
    PASSING,
    PAST,
    RATE_CHANGE,
    RATES,
    Constants,
    Film,
    Kept,
    Memory,
)
from morphsim.simulator.backends.numba.modes import subtract_modes
from morphsim.simulator.backends.numba.surface import film_speed
from morphsim.simulator.core.arrival import on_the_way
from morphsim.simulator.core.control import (
    LARGEST_LAG,
    LEAST_CONTRAST,
    LEAST_POWER,
    StepRecord,
    accept_step,
    faded,
    longest_without_lag,
    plan_step,
    seen_growth,
)
from morphsim.simulator.core.stall import WATCHED_TRIES, covers_too_little

ARRIVED, STALLED, REFUSED, INTERRUPTED = range(4)
"""How a run ends; an interrupted one goes on with the next call."""


@loop
def run_film(
    kernels: Kernels, constants: Constants, film: Film, state: Kept, index: int, memory: Memory
) -> int:
    """Advance one film until it arrives, can't go on, or has tried as many steps as a call may.

    Args:
        kernels: the long functions.
        constants: of the batch.
        film: its parameters.
        state: of the batch; only this film changes.
        index: of this film in the batch.
        memory: of any content.

    Returns:
        How the run ended.
    """
    if not on_the_way(state.time[index], film.until, state.thickness[index], film.lowest):
        return ARRIVED
    call(kernels.read, (state, index, memory))
    modes, work, transforms, fields = memory.modes, memory.work, constants.transforms, memory.fields
    # Where each of the fields and modes stands: they change places instead of being copied.
    at, mode, found = np.arange(3), np.arange(MODES), np.zeros(4)
    equations, noisy, evaporates = film.equations, film.strength > 0.0, constants.evaporates
    h1, smallest, contrast, next_step = state.thickness[index], 0.0, 0.0, 0.0
    speed, tries, accepted = 0.0, 0, False
    record = _record(state, index)
    tried = plan_step(record, speed, film.until, film.lowest, film.until, constants.tolerance, evaporates)
    new = memory.phi[at[NOW]]
    # The first turn finds the rates of the film as it is; each later one tries a step before.
    while True:
        if tries > 0:
            record = _record(state, index)
            finest = _longest_without_lag(state, index, constants.tolerance)
            left = film.until - state.time[index]
            tried = plan_step(record, speed, left, film.lowest, finest, constants.tolerance, evaporates)
            h, h1, x, theta = record.thickness, tried.thickness, constants.x, constants.theta
            now, past, new = memory.phi[at[NOW]], memory.phi[at[PAST]], memory.phi[at[NEW]]
            call(kernels.advance, (modes, mode, tried.dt, tried.weights, h, x, theta, memory))
            if evaporates:
                end = (h1, speed + tried.ratio * record.speed_change, tried.dt)
                call(kernels.surface, (constants, film, now, modes, mode, end, h, memory, found))
                h1 = found[0]
            if noisy:
                # A uniform number of width 1 has the variance 1/12.
                scale = np.sqrt(24.0 * film.strength * tried.dt / (h * (equations.dx * equations.dtheta)))
                counter = film.stream + np.uint64(state.draws[index])
                call(kernels.noise, (equations, counter, scale, h, memory))
                call(kernels.forward, (transforms, fields, work, modes[mode[PASSING]]))
                call(kernels.relax, (constants, film, modes, mode, tried.dt, h, h1, memory))
            call(kernels.inverse, (transforms, modes[mode[NEW_CONTENT]], work, 1.0 / h1, new))
            call(kernels.compare, (new, now, past, tried.ratio, noisy, memory, found))
            error, smallest, contrast, allowance = found[0], found[1], found[2], found[3]
            accepted, next_step = accept_step(
                record, tried, True, error, allowance, smallest, h1, constants.tolerance
            )
            if not accepted:
                state.step[index] = next_step
                state.refusals[index] += 1
                state.refused[index] += 1
        if accepted or tries == 0:
            new_speed = film_speed(new, film.biot, film.ambient) if evaporates else 0.0
            call(kernels.rates, (equations, new, h1, new_speed, memory, noisy))
            call(kernels.forward, (transforms, fields, work, modes[mode[PASSING]]))
            if accepted:
                change = modes[mode[NEW_RATE_CHANGE]]
                subtract_modes(modes[mode[PASSING]], modes[mode[RATES]], change, noisy)
                call(kernels.waves, (constants, film, modes, mode, h1, memory, found))
                _follow_waves(state, index, found, h1, record.history, tried.dt)
                if noisy:
                    memory.jump[0] = memory.jump[1]
                _accept(state, index, record, tried, at, mode)
                state.thickness[index], state.speed_change[index] = h1, new_speed - speed
                state.step[index], state.smallest[index] = next_step, smallest
                state.contrast[index] = contrast
            elif record.history == 0:
                first = _first_step(fields, h1, record.contrast, constants.tolerance)
                state.step[index] = min(state.step[index], first)
            mode[PASSING], mode[RATES] = mode[RATES], mode[PASSING]
            speed = new_speed
        how = _ended(constants, film, state, index, tries)
        if how >= 0:
            break
        tries += 1
        state.tries[index] += 1
    call(kernels.write, (memory, at, mode, state, index))
    return how


@inlined
def _longest_without_lag(state: Any, index: int, tolerance: float) -> Any:
    """The longest step in which neither layers nor ripples fall behind."""
    gain, wobble, damping = state.gain[index], state.wobble[index], state.wave_damping[index]
    span, history = state.span[index], float(state.history[index])
    layers = longest_without_lag(
        seen_growth(gain[0], wobble[0], span, history), damping[0], LARGEST_LAG[0] * tolerance
    )
    ripples = longest_without_lag(
        seen_growth(gain[1], wobble[1], span, history), damping[1], LARGEST_LAG[1] * tolerance
    )
    return min(layers, ripples)


@inlined
def _follow_waves(state: Any, index: int, found: Any, h: float, history: int, dt: float) -> None:
    """Keep how fast layers and ripples grow, from what `waves_of_film` has found."""
    for kind in range(2):
        amplitude = 0.5 * np.log(max(found[kind] / (h * h), LEAST_POWER))
        grown = amplitude - state.amplitude[index, kind]
        state.gain[index, kind] = faded(state.gain[index, kind], grown, history)
        state.wobble[index, kind] = faded(state.wobble[index, kind], grown * grown, history)
        state.amplitude[index, kind], state.wave_damping[index, kind] = amplitude, found[2 + kind]
    state.span[index] = faded(state.span[index], dt, history)


@inlined
def _record(state: Any, index: int) -> StepRecord:
    return StepRecord(
        state.thickness[index],
        state.step[index],
        state.last_step[index],
        state.older_step[index],
        state.history[index],
        state.refusals[index],
        state.speed_change[index],
        state.older_speed_change[index],
        state.smallest[index],
        state.contrast[index],
    )


@inlined
def _ended(constants: Any, film: Any, state: Any, index: int, tries: int) -> int:
    """How the run has ended; -1 if it has not."""
    time, h = state.time[index], state.thickness[index]
    if not on_the_way(time, film.until, h, film.lowest):
        return ARRIVED
    if tries == 0:
        return -1
    if state.refusals[index] >= constants.most_refusals:
        return REFUSED
    if state.tries[index] % WATCHED_TRIES == 0:
        before, h_before = state.watched[0, index], state.watched[1, index]
        state.watched[0, index], state.watched[1, index] = time, h
        if covers_too_little(time - before, film.until - before, h_before - h, h_before - film.lowest):
            return STALLED
    return INTERRUPTED if tries >= constants.tries else -1


@inlined
def _first_step(rates: Any, h: float, contrast: float, tolerance: float) -> float:
    """A step over which the fields change by half of what the tolerance allows; rates (2, H, W)."""
    fields, height, width = rates.shape
    most = 0.0
    for c in range(fields):
        total = 0.0
        for row in range(height):
            for j in range(width):
                total += np.float64(rates[c, row, j]) ** 2
        most = max(most, total)
    change = np.sqrt(most / (height * width)) / h
    return float(0.5 * tolerance * max(contrast, LEAST_CONTRAST) / max(change, 1e-30))


@inlined
def _accept(state: Any, index: int, record: Any, tried: Any, at: Any, mode: Any) -> None:
    """Make what a step has made the film's own, with its history."""
    mode[CONTENT], mode[NEW_CONTENT] = mode[NEW_CONTENT], mode[CONTENT]
    free = mode[OLDER_CHANGE]
    mode[OLDER_CHANGE], mode[CHANGE], mode[NEW_CHANGE] = mode[CHANGE], mode[NEW_CHANGE], free
    free = mode[OLDER_RATE_CHANGE]
    mode[OLDER_RATE_CHANGE], mode[RATE_CHANGE] = mode[RATE_CHANGE], mode[NEW_RATE_CHANGE]
    mode[NEW_RATE_CHANGE] = free
    free = at[PAST]
    at[PAST], at[NOW], at[NEW] = at[NOW], at[NEW], free
    state.older_speed_change[index] = record.speed_change
    state.time[index] += tried.dt
    state.older_step[index], state.last_step[index] = record.last_step, tried.dt
    state.history[index] += 1
    state.draws[index] += 1
    state.refusals[index] = 0
