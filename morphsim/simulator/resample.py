"""Resampling of fields between the solver's grid and the pixels of frames."""

from __future__ import annotations

import functools
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from morphsim.checks import check_shape
from morphsim.errors import InputError
from morphsim.types import Boundary

Fields = TypeVar("Fields", NDArray[Any], Tensor)
# The first old cell of each new one, (new,), and further ones with their weights, (new,) each. The first has
# the weight that these leave.
_Taps = tuple[Any, tuple[tuple[Any, Any], ...]]
_KEPT = 64


def resample_fields(
    fields: Fields, shape: tuple[int, int], *, boundary: Boundary, depth_boundary: Boundary = "no-flux"
) -> Fields:
    """Resample fields to another number of cells, each axis by itself.

    Along an axis that shrinks, a new cell is the average over the old ones that it covers, which conserves
    the mean. Along one that grows, values are interpolated linearly between the centres of the old cells:
    beyond the outermost centres they are constant between walls, and continue at the other end where the axis
    is periodic. Interpolation conserves the mean where the new number is a multiple n of the old one. For any
    other ratio r the error is at most D/(8 r²), with D the mean absolute second difference of neighbouring
    cells (0 at a wall).

    All weights are positive with sum 1: to rounding, values stay within those of the old cells, and a sum of
    fields that is at most 1 stays so.

    Args:
        fields: (..., H, W) floating point.
        shape: the new (H, W).
        boundary: of the left and right end.
        depth_boundary: of surface and substrate.

    Returns:
        (..., H, W) of the same type, precision and device; `fields` itself if it has the shape already.

    Raises:
        InputError: fields that have no two axes or no cells, or a shape that `check_shape` refuses.

    >>> resample_fields(np.array([[0.0, 1.0]]), (1, 4), boundary="no-flux")
    array([[0.  , 0.25, 0.75, 1.  ]])
    """
    if fields.ndim < 2 or 0 in fields.shape:
        raise InputError(f"fields have the shape {tuple(fields.shape)}; they must be (..., H, W)")
    height, width = check_shape(shape)
    along_z = _resample_axis(fields, -2, height, periodic=depth_boundary == "periodic")
    return _resample_axis(along_z, -1, width, periodic=boundary == "periodic")


def _resample_axis(fields: Fields, axis: int, new: int, *, periodic: bool) -> Fields:
    old = fields.shape[axis]
    if new == old:
        return fields
    if isinstance(fields, Tensor):
        start, others = _tensors(old, new, periodic, fields.dtype, fields.device)
    else:
        start, others = _taps(old, new, periodic)
        others = tuple((index, weight.astype(fields.dtype)) for index, weight in others)
    first = _take(fields, axis, start)
    total = first
    # Differences from the first old cell, so that constant fields stay exactly what they are.
    for index, weight in others:
        total = total + (_take(fields, axis, index) - first) * (weight[:, None] if axis == -2 else weight)
    return total


def _take(fields: Fields, axis: int, index: Any) -> Fields:
    if isinstance(fields, Tensor):
        return fields.index_select(axis, index)
    return fields.take(index, axis)  # type: ignore[no-any-return]


@functools.lru_cache(_KEPT)
def _tensors(old: int, new: int, periodic: bool, dtype: torch.dtype, device: torch.device) -> _Taps:
    """`_taps` on a device, kept there so that a step copies nothing to it."""
    start, others = _taps(old, new, periodic)
    return torch.from_numpy(start).to(device), tuple(
        (torch.from_numpy(index).to(device), torch.from_numpy(weight).to(device, dtype))
        for index, weight in others
    )


@functools.lru_cache(_KEPT)
def _taps(old: int, new: int, periodic: bool) -> _Taps:
    """The old cells that each new one is made of, with their weights.

    Places are counted in whole parts of a cell, so that equal ones get equal weights.
    """
    return _averages(old, new) if new < old else _interpolation(old, new, periodic)


def _averages(old: int, new: int) -> _Taps:
    start, end = np.arange(new) * old, (np.arange(new) + 1) * old
    others = []
    for number in range(1, -(-old // new) + 1):
        cell = start // new + number
        overlap = np.minimum(end, (cell + 1) * new) - cell * new
        if overlap.max() > 0:
            others.append((np.minimum(cell, old - 1), np.maximum(overlap, 0) / old))
    return start // new, tuple(others)


def _interpolation(old: int, new: int, periodic: bool) -> _Taps:
    left, part = np.divmod((2 * np.arange(new) + 1) * old - new, 2 * new)
    right = left + 1
    ends = (left % old, right % old) if periodic else (left.clip(0, old - 1), right.clip(0, old - 1))
    return ends[0], ((ends[1], part / (2 * new)),)
