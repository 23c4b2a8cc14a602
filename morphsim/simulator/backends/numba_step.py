"""Compiled parts of a time step: the update of the modes, the comparison of the fields, the noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphsim.compiled import inlined, loop
from morphsim.simulator.backends.numba_math import decay, scramble
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
    """Change of the modes over a step, see `etd.advance_modes`; real views (B, C, H, 2 * modes).

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
                    # Both ways for every mode, so that the loop has no branches.
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
def soften(dt: Any, stiffness2: Any, stiffness4: Any, depth: Any, x: Any, theta: Any, modes: Any) -> None:
    """What a step leaves of a noise, in place, see `etd.soften`; a real view (B, C, H, 2 * modes)."""
    batch, fields, height, width = modes.shape
    real = dt.dtype.type
    one, two, tiny = real(1.0), real(2.0), real(0.02)
    for film in range(batch):
        for c in range(fields):
            s2, s4 = stiffness2[film, c], stiffness4[film, c]
            for row in range(height):
                k2_row = theta[row] / (depth[film] * depth[film])
                for j in range(width):
                    k2 = x[j] + k2_row
                    z = two * dt[film] * k2 * (s2 + s4 * k2)
                    large = z if abs(z) > tiny else tiny
                    far = (one - decay(large)) / large
                    near = real(1.0 / 24.0) - z * (real(1.0 / 120.0) - z / real(720.0))
                    near = one - z * (real(0.5) - z * (real(1.0 / 6.0) - z * near))
                    modes[film, c, row, j] *= np.sqrt(far if abs(z) > tiny else near)


