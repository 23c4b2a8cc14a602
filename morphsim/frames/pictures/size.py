"""Limits on the size of a picture, whatever the shape of its frames."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_SIDE = 6144
"""Largest height and width of a picture in a file [pixels]."""
MOST_PIXELS = 2**23
"""Largest number of pixels of a picture in a file."""
MOST_UNEQUAL = 16.0
"""Largest ratio of the sides of a drawn frame; more elongated frames are drawn at this ratio."""


def drawn_aspect(height: int, width: int) -> float:
    """Width over height of a frame in a figure, limited so that both sides stay visible."""
    return min(max(width / height, 1.0 / MOST_UNEQUAL), MOST_UNEQUAL)


def figure_size(width: float, height: float, *, dpi: float) -> tuple[float, float]:
    """Shrink a figure to the limits.

    Args:
        width: requested width [inches].
        height: requested height [inches].
        dpi: pixels per inch.

    Returns:
        Width and height [inches] in the same proportion.
    """
    scale = _scale(width * dpi, height * dpi)
    return scale * width, scale * height


def shrink(picture: NDArray[Any]) -> NDArray[Any]:
    """Drop rows and columns of a picture (H, W, ...) down to the limits; no pixels are mixed."""
    height, width = picture.shape[:2]
    scale = _scale(width, height)
    if scale == 1.0:
        return picture
    rows, columns = (nearest(max(1, int(scale * side)), side) for side in (height, width))
    return picture[rows][:, columns]


def nearest(pixels: int, cells: int) -> NDArray[np.int64]:
    """The cell under the centre of each pixel."""
    return ((2 * np.arange(pixels) + 1) * cells) // (2 * pixels)


def _scale(width: float, height: float) -> float:
    return min(1.0, LONGEST_SIDE / max(width, height), math.sqrt(MOST_PIXELS / (width * height)))
