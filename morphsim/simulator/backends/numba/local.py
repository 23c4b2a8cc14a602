"""Compiled potentials of one field, without gradients, and their least and largest curvature."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphsim.compiled import inlined, loop
from morphsim.simulator.backends.numba.math import extended_logarithm
from morphsim.simulator.core.energy import SMALLEST_FRACTION

_FLOOR = SMALLEST_FRACTION
# Extremes are kept for this many cells side by side, so that the loop has no reduction.
_LANES = 64


@inlined
def _extremes(values: Any, middle: Any) -> Any:
    """Of (N,) values the one nearest to `middle` or its mirror image, the smallest and the largest."""
    nearest = np.empty(_LANES, values.dtype)
    least, most = np.empty(_LANES, values.dtype), np.empty(_LANES, values.dtype)
    nearest[:] = abs(values[0] - middle)
    least[:] = values[0]
    most[:] = values[0]
    whole = values.size // _LANES * _LANES
    for start in range(0, whole, _LANES):
        for lane in range(_LANES):
            value = values[start + lane]
            nearest[lane] = min(nearest[lane], abs(value - middle))
            least[lane] = min(least[lane], value)
            most[lane] = max(most[lane], value)
    for rest in range(whole, values.size):
        nearest[0] = min(nearest[0], abs(values[rest] - middle))
        least[0] = min(least[0], values[rest])
        most[0] = max(most[0], values[rest])
    return middle + nearest.min(), least.min(), most.max()


@inlined
def _binary_curvature(c: Any, chi: Any, floor: Any) -> Any:
    one, two = type(chi)(1.0), type(chi)(2.0)
    inside = min(max(c, floor), one - floor)
    return one / (inside * (one - inside)) - two * chi


@loop
def binary_potential(phi: Any, chi: Any, out: Any, curvatures: Any) -> None:
    """Ln φ - ln(1-φ) + χ(1-2φ) of (B, N) cells; least and largest 1/φ + 1/(1-φ) - 2χ of each film."""
    batch, cells = phi.shape
    for film in range(batch):
        x = chi[film]
        one, two = type(x)(1.0), type(x)(2.0)
        floor = type(x)(_FLOOR)
        for cell in range(cells):
            c = phi[film, cell]
            mixing = extended_logarithm(c, floor) - extended_logarithm(one - c, floor)
            out[film, cell] = mixing + x * (one - two * c)
        # The curvature rises from the middle to both sides, alike.
        nearest, low, high = _extremes(phi[film], one / two)
        curvatures[0, film] = _binary_curvature(nearest, x, floor)
        curvatures[1, film] = max(_binary_curvature(low, x, floor), _binary_curvature(high, x, floor))


@inlined
def _well_curvature(c: Any, twice: Any, low: Any, high: Any) -> Any:
    below, above = c - low, high - c
    return twice * (below * below + above * above - type(twice)(4.0) * below * above)


@loop
def double_well_potential(phi: Any, height: Any, low: Any, high: Any, out: Any, curvatures: Any) -> None:
    """2ρ(c - low)(high - c)(low + high - 2c) of (B, N) cells; least and largest f'' of each film."""
    batch, cells = phi.shape
    for film in range(batch):
        twice, first, second = height[film] + height[film], low[film], high[film]
        for cell in range(cells):
            below = phi[film, cell] - first
            above = second - phi[film, cell]
            out[film, cell] = twice * below * above * (above - below)
        # The curvature rises from the middle to both sides, alike.
        nearest, least, most = _extremes(phi[film], type(twice)(0.5) * (first + second))
        curvatures[0, film] = _well_curvature(nearest, twice, first, second)
        curvatures[1, film] = max(
            _well_curvature(least, twice, first, second), _well_curvature(most, twice, first, second)
        )
