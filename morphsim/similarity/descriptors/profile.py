"""Where in the depth the donor is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from morphsim.errors import InputError
from morphsim.similarity.descriptors.frames import Values, checked_frames
from morphsim.types import Boundary


def composition_profile(frames: ArrayLike, *, boundary: Boundary, bins: int = 10) -> Values:
    """Share of donor against depth, in slices of equal thickness.

    A row that lies in two slices counts in each of them by the part that lies there, so that the mean over
    the slices is exactly the area fraction, and more slices than rows repeat rows.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: of the film; the profile does not depend on it.
        bins: how many slices.

    Returns:
        (N, bins), 0 to 1, from the top (row 0) to the bottom.

    Raises:
        InputError: other frames, an unknown boundary, or fewer than one slice.
    """
    checked = checked_frames(frames, boundary)
    if bins < 1:
        raise InputError(f"bins is {bins}; use 1 or more")
    height, width = checked.shape[1:]
    # In units of 1 / bins of a row everything is a whole number, and no rounding can part two slices.
    row, slice_ = np.arange(height) * bins, np.arange(bins)[:, None] * height
    overlap = np.minimum(row + bins, slice_ + height) - np.maximum(row, slice_)
    counts = np.count_nonzero(checked, axis=2)
    return np.asarray(counts @ np.maximum(overlap, 0).T / (height * width))
