"""A film on its way to a time or a thickness, in one compiled function: the steps of `Stepper`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from morphsim.compiled import inlined, loop
from morphsim.simulator.backends.numba import control as _control  # noqa: F401 - step control for numbers
from morphsim.simulator.backends.numba.film import ONSAGER, rates_of_film, stiffness_of_film
from morphsim.simulator.backends.numba.kernels import Kernel, call
from morphsim.simulator.backends.numba.modes import (
    advance_film_modes,
    read_modes,
    soften_film_modes,
    subtract_modes,
    write_modes,
)
from morphsim.simulator.backends.numba.noise import add_film_ripple, film_noise
from morphsim.simulator.backends.numba.step import allow_noise, compare_film
from morphsim.simulator.backends.numba.surface import correct_film, film_speed
from morphsim.simulator.backends.numba.transforms import Transforms, Workspace, forward, inverse
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


# Modes between two steps, and those that a step makes.
_CONTENT, _CHANGE, _OLDER_CHANGE, _RATE_CHANGE, _OLDER_RATE_CHANGE, _RATES = range(6)
_NEW_CONTENT, _NEW_CHANGE, _NEW_RATE_CHANGE, _PASSING = range(6, 10)
MODES = 10
KEPT_MODES = (
    "content",
    "content_change",
    "older_content_change",
    "rate_change",
    "older_rate_change",
)
_NOW, _PAST, _NEW, _NEW_PAST = range(4)


@loop
def forward_kernel(transforms: Any, fields: Any, work: Any, modes: Any) -> None:
    """See `forward`; without the mean, which is zero but for rounding: mass is conserved to the last bit."""
    forward(transforms, fields, work, modes)
    modes[:, 0, :, 0] = 0


@loop
def inverse_kernel(transforms: Any, modes: Any, work: Any, scale: float, fields: Any) -> None:
    """See `inverse`."""
    inverse(transforms, modes, work, scale, fields)


@loop
def rates_kernel(film: Any, phi: Any, h: float, speed: float, memory: Any, which: int) -> None:
    """See `rates_of_film`; at 0 mobilities and stiffness stay for the next step."""
    mobility, cross = memory.mobility[which], memory.cross[which]
    potential, curvature = memory.potential, memory.curvature
    rates_of_film(film, phi, h, speed, potential, curvature, memory.fields, mobility, cross)
    if which == 0:
        stiffness_of_film(film, h, curvature, mobility, cross, memory.stiffness)


@loop
def noise_kernel(film: Any, counter: Any, scale: float, h: float, memory: Any) -> None:
    """See `film_noise`."""
    film_noise(
        counter,
        scale,
        h,
        memory.mobility[0],
        memory.cross[0],
        film.kind == ONSAGER,
        film.periodic,
        film.dx,
        film.dtheta,
        memory.fields,
    )


@loop
def compare_kernel(new: Any, old: Any, before: Any, ratio: float, memory: Any, found: Any) -> None:
    """See `allow_noise` and `compare_film`."""
    allow_noise(memory.noise[0], new.shape[2], memory.allowance)
    found[0], found[1], found[2] = compare_film(new, old, before, ratio, memory.allowance)


@loop
def ripple_kernel(new: Any, old: Any, before: Any, h: float, memory: Any, found: Any) -> None:
    """See `add_film_ripple`."""
    found[1] = add_film_ripple(memory.fields, h, new, old, new, before, memory.noise[1])


@loop
def advance_kernel(
    modes: Any, mode: Any, dt: float, weights: Any, h: float, x: Any, theta: Any, memory: Any
) -> None:
    """See `advance_film_modes`."""
    advance_film_modes(
        modes[mode[_RATES]],
        modes[mode[_RATE_CHANGE]],
        modes[mode[_CHANGE]],
        modes[mode[_OLDER_RATE_CHANGE]],
        modes[mode[_OLDER_CHANGE]],
        modes[mode[_CONTENT]],
        dt,
        weights,
        memory.stiffness,
        h,
        x,
        theta,
        memory.gains,
        modes[mode[_NEW_CONTENT]],
        modes[mode[_NEW_CHANGE]],
    )


@loop
def soften_kernel(modes: Any, mode: Any, dt: float, h: float, x: Any, theta: Any, memory: Any) -> None:
    """See `soften_film_modes`."""
    passing, content = modes[mode[_PASSING]], modes[mode[_NEW_CONTENT]]
    soften_film_modes(passing, dt, memory.stiffness, h, x, theta, memory.gains, content)


@loop
def surface_kernel(
    constants: Any, film: Any, old: Any, modes: Any, mode: Any, step: Any, h: float, memory: Any, found: Any
) -> None:
    """See `correct_film`; with what it adds to the change of the content."""
    h1, expected, dt = step
    content, new_content = modes[mode[_CONTENT]], modes[mode[_NEW_CONTENT]]
    new_change = modes[mode[_NEW_CHANGE]]
    upright = new_content[:, 0, 0, : old.shape[1]]
    found[0] = correct_film(
        old,
        upright,
        h1,
        expected,
        dt,
        h,
        memory.stiffness[0],
        memory.stiffness[1],
        constants.theta,
        constants.cosines,
        constants.face_theta,
        constants.at_surface,
        film.biot,
        film.ambient,
    )
    for c in range(2):
        for row in range(old.shape[1]):
            new_change[c, 0, 0, row] = upright[c, row] - content[c, 0, 0, row]


@loop
def read_kernel(state: Any, index: int, memory: Any) -> None:
    """Take a film from its batch."""
    memory.phi[_NOW] = state.phi[index]
    memory.phi[_PAST] = state.phi_before[index]
    memory.noise[0] = state.noise[index]
    for number in range(state.modes.shape[0]):
        read_modes(state.modes[number, index], memory.modes[number])


@loop
def write_kernel(memory: Any, at: Any, mode: Any, state: Any, index: int) -> None:
    """Undo `read_kernel`, after the fields and modes have changed places."""
    state.phi[index] = memory.phi[at[_NOW]]
    state.phi_before[index] = memory.phi[at[_PAST]]
    state.noise[index] = memory.noise[0]
    for number in range(state.modes.shape[0]):
        write_modes(memory.modes[mode[number]], state.modes[number, index])


class Kernels(NamedTuple):
    """The long functions of a step."""

    forward: Kernel
    inverse: Kernel
    rates: Kernel
    noise: Kernel
    compare: Kernel
    ripple: Kernel
    advance: Kernel
    soften: Kernel
    surface: Kernel
    read: Kernel
    write: Kernel


def kernels_for(constants: Constants, film: Film, state: Kept, memory: Memory) -> Kernels:
    """The kernels for arguments of these types."""
    transforms, fields, work, one = constants.transforms, memory.fields, memory.work, memory.modes[0]
    x, theta, phi, found, mode = constants.x, constants.theta, memory.phi[0], np.zeros(3), np.arange(MODES)
    return Kernels(
        Kernel(forward_kernel, transforms, fields, work, one),
        Kernel(inverse_kernel, transforms, one, work, 1.0, fields),
        Kernel(rates_kernel, film.equations, phi, 1.0, 1.0, memory, 0),
        Kernel(noise_kernel, film.equations, film.stream, 1.0, 1.0, memory),
        Kernel(compare_kernel, phi, phi, phi, 1.0, memory, found),
        Kernel(ripple_kernel, phi, phi, phi, 1.0, memory, found),
        Kernel(advance_kernel, memory.modes, mode, 1.0, (1.0,) * 6, 1.0, x, theta, memory),
        Kernel(soften_kernel, memory.modes, mode, 1.0, 1.0, x, theta, memory),
        Kernel(surface_kernel, constants, film, phi, memory.modes, mode, (1.0, 1.0, 1.0), 1.0, memory, found),
        Kernel(read_kernel, state, 0, memory),
        Kernel(write_kernel, memory, mode, mode, state, 0),
    )


class Constants(NamedTuple):
    """What all films of a batch share.

    Attributes:
        transforms: of their grid.
        theta: squared wavenumbers in scaled depth, padded with zeros.
        x: squared wavenumbers along x.
        cosines: see `Grid.surface_arrays`.
        face_theta: the same.
        at_surface: the same.
        evaporates: whether the thickness changes.
        tolerance: see `Stepper`.
        most_refusals: a film is given up after so many refused steps in a row.
        tries: most steps to try in one call.
    """

    transforms: Transforms
    theta: Any
    x: Any
    cosines: Any
    face_theta: Any
    at_surface: Any
    evaporates: bool
    tolerance: float
    most_refusals: int
    tries: int


class Film(NamedTuple):
    """One film.

    Attributes:
        equations: its `Equations`.
        biot: of its evaporation.
        ambient: the same.
        strength: of its thermal noise; 0 for none.
        stream: counter of its noise, uint64.
        until: the wanted time.
        lowest: the wanted thickness.
    """

    equations: Any
    biot: float
    ambient: float
    strength: float
    stream: Any
    until: float
    lowest: float


class Kept(NamedTuple):
    """A batch of films between two steps, as `State` has it: arrays of all films, and besides

    Attributes:
        modes: real views of the modes in the order of `KEPT_MODES`, (5, B, 2, H, .).
        tries: steps tried so far, int64 (B,).
        refused: steps refused so far, int64 (B,).
        watched: time and thickness when the films were last watched for a stall, (2, B).
    """

    phi: Any
    phi_before: Any
    modes: Any
    thickness: Any
    speed_change: Any
    older_speed_change: Any
    time: Any
    step: Any
    last_step: Any
    older_step: Any
    history: Any
    draws: Any
    refusals: Any
    noise: Any
    smallest: Any
    contrast: Any
    tries: Any
    refused: Any
    watched: Any


class Memory(NamedTuple):
    """Memory for the steps of one film.

    Attributes:
        phi: the fields, those a step before, and both at the end of a step, (4, 2, H, W).
        noise: rms of the noise in each row, before and after a step, (2, 2, H).
        modes: (MODES, 2, K, parts, depth).
        fields: right-hand side, or fields after a transform, (2, H, W).
        potential: (2, H, W).
        curvature: (2, H, W).
        mobility: at the start of a step and of passing use, (2, 2, H, W).
        cross: the same, (2, H, W).
        allowance: of the error in each row, (2, H).
        stiffness: at the start of a step, (2, 2).
        gains: of modes, (3, depth).
        work: of the transforms.
    """

    phi: Any
    noise: Any
    modes: Any
    fields: Any
    potential: Any
    curvature: Any
    mobility: Any
    cross: Any
    allowance: Any
    stiffness: Any
    gains: Any
    work: Workspace


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
    at[_NEW], at[_NOW] = at[_NOW], at[_NEW]
    tries, stage, begins = 0, _NEXT_RATES, True
    while True:
        passing = modes[mode[_PASSING]]
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
                old = memory.phi[at[_NOW]]
                call(kernels.surface, (constants, film, old, modes, mode, end, h, memory, found))
                h1 = found[0]
        elif stage == _NOISE:
            # A uniform number of width 1 has the variance 1/12.
            scale = np.sqrt(24.0 * film.strength * tried.dt / (h1 * (equations.dx * equations.dtheta)))
            counter = film.stream + np.uint64(state.draws[index] + 1)
            call(kernels.noise, (equations, counter, scale, h1, memory))
        else:
            phi = memory.phi[at[_NEW]]
            new_speed = film_speed(phi, film.biot, film.ambient) if constants.evaporates else 0.0
            which = 0 if stage == _NEXT_RATES else 1
            call(kernels.rates, (equations, phi, h1, new_speed, memory, which))
        if stage != _STEP:
            call(kernels.forward, (transforms, memory.fields, work, passing))
        if stage == _NOISE:
            call(kernels.soften, (modes, mode, tried.dt, h1, constants.x, constants.theta, memory))
        elif (stage == _CHANGE_OF_RATES or not noisy) and not begins and stage != _STEP:
            subtract_modes(passing, modes[mode[_RATES]], modes[mode[_NEW_RATE_CHANGE]])
            speed_change = new_speed - speed
        if stage == _CHANGE_OF_RATES:
            stage = _NOISE
            continue
        if stage == _NEXT_RATES:
            mode[_PASSING], mode[_RATES] = mode[_RATES], mode[_PASSING]
            if begins:
                at[_NEW], at[_NOW] = at[_NOW], at[_NEW]
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
        fields = memory.phi[at[_NEW]] if stage == _STEP else memory.fields
        source = modes[mode[_NEW_CONTENT]] if stage == _STEP else passing
        scale = 1.0 / h1 if stage == _STEP else 1.0
        call(kernels.inverse, (transforms, source, work, scale, fields))
        now, past, new = memory.phi[at[_NOW]], memory.phi[at[_PAST]], memory.phi[at[_NEW]]
        if stage == _STEP:
            call(kernels.compare, (new, now, past, tried.ratio, memory, found))
            error, smallest, contrast = found[0], found[1], found[2]
            accepted, next_step = accept_step(record, tried, True, error, smallest, h1, constants.tolerance)
            stage = _CHANGE_OF_RATES if noisy else _NEXT_RATES
        else:
            new_past = memory.phi[at[_NEW_PAST]]
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
    return 0.5 * tolerance * max(contrast, LEAST_CONTRAST) / max(change, 1e-30)


@inlined
def _accept(state: Any, index: int, record: Any, tried: Any, at: Any, mode: Any, noisy: bool) -> None:
    """Make what a step has made the film's own, with its history."""
    mode[_CONTENT], mode[_NEW_CONTENT] = mode[_NEW_CONTENT], mode[_CONTENT]
    free = mode[_OLDER_CHANGE]
    mode[_OLDER_CHANGE], mode[_CHANGE], mode[_NEW_CHANGE] = mode[_CHANGE], mode[_NEW_CHANGE], free
    free = mode[_OLDER_RATE_CHANGE]
    mode[_OLDER_RATE_CHANGE], mode[_RATE_CHANGE] = mode[_RATE_CHANGE], mode[_NEW_RATE_CHANGE]
    mode[_NEW_RATE_CHANGE] = free
    if noisy:
        at[_PAST], at[_NEW_PAST] = at[_NEW_PAST], at[_PAST]
        at[_NOW], at[_NEW] = at[_NEW], at[_NOW]
    else:
        free = at[_PAST]
        at[_PAST], at[_NOW], at[_NEW] = at[_NOW], at[_NEW], free
    state.older_speed_change[index] = record.speed_change
    state.time[index] += tried.dt
    state.older_step[index], state.last_step[index] = record.last_step, tried.dt
    state.history[index] += 1
    state.draws[index] += 1
    state.refusals[index] = 0
