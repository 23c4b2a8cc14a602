"""Composition profile: donor against depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from morphsim.checks import LARGEST, whole_number
from morphsim.similarity.descriptors.frames import Values, checked_frames
from morphsim.types import Boundary


def composition_profile(frames: ArrayLike, *, boundary: Boundary, bins: int = 10) -> Values:
    """Fraction of donor against depth, in slices of equal thickness.

    A row that overlaps two slices counts in each by its overlap, so that the mean over the slices is exactly
    the area fraction; with more slices than rows, rows are repeated.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: ignored; accepted for the same signature as other descriptors.
        bins: number of slices.

    Returns:
        (N, bins), 0 to 1, from the top (row 0) to the bottom.

    Raises:
        InputError: invalid frames, an unknown boundary, or fewer than one slice.
    """
    checked = checked_frames(frames, boundary)
    bins = whole_number("bins", bins, 1, LARGEST)
    height, width = checked.shape[1:]
    # In units of 1 / bins of a row everything is an integer, so no rounding can separate two slices.
    row, slice_ = np.arange(height) * bins, np.arange(bins)[:, None] * height
    overlap = np.minimum(row + bins, slice_ + height) - np.maximum(row, slice_)
    counts = np.count_nonzero(checked, axis=2)
    return np.asarray(counts @ np.maximum(overlap, 0).T / (height * width))
