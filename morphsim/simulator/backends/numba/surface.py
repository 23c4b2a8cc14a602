"""Compiled loops for the free surface: its speed, and its position at the end of a step."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphsim.compiled import inlined, loop

_TINY = 1e-8
"""Below this, (1 - e^{-z}) / z is 1 to rounding, and would be 0 / 0 at z = 0."""


@loop
def surface_speed(phi: Any, biot: Any, ambient: Any, out: Any) -> None:
    """dh/dt, see `Evaporation`.

    Args:
        phi: fields (B, C, H, W).
        biot: Bi, (B,).
        ambient: volume fraction of solvent in equilibrium with the vapour, (B,).
        out: receives dh/dt, (B,).
    """
    for film in range(phi.shape[0]):
        out[film] = film_speed(phi[film], biot[film], ambient[film])


@inlined
def film_speed(phi: Any, biot: Any, ambient: Any) -> Any:
    """dh/dt of one film (C, H, W)."""
    fields, height, width = phi.shape
    first = 0.0
    second = 0.0
    for c in range(fields):
        for j in range(width):
            first += phi[c, 0, j]
        if height > 1:
            for j in range(width):
                second += phi[c, 1, j]
    solids = (1.5 * first - 0.5 * second if height > 1 else first) / width
    return -biot * (1.0 - solids - ambient)


@loop
def correct_surface(
    phi: Any,
    content: Any,
    thickness: Any,
    expected: Any,
    dt: Any,
    depth: Any,
    stiffness2: Any,
    stiffness4: Any,
    theta: Any,
    cosines: Any,
    face_theta: Any,
    at_surface: Any,
    biot: Any,
    ambient: Any,
) -> None:
    """Correct a step for the evaporation from the surface at its end, see `Backend.correct_surface`.

    Args:
        phi: fields at the start of the step, (B, C, H, W).
        content: modes at its end, real views (B, C, H, modes or 2 * modes); corrected in place.
        thickness: at its end, (B,); corrected in place.
        expected: dh/dt at its end, extrapolated from the past, (B,).
        dt: (B,).
        depth: h that the damping refers to, (B,).
        stiffness2: A2, (B, C).
        stiffness4: A4, (B, C).
        theta: squared wavenumbers in scaled depth, (H,).
        cosines: the transform in depth, (H modes, H rows).
        face_theta: scaled depth of the faces between rows, (H - 1,).
        at_surface: values at the surface of the modes that are constant along x, (H,).
        biot: Bi, (B,).
        ambient: volume fraction of solvent in equilibrium with the vapour, (B,).
    """
    for film in range(phi.shape[0]):
        thickness[film] = correct_film(
            phi[film],
            content[film, :, :, 0],
            thickness[film],
            expected[film],
            dt[film],
            depth[film],
            stiffness2[film],
            stiffness4[film],
            theta,
            cosines,
            face_theta,
            at_surface,
            biot[film],
            ambient[film],
        )


@inlined
def correct_film(
    phi: Any,
    upright: Any,
    h: Any,
    expected: Any,
    dt: Any,
    depth: Any,
    stiffness2: Any,
    stiffness4: Any,
    theta: Any,
    cosines: Any,
    face_theta: Any,
    at_surface: Any,
    biot: Any,
    ambient: Any,
) -> Any:
    """Correct the modes (C, H) of one film that are constant along x, in place; returns its thickness."""
    fields, height, width = phi.shape
    rows = np.empty(height)
    inflow = np.empty(height)
    gain = np.empty((fields, height))
    solids = 0.0
    shift = 0.0
    for c in range(fields):
        for row in range(height):
            total = 0.0
            for j in range(width):
                total += phi[c, row, j]
            rows[row] = total / width
        above = 0.0
        for row in range(height):
            below = 0.0
            if row < height - 1:
                # 1 / dθ is the number of rows.
                below = 0.5 * face_theta[row] * (rows[row] + rows[row + 1]) * height
            inflow[row] = above - below
            above = below
        for mode in range(height):
            k2 = theta[mode] / (depth * depth)
            z = dt * (stiffness4[c] * k2 + stiffness2[c]) * k2
            total = 0.0
            for row in range(height):
                total += cosines[mode, row] * inflow[row]
            lasting = -np.expm1(-z) / z if abs(z) > _TINY else 1.0
            # Rounding is kept out of the mean, as in the rates.
            gain[c, mode] = lasting * np.sqrt(float(width)) * total if mode > 0 else 0.0
            solids += upright[c, mode] * at_surface[mode]
            shift += gain[c, mode] * at_surface[mode]
    solids /= h
    shift = (shift - solids) / h
    asked = -biot * (1.0 - solids - ambient) - expected
    change = dt * asked / (1.0 - dt * biot * shift)
    for c in range(fields):
        for mode in range(height):
            upright[c, mode] += change * gain[c, mode]
    return h + change
