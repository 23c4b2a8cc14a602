"""Compiled loops under thermal noise: what is left of it in the modes, and the waves that grow from it."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphsim.compiled import inlined, loop
from morphsim.simulator.backends.numba.math import decay

# Below this, (1 - e^{-z}) / z is taken from its series.
_SMALL = 0.02
_TINY = 1e-20


@inlined
def _lasting(z: Any) -> Any:
    """(1 - e^{-z}) / z for z >= 0."""
    real = type(z)
    large = z if z > real(_SMALL) else real(_SMALL)
    far = (real(1.0) - decay(large)) / large
    near = real(1.0) - z * (real(0.5) - z * (real(1.0 / 6.0) - z * real(1.0 / 24.0)))
    return far if z > real(_SMALL) else near


@inlined
def _kept(rate: Any, damping: Any, z: Any, p1: Any) -> Any:
    """See `kept_noise`."""
    real = type(z)
    zero, one, two = real(0.0), real(1.0), real(2.0)
    share = min(max(rate / max(damping, real(_TINY)), zero), one)
    rest = p1 + share * (one - p1)
    a = one - rest
    pull = share * z * p1 / (rest * (one + a))
    swing = (rest + two * a * pull) / (one + a)
    return np.sqrt(min(max(p1 * (one + swing - pull) / (two * swing), zero), one))


@inlined
def relax_factors(
    k2: Any, dt: Any, stiffness: Any, second: Any, fourth: Any, kappa: Any, out: Any, j: int
) -> None:
    """Factors for two fields: what is left of noise, row by row, and minus the rates A, (8, .) at `j`."""
    real = type(k2)
    zero, half, two = real(0.0), real(0.5), real(2.0)
    damping = max(
        max(k2 * (stiffness[0, 0] + stiffness[1, 0] * k2), k2 * (stiffness[0, 1] + stiffness[1, 1] * k2)),
        zero,
    )
    z = dt * damping
    p1 = _lasting(z)
    a11 = k2 * (second[0, 0] + fourth[0, 0] * k2)
    a12 = k2 * (second[0, 1] + fourth[0, 1] * k2)
    a21 = k2 * (second[1, 0] + fourth[1, 0] * k2)
    a22 = k2 * (second[1, 1] + fourth[1, 1] * k2)
    mean = half * (a11 + a22)
    apart = half * (a11 - a22)
    apart = np.sqrt(max(apart * apart + a12 * a21, zero))
    fast = _kept(mean + apart, damping, z, p1)
    slow = _kept(mean - apart, damping, z, p1)
    slope = (fast - slow) / max(two * apart, real(_TINY))
    level = slow - slope * (mean - apart)
    cut1, cut2 = decay(half * kappa[0] * k2), decay(half * kappa[1] * k2)
    out[0, j] = (level + slope * a11) * cut1
    out[1, j] = slope * a12 * cut2
    out[2, j] = slope * a21 * cut1
    out[3, j] = (level + slope * a22) * cut2
    out[4, j] = -a11
    out[5, j] = -a12
    out[6, j] = -a21
    out[7, j] = -a22


@loop
def relax_noise(
    noise: Any,
    second: Any,
    fourth: Any,
    kappa: Any,
    dt: Any,
    stiffness2: Any,
    stiffness4: Any,
    depth: Any,
    x: Any,
    theta: Any,
    drift: Any,
) -> None:
    """What is left of the noise of one or two fields, in place, see `Backend.relax_noise`.

    Args:
        noise: real view of the modes, (B, C, H, modes or 2 * modes).
        second: factor of k² in the rates A, (B, C, C).
        fourth: factor of k⁴, (B, C, C).
        kappa: (B, C).
        dt: (B,).
        stiffness2: A2, (B, C).
        stiffness4: A4, (B, C).
        depth: h that the damping refers to, (B,).
        x: squared wavenumbers along the film, for each number of the last axis of `noise`.
        theta: squared wavenumbers in scaled depth, (H,).
        drift: receives the rates, of the shape of `noise`.
    """
    batch, fields, height, width = noise.shape
    real = dt.dtype.type
    half = real(0.5)
    factors = np.empty((8, width), dt.dtype)
    stiffness = np.empty((2, 2), dt.dtype)
    for film in range(batch):
        if fields == 2:
            stiffness[0], stiffness[1] = stiffness2[film], stiffness4[film]
        for row in range(height):
            k2_row = theta[row] / (depth[film] * depth[film])
            for j in range(width):
                k2 = x[j] + k2_row
                if fields == 2:
                    relax_factors(
                        k2, dt[film], stiffness, second[film], fourth[film], kappa[film], factors, j
                    )
                    continue
                rate = k2 * (second[film, 0, 0] + fourth[film, 0, 0] * k2)
                damping = max(k2 * (stiffness2[film, 0] + stiffness4[film, 0] * k2), real(0.0))
                z = dt[film] * damping
                kept = _kept(rate, damping, z, _lasting(z)) * decay(half * kappa[film, 0] * k2)
                kept = kept * noise[film, 0, row, j]
                noise[film, 0, row, j] = kept
                drift[film, 0, row, j] = -rate * kept
            if fields == 1:
                continue
            for j in range(width):
                first, other = noise[film, 0, row, j], noise[film, 1, row, j]
                one = factors[0, j] * first + factors[1, j] * other
                two = factors[2, j] * first + factors[3, j] * other
                noise[film, 0, row, j], noise[film, 1, row, j] = one, two
                drift[film, 0, row, j] = factors[4, j] * one + factors[5, j] * two
                drift[film, 1, row, j] = factors[6, j] * one + factors[7, j] * two


@loop
def waves(
    content: Any,
    columns: int,
    kappa: Any,
    stiffness2: Any,
    stiffness4: Any,
    depth: Any,
    x: Any,
    theta: Any,
    power: Any,
    damping: Any,
) -> None:
    """Power and mean damping of layers and ripples, see `Backend.waves`.

    Args:
        content: real view of the modes, (B, C, H, modes or 2 * modes).
        columns: numbers of the last axis that belong to modes which are constant along x, 1 or 2.
        kappa: (B, C).
        stiffness2: A2, (B, C).
        stiffness4: A4, (B, C).
        depth: h that the damping refers to, (B,).
        x: squared wavenumbers along the film, for each number of the last axis of `content`.
        theta: squared wavenumbers in scaled depth, (H,).
        power: receives the power, (B, 2).
        damping: receives the mean damping, (B, 2).
    """
    batch, fields, height, width = content.shape
    real = x.dtype.type
    two = real(2.0)
    fading = np.empty(width, x.dtype)
    for film in range(batch):
        power[film] = 0.0
        damping[film] = 0.0
        for c in range(fields):
            s2, s4, reach = stiffness2[film, c], stiffness4[film, c], real(4.0) * kappa[film, c]
            for j in range(width):
                fading[j] = decay(reach * x[j])
            for row in range(height):
                k2_row = theta[row] / (depth[film] * depth[film])
                squares, sizes = real(0.0), real(0.0)
                for j in range(columns, width):
                    k2 = x[j] + k2_row
                    square = content[film, c, row, j] * content[film, c, row, j] * fading[j]
                    squares += square
                    sizes += square * k2 * (s2 + s4 * k2)
                deep = np.float64(decay(reach * k2_row))
                deeper = np.float64(decay(two * reach * k2_row))
                power[film, 1] += deep * squares
                damping[film, 1] += deep * sizes
                squares = real(0.0)
                for j in range(columns):
                    squares += content[film, c, row, j] * content[film, c, row, j]
                layers = deeper * squares * k2_row * k2_row
                power[film, 0] += layers
                damping[film, 0] += layers * k2_row * (s2 + s4 * k2_row)
        for kind in range(2):
            damping[film, kind] /= max(power[film, kind], 1e-300)
