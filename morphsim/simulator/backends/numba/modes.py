"""Compiled work on the modes of one film, which are laid out as `transforms` has them."""

from __future__ import annotations

from typing import Any

from morphsim.compiled import inlined
from morphsim.simulator.backends.numba.math import decay
from morphsim.simulator.backends.numba.relaxation import fade, relax_factors
from morphsim.simulator.backends.numba.step import mode_gains
from morphsim.simulator.backends.numba.vectors import lanes_of, load, splat, store
from morphsim.simulator.core.control import LEAST_POWER


@inlined
def read_modes(view: Any, modes: Any) -> None:
    """Take modes (2, K, parts, depth) from a real view (2, H, K * parts) of those of `Grid`."""
    fields, height = view.shape[:2]
    parts = modes.shape[2]
    modes[:, :, :, height:] = 0
    for c in range(fields):
        for k in range(modes.shape[1]):
            for part in range(parts):
                for row in range(height):
                    modes[c, k, part, row] = view[c, row, k * parts + part]


@inlined
def write_modes(modes: Any, view: Any) -> None:
    """Undo `read_modes`."""
    fields, height = view.shape[:2]
    parts = modes.shape[2]
    for c in range(fields):
        for row in range(height):
            for k in range(modes.shape[1]):
                for part in range(parts):
                    view[c, row, k * parts + part] = modes[c, k, part, row]


@inlined
def advance_film_modes(
    rates: Any,
    rate_change: Any,
    change: Any,
    older_rate_change: Any,
    older_change: Any,
    content: Any,
    dt: Any,
    weights: Any,
    stiffness: Any,
    depth: Any,
    x: Any,
    theta: Any,
    gains: Any,
    new_content: Any,
    new_change: Any,
) -> None:
    """The step of the modes of one film, see `Backend.advance_modes`.

    Args:
        rates: R_n.
        rate_change: R_n - R_{n-1}.
        change: q_n - q_{n-1}.
        older_rate_change: R_{n-1} - R_{n-2}.
        older_change: q_{n-1} - q_{n-2}.
        content: q_n.
        dt: size of the step.
        weights: six, see `control.step_weights`.
        stiffness: A2 and A4 of each field, (2, 2).
        depth: h.
        x: squared wavenumbers along x, (K,).
        theta: squared wavenumbers in scaled depth, padded.
        gains: memory, (10, depth).
        new_content: receives q_{n+1}.
        new_change: receives q_{n+1} - q_n.
    """
    fields, waves, parts, deep = rates.shape
    real = rates.dtype.type
    step = real(dt)
    rounded = (
        real(weights[0]),
        real(weights[1]),
        real(weights[2]),
        real(weights[3]),
        real(weights[4]),
        real(weights[5]),
    )
    shallow = real(1.0) / (real(depth) * real(depth))
    lanes = lanes_of(rates)
    for c in range(fields):
        s2, s4 = stiffness[0, c], stiffness[1, c]
        for k in range(waves):
            across = x[k]
            for j in range(deep):
                k2 = across + theta[j] * shallow
                damping = k2 * (s2 + s4 * k2)
                straight, newer, older = mode_gains(damping, step, rounded)
                gains[0, j] = straight
                gains[1, j] = newer
                gains[2, j] = older
            for part in range(parts):
                start = ((c * waves + k) * parts + part) * deep
                for j in range(0, deep, lanes):
                    i = start + j
                    k2 = load(theta, j) * shallow + splat(rates, across)
                    damping = k2 * (k2 * s4 + splat(rates, s2))
                    first = load(rate_change, i) + damping * load(change, i)
                    second = load(older_rate_change, i) + damping * load(older_change, i)
                    added = load(gains, j) * load(rates, i) + load(gains, deep + j) * first
                    added = added - load(gains, 2 * deep + j) * second
                    store(new_change, i, added)
                    store(new_content, i, load(content, i) + added)


