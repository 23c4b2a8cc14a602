"""Compiled parts of a time step: the update of the modes and the comparison of the fields."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphsim.compiled import loop
from morphsim.simulator.backends.numba.math import decay
from morphsim.simulator.core.etd import THIRD_ORDER_REACH


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
        x: squared wavenumbers along x, (2 * modes,).
        theta: squared wavenumbers in scaled depth, (H,).
        out: receives q_{n+1} - q_n.
    """
    batch, fields, height, width = rates.shape
    real = dt.dtype.type
    one, half, sixth = real(1.0), real(0.5), real(1.0 / 6.0)
    reach = real(THIRD_ORDER_REACH)
    for film in range(batch):
        step = dt[film]
        e1, a1, b1, c1, b2, c2 = weights[film]
        a1 = a1 + b1 - e1
        for c in range(fields):
            s2, s4 = stiffness2[film, c], stiffness4[film, c]
            for row in range(height):
                k2_row = theta[row] / (depth[film] * depth[film])
                for j in range(width):
                    k2 = x[j] + k2_row
                    damping = k2 * (s2 + s4 * k2)
                    z = step * damping
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
                    large1 = (one - decay(large)) / large
                    large2 = (one - large1) / large
                    large3 = (half - large2) / large
                    p1 = small1 if small else large1
                    p2 = small2 if small else large2
                    p3 = small3 if small else large3
                    share = reach / max(z, reach)
                    first = rate_change[film, c, row, j] + damping * content_change[film, c, row, j]
                    second = (
                        older_rate_change[film, c, row, j] + damping * older_content_change[film, c, row, j]
                    )
                    out[film, c, row, j] = (
                        step * p1 * rates[film, c, row, j]
                        + (e1 * p2 + share * (a1 * p2 + c1 * p3)) * first
                        - share * (b2 * p2 + c2 * p3) * second
                    )


@loop
def compare(
    new: Any,
    old: Any,
    before: Any,
    w: Any,
    of_line: Any,
    allowance: Any,
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
        allowance: part of this difference that is not counted, (B, C).
        noisy: films under noise, of which the means of rows are compared, (B,).
        error: receives the largest rms or mean of a row, (B,).
        smallest: receives the smallest volume fraction of a component, (B,).
        contrast: receives the largest spread of a field, (B,).
    """
    batch, fields, height, width = new.shape
    for film in range(batch):
        ratio = new.dtype.type(w[film])
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
                    value = new[film, c, row, j]
                    rest = value - old[film, c, row, j]
                    rest = rest - ratio * (old[film, c, row, j] - before[film, c, row, j])
                    total += rest
                    squares += rest * rest
                    solids[j] += value
                    lows[c, j] = min(lows[c, j], value)
                    highs[c, j] = max(highs[c, j], value)
                rms = np.sqrt(np.float64(squares) / width)
                if not np.isfinite(rms):
                    broken = True
                if noisy[film]:
                    mean = np.float64(total) / width - of_line[film, c, row]
                    worst = max(worst, abs(mean) - allowance[film, c])
                else:
                    worst = max(worst, rms)
            for j in range(width):
                most[j] = max(most[j], solids[j])
        for c in range(fields):
            for j in range(width):
                low[j] = min(low[j], lows[c, j])
            spread = max(spread, np.float64(highs[c].max() - lows[c].min()))
        error[film] = np.inf if broken else worst
        smallest[film] = min(np.float64(low.min()), 1.0 - np.float64(most.max()))
        contrast[film] = spread
