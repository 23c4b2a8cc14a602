"""The long functions of a film's step, as kernels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from morphsim.compiled import loop
from morphsim.simulator.backends.numba.film import is_mixed, rates_of_film, stiffness_of_film
from morphsim.simulator.backends.numba.kernels import Kernel
from morphsim.simulator.backends.numba.layout import (
    CHANGE,
    CONTENT,
    MODES,
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
from morphsim.simulator.backends.numba.modes import (
    advance_film_modes,
    read_modes,
    relax_film_noise,
    waves_of_film,
    write_modes,
)
from morphsim.simulator.backends.numba.noise import film_noise
from morphsim.simulator.backends.numba.relaxation import mean_rates_of_film
from morphsim.simulator.backends.numba.step import compare_film
from morphsim.simulator.backends.numba.surface import correct_film
from morphsim.simulator.backends.numba.transforms import forward, inverse
from morphsim.simulator.core.control import NOISE_ALLOWANCE


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
def rates_kernel(film: Any, phi: Any, h: float, speed: float, memory: Any, noisy: bool) -> None:
    """See `rates_of_film`; with what the next step takes besides the rates."""
    mobility, cross = memory.mobility, memory.cross
    potential, curvature = memory.potential, memory.curvature
    rates_of_film(film, phi, h, speed, potential, curvature, memory.fields, mobility, cross)
    stiffness_of_film(film, h, curvature, mobility, cross, memory.stiffness)
    if noisy:
        mean_rates_of_film(film, phi, mobility, cross, memory.second, memory.fourth)


@loop
def noise_kernel(film: Any, counter: Any, scale: float, h: float, memory: Any) -> None:
    """See `film_noise`."""
    film_noise(
        counter,
        scale,
        h,
        memory.mobility,
        memory.cross,
        is_mixed(film.kind),
        film.periodic,
        film.dx,
        film.dtheta,
        memory.fields,
    )


@loop
def compare_kernel(
    new: Any, old: Any, before: Any, ratio: float, noisy: bool, memory: Any, found: Any
) -> None:
    """See `compare_film`, and `Kicks` for a film under noise."""
    last, jump, kicks = memory.jump[0], memory.jump[1], memory.kicks
    fields, height = kicks.shape
    real = kicks.dtype.type
    found[3] = 0.0
    for c in range(fields if noisy else 0):
        squares = real(0.0)
        for row in range(height):
            kicks[c, row] = jump[c, row] - real(ratio) * last[c, row]
            squares += last[c, row] * last[c, row]
        found[3] = max(found[3], NOISE_ALLOWANCE * np.float64(np.sqrt(squares / real(height))))
    found[0], found[1], found[2] = compare_film(new, old, before, ratio, kicks, noisy)


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
def relax_kernel(
    constants: Any, film: Any, modes: Any, mode: Any, dt: float, h: float, h1: float, memory: Any
) -> None:
    """See `relax_film_noise`; with what is left of the noise in the means of rows."""
    noise, content, drift = modes[mode[PASSING]], modes[mode[NEW_CONTENT]], modes[mode[NEW_RATE_CHANGE]]
    x, theta, jump = constants.x, constants.theta, memory.jump[1]
    numbers = np.empty(14, noise.dtype)
    for c in range(2):
        numbers[2 * c : 2 * c + 2] = memory.stiffness[c]
        numbers[4 + 2 * c : 6 + 2 * c] = memory.second[c]
        numbers[8 + 2 * c : 10 + 2 * c] = memory.fourth[c]
    numbers[12:14] = film.equations.parameters[6:8]
    relax_film_noise(noise, dt, numbers, h, x, theta, memory.gains, content, drift)
    fields, height = jump.shape
    real = jump.dtype.type
    scale = real(1.0) / (real(np.sqrt(float(memory.fields.shape[2]))) * real(h1))
    for c in range(fields):
        jump[c] = 0
        for depth in range(height):
            amplitude = noise[c, 0, 0, depth] * scale
            for row in range(height):
                jump[c, row] += constants.cosines[depth, row] * amplitude


@loop
def waves_kernel(constants: Any, film: Any, modes: Any, mode: Any, h: float, memory: Any, found: Any) -> None:
    """See `waves_of_film`."""
    content, kappa = modes[mode[NEW_CONTENT]], film.equations.parameters[6:8]
    waves_of_film(content, kappa, memory.stiffness, h, constants.x, constants.theta, memory.gains, found)


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
    memory.jump[0] = state.jump[index]
    for number in range(state.modes.shape[0]):
        read_modes(state.modes[number, index], memory.modes[number])


@loop
def write_kernel(memory: Any, at: Any, mode: Any, state: Any, index: int) -> None:
    """Undo `read_kernel`, after the fields and modes have changed places."""
    state.phi[index] = memory.phi[at[NOW]]
    state.phi_before[index] = memory.phi[at[PAST]]
    state.jump[index] = memory.jump[0]
    for number in range(state.modes.shape[0]):
        write_modes(memory.modes[mode[number]], state.modes[number, index])


class Kernels(NamedTuple):
    """The long functions of a step."""

    forward: Kernel
    inverse: Kernel
    rates: Kernel
    noise: Kernel
    compare: Kernel
    advance: Kernel
    relax: Kernel
    waves: Kernel
    surface: Kernel
    read: Kernel
    write: Kernel


def kernels_for(constants: Constants, film: Film, state: Kept, memory: Memory) -> Kernels:
    """The kernels for arguments of these types."""
    transforms, fields, work, one = constants.transforms, memory.fields, memory.work, memory.modes[0]
    x, theta, phi, found, mode = constants.x, constants.theta, memory.phi[0], np.zeros(4), np.arange(MODES)
    return Kernels(
        Kernel(forward_kernel, transforms, fields, work, one),
        Kernel(inverse_kernel, transforms, one, work, 1.0, fields),
        Kernel(rates_kernel, film.equations, phi, 1.0, 1.0, memory, True),
        Kernel(noise_kernel, film.equations, film.stream, 1.0, 1.0, memory),
        Kernel(compare_kernel, phi, phi, phi, 1.0, True, memory, found),
        Kernel(advance_kernel, memory.modes, mode, 1.0, (1.0,) * 6, 1.0, x, theta, memory),
        Kernel(relax_kernel, constants, film, memory.modes, mode, 1.0, 1.0, 1.0, memory),
        Kernel(waves_kernel, constants, film, memory.modes, mode, 1.0, memory, found),
        Kernel(surface_kernel, constants, film, phi, memory.modes, mode, (1.0, 1.0, 1.0), 1.0, memory, found),
        Kernel(read_kernel, state, 0, memory),
        Kernel(write_kernel, memory, mode, mode, state, 0),
    )