@loop
def compare(
    new: Any, old: Any, before: Any, w: Any, allowance: Any, error: Any, smallest: Any, contrast: Any
) -> None:
    """How far new fields (B, C, H, W) are from the extrapolation of the old ones.

    Args:
        new: φ_{n+1}.
        old: φ_n.
        before: φ_{n-1}.
        w: ratio of the steps, (B,).
        allowance: what of the rms in each row is not counted, (B, C, H).
        error: receives the largest rms of a row, less its allowance, (B,).
        smallest: receives the smallest share of a component, (B,).
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
                for j in range(width):
                    value = new[film, c, row, j]
                    rest = value - old[film, c, row, j]
                    rest = rest - ratio * (old[film, c, row, j] - before[film, c, row, j])
                    total += rest * rest
                    solids[j] += value
                    lows[c, j] = min(lows[c, j], value)
                    highs[c, j] = max(highs[c, j], value)
                rms = np.sqrt(np.float64(total) / width)
                if not np.isfinite(rms):
                    broken = True
                worst = max(worst, rms - allowance[film, c, row])
            for j in range(width):
                most[j] = max(most[j], solids[j])
        for c in range(fields):
            for j in range(width):
                low[j] = min(low[j], lows[c, j])
            spread = max(spread, np.float64(highs[c].max() - lows[c].min()))
        error[film] = np.inf if broken else worst
        smallest[film] = min(np.float64(low.min()), 1.0 - np.float64(most.max()))
        contrast[film] = spread


@loop
def add_ripple(
    ripple: Any,
    thickness: Any,
    phi: Any,
    before: Any,
    new: Any,
    new_before: Any,
    noise: Any,
    smallest: Any,
) -> None:
    """Add noise to fields, see `stepper.add_ripple`.

    Args:
        ripple: what the noise adds to h φ, (B, C, H, W).
        thickness: h, (B,).
        phi: φ_{n+1} without it.
        before: φ_n.
        new: receives φ_{n+1}.
        new_before: receives φ_n with the same noise.
        noise: receives the rms of the noise in each row, (B, C, H).
        smallest: receives the smallest share of a component, (B,).
    """
    batch, fields, height, width = ripple.shape
    real = ripple.dtype.type
    solids = np.empty(width, ripple.dtype)
    low = np.empty(width, ripple.dtype)
    most = np.empty(width, ripple.dtype)
    for film in range(batch):
        h = real(thickness[film])
        low[:] = np.inf
        most[:] = -np.inf
        for row in range(height):
            solids[:] = 0
            for c in range(fields):
                total = real(0.0)
                for j in range(width):
                    jump = ripple[film, c, row, j] / h
                    value = phi[film, c, row, j] + jump
                    new[film, c, row, j] = value
                    new_before[film, c, row, j] = before[film, c, row, j] + jump
                    total += jump * jump
                    solids[j] += value
                    low[j] = min(low[j], value)
                noise[film, c, row] = np.sqrt(total / real(width))
            for j in range(width):
                most[j] = max(most[j], solids[j])
        smallest[film] = min(np.float64(low.min()), 1.0 - np.float64(most.max()))


@loop
def noise_increments(
    counters: Any,
    scale: Any,
    thickness: Any,
    mobility: Any,
    cross: Any,
    mixed: bool,
    periodic: bool,
    dx: float,
    dtheta: float,
    out: Any,
) -> None:
    """Divergence of random fluxes in films between substrate and surface, see `ThermalNoise`.

    Args:
        counters: of each film's present step, uint64 (B,).
        scale: sqrt(24 ε dt / cell), (B,).
        thickness: h, (B,).
        mobility: (B, C, H, W).
        cross: (B, H, W).
        mixed: whether `cross` counts.
        periodic: along x; a wall otherwise.
        dx: width of a cell.
        dtheta: scaled depth of a cell.
        out: receives what the fluxes add to h φ, (B, C, H, W).
    """
    batch, fields, height, width = mobility.shape
    real = mobility.dtype.type
    half, tiny = real(0.5), real(2.0**-24)
    golden = np.uint64(0x9E3779B97F4A7C15)
    numbers = np.empty((fields, width), mobility.dtype)
    faces = np.empty((fields, width), mobility.dtype)
    random_x = np.empty((fields, width), mobility.dtype)
    random_z = np.empty((fields, width), mobility.dtype)
    shared = np.empty(width, mobility.dtype)
    over = np.empty((fields, width), mobility.dtype)
    for film in range(batch):
        if scale[film] == 0.0:
            out[film] = 0
            continue
        key = scramble(counters[film])
        across = real(scale[film] * thickness[film] / dx)
        down = real(scale[film] / dtheta)
        over[:] = 0
        for row in range(height):
            bottom = row == height - 1
            for c in range(fields):
                first = np.uint64((c * height + row) * width)
                for j in range(width):
                    bits = scramble(key + (first + np.uint64(j + 1)) * golden)
                    high = np.int32(bits >> np.uint64(40))
                    middle = np.int32((bits >> np.uint64(8)) & np.uint64(0xFFFFFF))
                    random_x[c, j] = (real(high) + half) * tiny - half
                    random_z[c, j] = (real(middle) + half) * tiny - half
            # Along x.
            for c in range(fields):
                for j in range(width - 1):
                    faces[c, j] = half * (mobility[film, c, row, j] + mobility[film, c, row, j + 1])
                faces[c, width - 1] = half * (mobility[film, c, row, width - 1] + mobility[film, c, row, 0])
            if mixed:
                for j in range(width - 1):
                    shared[j] = half * (cross[film, row, j] + cross[film, row, j + 1])
                shared[width - 1] = half * (cross[film, row, width - 1] + cross[film, row, 0])
            _correlate(faces, shared, mixed, random_x, numbers)
            if not periodic:
                numbers[:, width - 1] = 0
            for c in range(fields):
                out[film, c, row, 0] = (numbers[c, 0] - numbers[c, width - 1]) * across - over[c, 0]
                for j in range(1, width):
                    out[film, c, row, j] = (numbers[c, j] - numbers[c, j - 1]) * across - over[c, j]
            if bottom:
                continue
            # Through the face under this row.
            for c in range(fields):
                for j in range(width):
                    faces[c, j] = half * (mobility[film, c, row, j] + mobility[film, c, row + 1, j])
            if mixed:
                for j in range(width):
                    shared[j] = half * (cross[film, row, j] + cross[film, row + 1, j])
            _correlate(faces, shared, mixed, random_z, over)
            for c in range(fields):
                for j in range(width):
                    over[c, j] *= down
                    out[film, c, row, j] += over[c, j]


@inlined
def _correlate(faces: Any, shared: Any, mixed: bool, random: Any, out: Any) -> None:
    """Random numbers (C, W) with the covariance of the mobilities at the faces."""
    fields, width = faces.shape
    if not mixed:
        for c in range(fields):
            for j in range(width):
                out[c, j] = np.sqrt(faces[c, j]) * random[c, j]
        return
    zero = faces[0, 0] * 0
    for j in range(width):
        first = np.sqrt(faces[0, j])
        both = shared[j] / first
        own = np.sqrt(max(faces[1, j] - both * both, zero))
        out[0, j] = first * random[0, j]
        out[1, j] = both * random[0, j] + own * random[1, j]
