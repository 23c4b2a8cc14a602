"""Checks of the arguments that all descriptors share."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.checks import check_choice
from morphsim.errors import InputError
from morphsim.types import Boundary

Connectivity = Literal[4, 8]
Frames = NDArray[np.uint8]
Values = NDArray[np.float64]

PHASE_ELECTRODES = ("donor_top", "donor_bottom", "acceptor_top", "acceptor_bottom")
"""The order of columns that hold a phase and an electrode: top is at row 0, bottom at the last row."""


def checked_frames(frames: ArrayLike, boundary: Boundary) -> Frames:
    """Return C-ordered (N, H, W) uint8 of 0 and 1, with 1 the donor.

    Raises:
        InputError: another shape, other values than 0 and 1, or an unknown boundary.
    """
    array = np.asarray(frames)
    if array.dtype.kind not in "biuf" or array.ndim != 3 or 0 in array.shape[1:]:
        raise InputError(f"the frames are {array.dtype} {array.shape}; they must be numbers (N, H, W)")
    if array.dtype != np.bool_ and array.size:
        if array.dtype == np.uint8:
            odd = array.max() > 1
        else:
            odd = not bool(((array == 0) | (array == 1)).all())
        if odd:
            value = array[(array != 0) & (array != 1)][0]
            raise InputError(f"the frames hold the value {value:g}; binary frames hold only 0 and 1")
    check_choice("boundary", boundary, get_args(Boundary))
    return np.ascontiguousarray(array, np.uint8)


def checked_connectivity(connectivity: int) -> bool:
    """Return whether pixels that touch at a corner are neighbours.

    Raises:
        InputError: neither 4 nor 8.
    """
    if connectivity not in get_args(Connectivity):
        raise InputError(f"connectivity is {connectivity!r}; use 4 or 8")
    return connectivity == 8


def share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Values:
    """Return part / whole, and 0 where the whole is 0."""
    return np.asarray(part / np.maximum(whole, 1), np.float64)