@inlined
def relax_film_noise(
    noise: Any,
    dt: Any,
    numbers: Any,
    depth: Any,
    x: Any,
    theta: Any,
    gains: Any,
    content: Any,
    drift: Any,
) -> None:
    """What is left of the noise in the modes of one film, see `Backend.relax_noise`.

    Args:
        noise: modes, in place.
        dt: size of the step.
        numbers: see `relax_factors`.
        depth: h.
        x: squared wavenumbers along x, (K,).
        theta: squared wavenumbers in scaled depth, padded.
        gains: memory, (10, depth).
        content: receives the noise besides what it holds.
        drift: receives the rates at which the noise relaxes.
    """
    waves, parts, deep = noise.shape[1:]
    real = noise.dtype.type
    shallow = real(1.0) / (real(depth) * real(depth))
    lanes = lanes_of(noise)
    apart = waves * parts * deep
    fade(theta, shallow, numbers, gains[8:])
    for k in range(waves):
        relax_factors(x[k : k + 1], theta, shallow, real(dt), numbers, gains[8:], gains)
        for part in range(parts):
            start = (k * parts + part) * deep
            for j in range(0, deep, lanes):
                i = start + j
                first, other = load(noise, i), load(noise, apart + i)
                one = load(gains, j) * first + load(gains, deep + j) * other
                two = load(gains, 2 * deep + j) * first + load(gains, 3 * deep + j) * other
                store(noise, i, one)
                store(noise, apart + i, two)
                store(content, i, load(content, i) + one)
                store(content, apart + i, load(content, apart + i) + two)
                store(drift, i, load(gains, 4 * deep + j) * one + load(gains, 5 * deep + j) * two)
                store(drift, apart + i, load(gains, 6 * deep + j) * one + load(gains, 7 * deep + j) * two)


@inlined
def waves_of_film(
    content: Any, kappa: Any, stiffness: Any, depth: Any, x: Any, theta: Any, gains: Any, found: Any
) -> None:
    """Power of layers and ripples, and their mean damping, see `Backend.waves`.

    Args:
        content: modes of h φ.
        kappa: of both fields.
        stiffness: A2 and A4 of each field, (2, 2).
        depth: h.
        x: squared wavenumbers along x, (K,).
        theta: squared wavenumbers in scaled depth, padded.
        gains: memory, (10, depth).
        found: receives the powers of both, and their dampings.
    """
    fields, waves, parts, deep = content.shape
    real = content.dtype.type
    shallow = real(1.0) / (real(depth) * real(depth))
    found[:4] = 0.0
    lanes = lanes_of(content)
    for c in range(fields):
        s2, s4, reach = stiffness[0, c], stiffness[1, c], real(4.0) * kappa[c]
        for j in range(deep):
            gains[0, j] = decay(reach * theta[j] * shallow)
        gains[1:3] = 0
        # Sums over the waves along x are kept for each depth side by side.
        for k in range(1, waves):
            across, fade = x[k], decay(reach * x[k])
            for part in range(parts):
                start = ((c * waves + k) * parts + part) * deep
                for j in range(0, deep, lanes):
                    k2 = load(theta, j) * shallow + splat(content, across)
                    mode = load(content, start + j)
                    square = mode * mode * fade
                    store(gains, deep + j, load(gains, deep + j) + square)
                    sized = square * k2 * (k2 * s4 + splat(content, s2))
                    store(gains, 2 * deep + j, load(gains, 2 * deep + j) + sized)
        for j in range(deep):
            found[1] += gains[0, j] * gains[1, j]
            found[3] += gains[0, j] * gains[2, j]
        for part in range(parts):
            for j in range(deep):
                k2 = theta[j] * shallow
                square = content[c, 0, part, j] * gains[0, j] * k2
                square = square * square
                found[0] += square
                found[2] += square * k2 * (s2 + s4 * k2)
    for kind in range(2):
        found[2 + kind] = found[2 + kind] / found[kind] if found[kind] > LEAST_POWER else 0.0


@inlined
def subtract_modes(one: Any, other: Any, out: Any, drifts: bool) -> None:
    """The difference of modes, less what `out` holds if that is a drift."""
    for i in range(0, one.size, lanes_of(one)):
        rest = load(one, i) - load(other, i)
        store(out, i, rest - load(out, i) if drifts else rest)
