"""Compiled work on the modes of one film, which are laid out as `transforms` has them."""

from __future__ import annotations

from typing import Any

from morphsim.compiled import inlined
from morphsim.simulator.backends.numba.step import kept_noise, mode_gains
from morphsim.simulator.backends.numba.vectors import lanes_of, load, splat, store


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
        gains: memory, (4, depth).
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
def soften_film_modes(
    modes: Any, dt: Any, stiffness: Any, depth: Any, x: Any, theta: Any, gains: Any, content: Any
) -> None:
    """What is left of the noise in the modes of one film, in place, see `Backend.soften`; added to `content`.

    Arguments as those of `advance_film_modes`.
    """
    fields, waves, parts, deep = modes.shape
    real = modes.dtype.type
    step = real(dt)
    shallow = real(1.0) / (real(depth) * real(depth))
    lanes = lanes_of(modes)
    for c in range(fields):
        s2, s4 = stiffness[0, c], stiffness[1, c]
        for k in range(waves):
            across = x[k]
            for j in range(deep):
                k2 = across + theta[j] * shallow
                gains[0, j] = kept_noise(k2 * (s2 + s4 * k2), step)
            for part in range(parts):
                start = ((c * waves + k) * parts + part) * deep
                for j in range(0, deep, lanes):
                    kept = load(modes, start + j) * load(gains, j)
                    store(modes, start + j, kept)
                    store(content, start + j, load(content, start + j) + kept)


@inlined
def subtract_modes(one: Any, other: Any, out: Any) -> None:
    """The difference of modes."""
    for i in range(0, one.size, lanes_of(one)):
        store(out, i, load(one, i) - load(other, i))
