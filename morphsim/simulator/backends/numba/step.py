"""Compiled parts of a time step: the update of the modes and the comparison of the fields."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphsim.compiled import inlined, loop
from morphsim.simulator.backends.numba.math import decay
from morphsim.simulator.core.etd import THIRD_ORDER_REACH

MODES_AT_ONCE = 256
"""The weights of so many modes are kept in one array, one after the other at known distances: loops over
several arrays are not vectorised when the compiler can't tell whether they overlap."""
_SECOND, _THIRD, _FOURTH = 2 * MODES_AT_ONCE, 4 * MODES_AT_ONCE, 6 * MODES_AT_ONCE


@loop
def modal_rates(potential: Any, content: Any, h: Any, mobility: Any, kappa: Any, x: Any, theta: Any) -> None:
    """-M k² (h F[μ] + κ k² q) in place of the modes `potential`, real views (B, C, H, 2 * modes)."""
    batch, fields, height, width = potential.shape
    for film in range(batch):
        for c in range(fields):
            m, stiff, thickness = mobility[film, c], kappa[film, c], h[film]
            for row in range(height):
                depth = theta[row] / (thickness * thickness)
                for j in range(width):
                    k2 = x[j] + depth
                    potential[film, c, row, j] = (
                        -m
                        * k2
                        * (thickness * potential[film, c, row, j] + stiff * k2 * content[film, c, row, j])
                    )


@loop
def advance_modes(
    rates: Any,
    rate_change: Any,
    content_change: Any,
    older_rate_change: Any,
    older_content_change: Any,
    dt: Any,
    weights: Any,
    stiffness2: Any,
    stiffness4: Any,
    depth: Any,
    x: Any,
    theta: Any,
    out: Any,
) -> None:
    """Change of the modes over a step, see `Backend.advance_modes`; real views (B, C, H, 2 * modes).

    Args:
        rates: R_n.
        rate_change: R_n - R_{n-1}.
        content_change: q_n - q_{n-1}.
        older_rate_change: R_{n-1} - R_{n-2}.
        older_content_change: q_{n-1} - q_{n-2}.
        dt: (B,).
        weights: (B, 6), see `control.step_weights`.
        stiffness2: A2, (B, C).
        stiffness4: A4, (B, C).
        depth: h, (B,).
        x: squared wavenumbers along x, (modes,).
        theta: squared wavenumbers in scaled depth, (H,).
        out: receives q_{n+1} - q_n.
    """
    batch, fields, height, width = rates.shape
    numbers = np.empty(10, dt.dtype)
    of_modes = np.empty(4 * MODES_AT_ONCE, dt.dtype)
    weights_of_modes = np.empty(8 * MODES_AT_ONCE, dt.dtype)
    for film in range(batch):
        numbers[0], numbers[1:7], numbers[9] = dt[film], weights[film], depth[film]
        for c in range(fields):
            numbers[7], numbers[8] = stiffness2[film, c], stiffness4[film, c]
            for row in range(height):
                k2 = theta[row] / (depth[film] * depth[film])
                for first in range(0, x.size, MODES_AT_ONCE):
                    last = min(first + MODES_AT_ONCE, x.size)
                    start, end = first * (width // x.size), last * (width // x.size)
                    weigh_modes(x[first:last], k2, numbers, width != x.size, of_modes, weights_of_modes)
                    advance_chunk(
                        rates[film, c, row, start:end],
                        rate_change[film, c, row, start:end],
                        content_change[film, c, row, start:end],
                        older_rate_change[film, c, row, start:end],
                        older_content_change[film, c, row, start:end],
                        weights_of_modes,
                        out[film, c, row, start:end],
                    )


@inlined
def weigh_modes(x: Any, depth: Any, numbers: Any, complex_modes: Any, work: Any, out: Any) -> None:
    """Damping and weights of some modes of a row, see `Backend.advance_modes`.

    Args:
        x: squared wavenumbers along x, up to `MODES_AT_ONCE`.
        depth: squared wavenumber in depth.
        numbers: Δt, the six of `control.step_weights`, A2 and A4.
        complex_modes: whether a mode is two real numbers.
        work: space for half of them, (4 * MODES_AT_ONCE,).
        out: receives Λ and the factors of R_n, D_n and -D_{n-1} of each real number, (8 * MODES_AT_ONCE,).
    """
    step, s2, s4 = numbers[0], numbers[7], numbers[8]
    of_step = (numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6])
    for j in range(x.size):
        k2 = x[j] + depth
        damping = k2 * (s2 + s4 * k2)
        straight, newer, older = mode_gains(damping, step, of_step)
        work[j] = damping
        work[MODES_AT_ONCE + j] = straight
        work[2 * MODES_AT_ONCE + j] = newer
        work[3 * MODES_AT_ONCE + j] = older
    for weight in range(4):
        of_modes, spread = work[weight * MODES_AT_ONCE :], out[2 * weight * MODES_AT_ONCE :]
        if complex_modes:
            for j in range(x.size):
                spread[2 * j] = of_modes[j]
                spread[2 * j + 1] = of_modes[j]
        else:
            for j in range(x.size):
                spread[j] = of_modes[j]


