"""The title bar above each picture of a movie: a text and a legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEGEND = ("acceptor", "donor")
_SMALLEST, _LARGEST = 11, 28
_WIDEST = 4096
# Font size over the width of a picture, so that the text stays readable when a movie is shown small.
_SIZE = 1 / 45


@dataclass(frozen=True)
class TitleBars:
    """Title bars of equal size.

    Attributes:
        grey: (N, rows, columns) uint8, black text on white.
        legend: rows and columns between the names of acceptor and donor, to be filled with the colours from
            acceptor to donor; None if the bar has no room for a legend.
    """

    grey: NDArray[np.uint8]
    legend: tuple[slice, slice] | None


def font_of(size: int) -> Any:
    """The font of all pictures, in `size` pixels; it comes with matplotlib."""
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)


def title_bars(titles: Sequence[str], *, columns: int) -> TitleBars:
    """Draw a bar for each title.

    Args:
        titles: one line each.
        columns: width of the pictures; the bars are wider if a title needs it, up to 4096 pixels.
    """
    from PIL import Image, ImageDraw

    size = int(np.clip(round(columns * _SIZE), _SMALLEST, _LARGEST))
    font = font_of(size)
    gap, rows = size // 2, 2 * size
    needed = max(int(font.getlength(title)) for title in titles) + 2 * gap
    columns = max(columns, min(needed, _WIDEST))
    left_name, right_name = (int(font.getlength(name)) for name in _LEGEND)
    ramp = 5 * size
    right = columns - right_name - 2 * gap
    left = right - ramp
    legend = None
    if left - left_name - 2 * gap >= needed:
        legend = slice(rows // 4, rows - rows // 4), slice(left, right)
    bars = np.empty((len(titles), rows, columns), np.uint8)
    for number, title in enumerate(titles):
        image = Image.new("L", (columns, rows), 255)
        pen = ImageDraw.Draw(image)
        pen.text((gap, rows / 2), title, fill=0, font=font, anchor="lm")
        if legend is not None:
            pen.text((left - gap, rows / 2), _LEGEND[0], fill=0, font=font, anchor="rm")
            pen.text((right + gap, rows / 2), _LEGEND[1], fill=0, font=font, anchor="lm")
        bars[number] = np.asarray(image)
    return TitleBars(bars, legend)
