"""Compiled potentials of one field, without gradients, and their least and largest curvature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from morphsim.compiled import inlined, loop
from morphsim.simulator.backends.numba.math import logarithm
from morphsim.simulator.core.energy import SMALLEST_FRACTION

BINARY, DOUBLE_WELL = 0, 1
"""Kinds of `potential_of`."""

_FLOOR = SMALLEST_FRACTION
# Extremes are kept for this many cells side by side, so that the loop has no reduction.
_LANES = 64


class LocalKernel(NamedTuple):
    """A compiled potential, and the attributes of the energy that it takes."""

    loop: Callable[..., None]
    parameters: tuple[str, ...]


@loop
def binary_potential(phi: Any, chi: Any, out: Any, curvatures: Any) -> None:
    """Ln φ - ln(1-φ) + χ(1-2φ) of (B, N) cells; least and largest 1/φ + 1/(1-φ) - 2χ of each film."""
    numbers = np.empty(1, phi.dtype)
    for film in range(phi.shape[0]):
        numbers[0] = chi[film]
        potential_of(BINARY, phi[film], numbers, out[film])
        nearest, least, most = _extremes(phi[film], middle_of(BINARY, numbers))
        curvatures[0, film], curvatures[1, film] = curvature_range(BINARY, nearest, least, most, numbers)


@loop
def double_well_potential(phi: Any, height: Any, low: Any, high: Any, out: Any, curvatures: Any) -> None:
    """2ρ(c - low)(high - c)(low + high - 2c) of (B, N) cells; least and largest f'' of each film."""
    numbers = np.empty(3, phi.dtype)
    for film in range(phi.shape[0]):
        numbers[0], numbers[1], numbers[2] = height[film], low[film], high[film]
        potential_of(DOUBLE_WELL, phi[film], numbers, out[film])
        nearest, least, most = _extremes(phi[film], middle_of(DOUBLE_WELL, numbers))
        curvatures[0, film], curvatures[1, film] = curvature_range(DOUBLE_WELL, nearest, least, most, numbers)


@inlined
def potential_of(kind: Any, phi: Any, numbers: Any, out: Any) -> None:
    """Potential of (N,) cells.

    Args:
        kind: `BINARY` or `DOUBLE_WELL`.
        phi: (N,).
        numbers: parameters of the energy: χ, or ρ and both compositions.
        out: receives ∂f/∂φ, (N,).
    """
    if kind == BINARY:
        x = numbers[0]
        zero, one, two = type(x)(0.0), type(x)(1.0), type(x)(2.0)
        floor, inverse = type(x)(_FLOOR), type(x)(1.0 / _FLOOR)
        for cell in range(phi.size):
            donor, acceptor = phi[cell], one - phi[cell]
            inside, other = max(donor, floor), max(acceptor, floor)
            # Below the floor both logarithms continue as their tangents.
            rest = min(donor - inside, zero) - min(acceptor - other, zero)
            out[cell] = logarithm(inside / other) + rest * inverse + x * (one - two * donor)
    else:
        twice, first, second = numbers[0] + numbers[0], numbers[1], numbers[2]
        for cell in range(phi.size):
            below = phi[cell] - first
            above = second - phi[cell]
            out[cell] = twice * below * above * (above - below)


@inlined
def middle_of(kind: Any, numbers: Any) -> Any:
    """The composition from which the curvature rises to both sides, alike."""
    half = type(numbers[0])(0.5)
    return half if kind == BINARY else half * (numbers[1] + numbers[2])


@inlined
def curvature_range(kind: Any, nearest: Any, least: Any, most: Any, numbers: Any) -> Any:
    """Least and largest curvature of a film.

    Args:
        kind: `BINARY` or `DOUBLE_WELL`.
        nearest: the composition nearest to `middle_of`, or its mirror image.
        least: the smallest composition.
        most: the largest one.
        numbers: parameters of the energy.
    """
    if kind == BINARY:
        x, floor = numbers[0], type(numbers[0])(_FLOOR)
        flattest = _binary_curvature(nearest, x, floor)
        steepest = max(_binary_curvature(least, x, floor), _binary_curvature(most, x, floor))
    else:
        twice, first, second = numbers[0] + numbers[0], numbers[1], numbers[2]
        flattest = _well_curvature(nearest, twice, first, second)
        steepest = max(
            _well_curvature(least, twice, first, second), _well_curvature(most, twice, first, second)
        )
    return flattest, steepest


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


@inlined
def _well_curvature(c: Any, twice: Any, low: Any, high: Any) -> Any:
    below, above = c - low, high - c
    return twice * (below * below + above * above - type(twice)(4.0) * below * above)


KINDS: dict[Callable[..., None], int] = {binary_potential: BINARY, double_well_potential: DOUBLE_WELL}
"""The kinds of `potential_of` by the loops of whole batches."""
