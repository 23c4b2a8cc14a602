"""Where a film has not demixed: there a binary picture would show nothing but noise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CONTRAST = 0.1
"""Smallest root mean square difference of the donor share from the film's mean that is a phase.

Fluctuations of mixed films are 0.03, and phases differ from the mean by 0.2 and more."""

# Side of the square over which it is taken [film thickness].
_SIDE = 0.09
_WHOLE = 0.9


def mixed_pixels(share: NDArray[Any], mean: float, *, aspect: float) -> NDArray[np.bool_]:
    """Which pixels of a film belong to no phase.

    Args:
        share: (H, W) donor share of the solids.
        mean: donor share of all solids of the film.
        aspect: width over thickness of the film.

    Returns:
        (H, W) True where the share differs from `mean` by less than `CONTRAST`, as root mean square over a
        square of 0.09 thicknesses around the pixel.
    """
    from scipy.ndimage import uniform_filter

    height, width = share.shape
    rows = max(3, round(_SIDE * height))
    columns = max(3, round(_SIDE * width / aspect))
    squares = (np.asarray(share, np.float64) - mean) ** 2
    size = min(rows, height), min(columns, width)
    return np.asarray(uniform_filter(squares, size, mode="nearest") < CONTRAST**2)


def is_mixed(pixels: NDArray[np.bool_]) -> bool:
    """Whether a film counts as mixed: nine tenths of its pixels belong to no phase."""
    return float(pixels.mean()) >= _WHOLE
