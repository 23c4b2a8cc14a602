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
    NEW_PAST,
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
    LEAST_CONTRAST,
    StepRecord,
    accept_noise,
    accept_step,
    plan_step,
)
from morphsim.simulator.core.stall import WATCHED_TRIES, covers_too_little

ARRIVED, STALLED, REFUSED, INTERRUPTED = range(4)
"""How a run ends; an interrupted one goes on with the next call."""


# What a turn of the loop does: the step itself, the rates after it, its noise, the rates after that.
_STEP, _CHANGE_OF_RATES, _NOISE, _NEXT_RATES = range(4)


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
    modes, work, transforms = memory.modes, memory.work, constants.transforms
    noise, equations = memory.noise, film.equations
    # Where each of the fields and modes stands: they change places instead of being copied.
    at, mode, found = np.arange(4), np.arange(MODES), np.zeros(3)
    noisy = film.strength > 0.0
    h1, smallest, contrast, next_step = state.thickness[index], 0.0, 0.0, 0.0
    speed, new_speed, speed_change = 0.0, 0.0, 0.0
    record = _record(state, index)
    tried = plan_step(record, speed, film.until, film.lowest, constants.evaporates)
    at[NEW], at[NOW] = at[NOW], at[NEW]
    tries, stage, begins = 0, _NEXT_RATES, True
    while True:
        passing = modes[mode[PASSING]]
        if stage == _STEP:
            how = _ended(constants, film, state, index, tries)
            if how >= 0:
                break
            tries += 1
            state.tries[index] += 1
            record = _record(state, index)
            left = film.until - state.time[index]
            tried = plan_step(record, speed, left, film.lowest, constants.evaporates)
            h, h1, x, theta = record.thickness, tried.thickness, constants.x, constants.theta
            call(kernels.advance, (modes, mode, tried.dt, tried.weights, h, x, theta, memory))
            if constants.evaporates:
                end = (h1, speed + tried.ratio * record.speed_change, tried.dt)
                old = memory.phi[at[NOW]]
                call(kernels.surface, (constants, film, old, modes, mode, end, h, memory, found))
                h1 = found[0]
        elif stage == _NOISE:
            # A uniform number of width 1 has the variance 1/12.
            scale = np.sqrt(24.0 * film.strength * tried.dt / (h1 * (equations.dx * equations.dtheta)))
            counter = film.stream + np.uint64(state.draws[index] + 1)
            call(kernels.noise, (equations, counter, scale, h1, memory))
        else:
            phi = memory.phi[at[NEW]]
            new_speed = film_speed(phi, film.biot, film.ambient) if constants.evaporates else 0.0
            which = 0 if stage == _NEXT_RATES else 1
            call(kernels.rates, (equations, phi, h1, new_speed, memory, which))
        if stage != _STEP:
            call(kernels.forward, (transforms, memory.fields, work, passing))
        if stage == _NOISE:
            call(kernels.soften, (modes, mode, tried.dt, h1, constants.x, constants.theta, memory))
        elif (stage == _CHANGE_OF_RATES or not noisy) and not begins and stage != _STEP:
            subtract_modes(passing, modes[mode[RATES]], modes[mode[NEW_RATE_CHANGE]])
            speed_change = new_speed - speed
        if stage == _CHANGE_OF_RATES:
            stage = _NOISE
            continue
        if stage == _NEXT_RATES:
            mode[PASSING], mode[RATES] = mode[RATES], mode[PASSING]
            if begins:
                at[NEW], at[NOW] = at[NOW], at[NEW]
                if record.history == 0:
                    first = _first_step(memory.fields, h1, record.contrast, constants.tolerance)
                    state.step[index] = min(state.step[index], first)
            else:
                _accept(state, index, record, tried, at, mode, noisy)
                state.thickness[index], state.speed_change[index] = h1, speed_change
                state.step[index], state.smallest[index] = next_step, smallest
                state.contrast[index] = contrast
                if noisy:
                    noise[0] = noise[1]
            speed, stage, begins = new_speed, _STEP, False
            continue
        fields = memory.phi[at[NEW]] if stage == _STEP else memory.fields
        source = modes[mode[NEW_CONTENT]] if stage == _STEP else passing
        scale = 1.0 / h1 if stage == _STEP else 1.0
        call(kernels.inverse, (transforms, source, work, scale, fields))
        now, past, new = memory.phi[at[NOW]], memory.phi[at[PAST]], memory.phi[at[NEW]]
        if stage == _STEP:
            call(kernels.compare, (new, now, past, tried.ratio, memory, found))
            error, smallest, contrast = found[0], found[1], found[2]
            accepted, next_step = accept_step(record, tried, True, error, smallest, h1, constants.tolerance)
            stage = _CHANGE_OF_RATES if noisy else _NEXT_RATES
        else:
            new_past = memory.phi[at[NEW_PAST]]
            call(kernels.ripple, (new, now, new_past, h1, memory, found))
            smallest = found[1]
            accepted, next_step = accept_noise(record.smallest, smallest, tried.dt, True, next_step)
            stage = _NEXT_RATES
        if not accepted:
            state.step[index] = next_step
            state.refusals[index] += 1
            state.refused[index] += 1
            stage = _STEP
    call(kernels.write, (memory, at, mode, state, index))
    return how


@inlined
def _record(state: Any, index: int) -> StepRecord:
    return StepRecord(
        state.thickness[index],
        state.step[index],
        state.last_step[index],
        state.older_step[index],
        state.history[index],
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
def _accept(state: Any, index: int, record: Any, tried: Any, at: Any, mode: Any, noisy: bool) -> None:
    """Make what a step has made the film's own, with its history."""
    mode[CONTENT], mode[NEW_CONTENT] = mode[NEW_CONTENT], mode[CONTENT]
    free = mode[OLDER_CHANGE]
    mode[OLDER_CHANGE], mode[CHANGE], mode[NEW_CHANGE] = mode[CHANGE], mode[NEW_CHANGE], free
    free = mode[OLDER_RATE_CHANGE]
    mode[OLDER_RATE_CHANGE], mode[RATE_CHANGE] = mode[RATE_CHANGE], mode[NEW_RATE_CHANGE]
    mode[NEW_RATE_CHANGE] = free
    if noisy:
        at[PAST], at[NEW_PAST] = at[NEW_PAST], at[PAST]
        at[NOW], at[NEW] = at[NEW], at[NOW]
    else:
        free = at[PAST]
        at[PAST], at[NOW], at[NEW] = at[NOW], at[NEW], free
    state.older_speed_change[index] = record.speed_change
    state.time[index] += tried.dt
    state.older_step[index], state.last_step[index] = record.last_step, tried.dt
    state.history[index] += 1
    state.draws[index] += 1
    state.refusals[index] = 0
