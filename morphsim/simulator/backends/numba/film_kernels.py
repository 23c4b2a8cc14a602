"""The long functions of a film's step, as kernels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from morphsim.compiled import loop
from morphsim.simulator.backends.numba.film import ONSAGER, rates_of_film, stiffness_of_film
from morphsim.simulator.backends.numba.kernels import Kernel
from morphsim.simulator.backends.numba.layout import (
    CHANGE,
    CONTENT,
    MODES,
    NEW_CHANGE,
    NEW_CONTENT,
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
from morphsim.simulator.backends.numba.modes import (
    advance_film_modes,
    read_modes,
    soften_film_modes,
    write_modes,
)
from morphsim.simulator.backends.numba.noise import add_film_ripple, film_noise
from morphsim.simulator.backends.numba.step import allow_noise, compare_film
from morphsim.simulator.backends.numba.surface import correct_film
from morphsim.simulator.backends.numba.transforms import forward, inverse


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
        modes[mode[RATES]],
        modes[mode[RATE_CHANGE]],
        modes[mode[CHANGE]],
        modes[mode[OLDER_RATE_CHANGE]],
        modes[mode[OLDER_CHANGE]],
        modes[mode[CONTENT]],
        dt,
        weights,
        memory.stiffness,
        h,
        x,
        theta,
        memory.gains,
        modes[mode[NEW_CONTENT]],
        modes[mode[NEW_CHANGE]],
    )


@loop
def soften_kernel(modes: Any, mode: Any, dt: float, h: float, x: Any, theta: Any, memory: Any) -> None:
    """See `soften_film_modes`."""
    passing, content = modes[mode[PASSING]], modes[mode[NEW_CONTENT]]
    soften_film_modes(passing, dt, memory.stiffness, h, x, theta, memory.gains, content)


@loop
def surface_kernel(
    constants: Any, film: Any, old: Any, modes: Any, mode: Any, step: Any, h: float, memory: Any, found: Any
) -> None:
    """See `correct_film`; with what it adds to the change of the content."""
    h1, expected, dt = step
    content, new_content = modes[mode[CONTENT]], modes[mode[NEW_CONTENT]]
    new_change = modes[mode[NEW_CHANGE]]
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
    memory.phi[NOW] = state.phi[index]
    memory.phi[PAST] = state.phi_before[index]
    memory.noise[0] = state.noise[index]
    for number in range(state.modes.shape[0]):
        read_modes(state.modes[number, index], memory.modes[number])


@loop
def write_kernel(memory: Any, at: Any, mode: Any, state: Any, index: int) -> None:
    """Undo `read_kernel`, after the fields and modes have changed places."""
    state.phi[index] = memory.phi[at[NOW]]
    state.phi_before[index] = memory.phi[at[PAST]]
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
