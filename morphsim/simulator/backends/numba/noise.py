"""Compiled thermal noise: the divergence of random fluxes."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphsim.compiled import inlined, loop
from morphsim.simulator.backends.numba.math import scramble


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
    """Divergence of random fluxes in films between substrate and surface, see `Backend.noise_increments`.

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
    for film in range(mobility.shape[0]):
        film_noise(
            counters[film],
            scale[film],
            thickness[film],
            mobility[film],
            cross[film],
            mixed,
            periodic,
            dx,
            dtheta,
            out[film],
        )


@inlined
def film_noise(
    counter: Any,
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
    """Divergence of random fluxes in one film, see `noise_increments`."""
    if scale == 0.0:
        out[:] = 0
        return
    fields, height, width = mobility.shape
    real = mobility.dtype.type
    numbers = np.empty((fields, width), mobility.dtype)
    faces = np.empty((fields, width), mobility.dtype)
    random_x = np.empty((fields, width), mobility.dtype)
    random_z = np.empty((fields, width), mobility.dtype)
    shared = np.empty(width, mobility.dtype)
    over = np.zeros((fields, width), mobility.dtype)
    key = scramble(counter)
    across = real(scale * thickness / dx)
    down = real(scale / dtheta)
    for row in range(height):
        _draw(key, row, height, random_x, random_z)
        _faces_along(mobility, cross, mixed, row, faces, shared)
        _correlate(faces, shared, mixed, random_x, numbers)
        if not periodic:
            numbers[:, width - 1] = 0
        for c in range(fields):
            out[c, row, 0] = (numbers[c, 0] - numbers[c, width - 1]) * across - over[c, 0]
            for j in range(1, width):
                out[c, row, j] = (numbers[c, j] - numbers[c, j - 1]) * across - over[c, j]
        if row == height - 1:
            continue
        _faces_under(mobility, cross, mixed, row, faces, shared)
        _correlate(faces, shared, mixed, random_z, over)
        for c in range(fields):
            for j in range(width):
                over[c, j] *= down
                out[c, row, j] += over[c, j]


@inlined
def _draw(key: Any, row: int, height: int, random_x: Any, random_z: Any) -> None:
    """Uniform numbers in (-1/2, 1/2) of the cells of a row, (C, W) each."""
    fields, width = random_x.shape
    real = random_x.dtype.type
    half, tiny = real(0.5), real(2.0**-24)
    golden = np.uint64(0x9E3779B97F4A7C15)
    for c in range(fields):
        first = np.uint64((c * height + row) * width)
        for j in range(width):
            bits = scramble(key + (first + np.uint64(j + 1)) * golden)
            high = np.int32(bits >> np.uint64(40))
            middle = np.int32((bits >> np.uint64(8)) & np.uint64(0xFFFFFF))
            random_x[c, j] = (real(high) + half) * tiny - half
            random_z[c, j] = (real(middle) + half) * tiny - half


@inlined
def _faces_along(mobility: Any, cross: Any, mixed: bool, row: int, faces: Any, shared: Any) -> None:
    """Mobilities (C, W) and cross term (W,) at the faces between the cells of a row."""
    fields, width = faces.shape
    half = faces.dtype.type(0.5)
    for c in range(fields):
        for j in range(width - 1):
            faces[c, j] = half * (mobility[c, row, j] + mobility[c, row, j + 1])
        faces[c, width - 1] = half * (mobility[c, row, width - 1] + mobility[c, row, 0])
    if mixed:
        for j in range(width - 1):
            shared[j] = half * (cross[row, j] + cross[row, j + 1])
        shared[width - 1] = half * (cross[row, width - 1] + cross[row, 0])


@inlined
def _faces_under(mobility: Any, cross: Any, mixed: bool, row: int, faces: Any, shared: Any) -> None:
    """Mobilities (C, W) and cross term (W,) at the faces under a row."""
    fields, width = faces.shape
    half = faces.dtype.type(0.5)
    for c in range(fields):
        for j in range(width):
            faces[c, j] = half * (mobility[c, row, j] + mobility[c, row + 1, j])
    if mixed:
        for j in range(width):
            shared[j] = half * (cross[row, j] + cross[row + 1, j])


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