@inlined
def advance_chunk(
    rates: Any,
    rate_change: Any,
    content_change: Any,
    older_rate_change: Any,
    older_content_change: Any,
    weights: Any,
    out: Any,
) -> None:
    """Change of some modes of a row over a step, see `advance_modes`, with the weights of `weigh_modes`."""
    # Two loops, since one over so many arrays is not vectorised.
    for j in range(out.size):
        first = rate_change[j] + weights[j] * content_change[j]
        out[j] = weights[_SECOND + j] * rates[j] + weights[_THIRD + j] * first
    for j in range(out.size):
        second = older_rate_change[j] + weights[j] * older_content_change[j]
        out[j] = out[j] - weights[_FOURTH + j] * second


@inlined
def mode_gains(damping: Any, dt: Any, weights: Any) -> Any:
    """Factors of R_n, D_n and D_{n-1} in the step of a mode, see `Backend.advance_modes`."""
    real = type(damping)
    one, half, sixth, reach = real(1.0), real(0.5), real(1.0 / 6.0), real(THIRD_ORDER_REACH)
    e1, a1, b1, c1, b2, c2 = weights[0], weights[1], weights[2], weights[3], weights[4], weights[5]
    z = dt * damping
    # Series and quotients for every mode, so that the loop has no branches.
    series = one / real(3628800.0) - z / real(39916800.0)
    series = one / real(362880.0) - z * series
    series = one / real(40320.0) - z * series
    series = one / real(5040.0) - z * series
    series = one / real(720.0) - z * series
    series = one / real(120.0) - z * series
    series = one / real(24.0) - z * series
    small3 = sixth - z * series
    small2 = half - z * small3
    small1 = one - z * small2
    small = abs(z) < half
    large = half if small else z
    inverse = one / large
    large1 = (one - decay(large)) * inverse
    large2 = (one - large1) * inverse
    large3 = (half - large2) * inverse
    p1 = small1 if small else large1
    p2 = small2 if small else large2
    p3 = small3 if small else large3
    share = reach / max(z, reach)
    newer = e1 * p2 + share * ((a1 + b1 - e1) * p2 + c1 * p3)
    return dt * p1, newer, share * (b2 * p2 + c2 * p3)


@loop
def compare(
    new: Any,
    old: Any,
    before: Any,
    w: Any,
    of_line: Any,
    noisy: Any,
    error: Any,
    smallest: Any,
    contrast: Any,
) -> None:
    """How far new fields (B, C, H, W) are from the extrapolation of the old ones.

    Args:
        new: φ_{n+1}.
        old: φ_n.
        before: φ_{n-1}.
        w: ratio of the steps, (B,).
        of_line: part of the difference of the means of rows that is due to noise, (B, C, H).
        noisy: films under noise, of which the means of rows are compared, (B,).
        error: receives the largest rms or mean of a row, (B,).
        smallest: receives the smallest volume fraction of a component, (B,).
        contrast: receives the largest spread of a field, (B,).
    """
    for film in range(new.shape[0]):
        error[film], smallest[film], contrast[film] = compare_film(
            new[film], old[film], before[film], w[film], of_line[film], noisy[film]
        )


@inlined
def compare_film(new: Any, old: Any, before: Any, w: Any, of_line: Any, noisy: Any) -> tuple[Any, Any, Any]:
    """Error, smallest fraction and contrast of one film, see `compare`."""
    fields, height, width = new.shape
    ratio = new.dtype.type(w)
    worst = 0.0
    spread = 0.0
    broken = False
    low = np.full(width, np.inf, new.dtype)
    solids = np.empty(width, new.dtype)
    most = np.full(width, -np.inf, new.dtype)
    lows = np.empty((fields, width), new.dtype)
    highs = np.empty((fields, width), new.dtype)
    lows[:] = np.inf
    highs[:] = -np.inf
    for row in range(height):
        solids[:] = 0
        for c in range(fields):
            total = new.dtype.type(0.0)
            squares = new.dtype.type(0.0)
            for j in range(width):
                value = new[c, row, j]
                rest = value - old[c, row, j]
                rest = rest - ratio * (old[c, row, j] - before[c, row, j])
                total += rest
                squares += rest * rest
                solids[j] += value
                lows[c, j] = min(lows[c, j], value)
                highs[c, j] = max(highs[c, j], value)
            rms = np.sqrt(np.float64(squares) / width)
            if not np.isfinite(rms):
                broken = True
            if noisy:
                mean = np.float64(total) / width - np.float64(of_line[c, row])
                worst = max(worst, abs(mean))
            else:
                worst = max(worst, rms)
        for j in range(width):
            most[j] = max(most[j], solids[j])
    for c in range(fields):
        for j in range(width):
            low[j] = min(low[j], lows[c, j])
        spread = max(spread, np.float64(highs[c].max() - lows[c].min()))
    return np.inf if broken else worst, min(np.float64(low.min()), 1.0 - np.float64(most.max())), spread
