"""Compiled loops over modes under thermal noise: what is left of it, and the ripples that it makes."""

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
    zero, half, two = real(0.0), real(0.5), real(2.0)
    for film in range(batch):
        last = fields - 1
        kappa1, kappa2 = kappa[film, 0], kappa[film, last]
        p, r = second[film], fourth[film]
        for row in range(height):
            k2_row = theta[row] / (depth[film] * depth[film])
            for j in range(width):
                k2 = x[j] + k2_row
                damping = max(
                    max(
                        k2 * (stiffness2[film, 0] + stiffness4[film, 0] * k2),
                        k2 * (stiffness2[film, last] + stiffness4[film, last] * k2),
                    ),
                    zero,
                )
                z = dt[film] * damping
                p1 = _lasting(z)
                a11 = k2 * (p[0, 0] + r[0, 0] * k2)
                a22 = k2 * (p[last, last] + r[last, last] * k2)
                if fields == 1:
                    kept = noise[film, 0, row, j] * decay(half * kappa1 * k2)
                    kept = kept * _kept(a11, damping, z, p1)
                    noise[film, 0, row, j] = kept
                    drift[film, 0, row, j] = -a11 * kept
                    continue
                a12 = k2 * (p[0, last] + r[0, last] * k2)
                a21 = k2 * (p[last, 0] + r[last, 0] * k2)
                mean = half * (a11 + a22)
                apart = half * (a11 - a22)
                apart = np.sqrt(max(apart * apart + a12 * a21, zero))
                fast = _kept(mean + apart, damping, z, p1)
                slow = _kept(mean - apart, damping, z, p1)
                slope = (fast - slow) / max(two * apart, real(_TINY))
                level = slow - slope * (mean - apart)
                first = noise[film, 0, row, j] * decay(half * kappa1 * k2)
                other = noise[film, last, row, j] * decay(half * kappa2 * k2)
                one = level * first + slope * (a11 * first + a12 * other)
                two_kept = level * other + slope * (a21 * first + a22 * other)
                noise[film, 0, row, j] = one
                noise[film, last, row, j] = two_kept
                drift[film, 0, row, j] = -(a11 * one + a12 * two_kept)
                drift[film, last, row, j] = -(a21 * one + a22 * two_kept)


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
