"""Rectangles to leave out of a micrograph: given ones, and scale bars and data bars that are found."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError

Rectangle = tuple[int, int, int, int]
"""x, y, width and height [pixels], from the left and the top."""

# Values that differ by less than this share of the range are the same ink; JPEG blurs a little.
_SAME = 0.03
# A data bar takes at most this share of the height, and a burnt-in scale bar lies below the rest.
_LOWEST = 1 / 3
# Share of a row of a data bar that is background; the rest is text.
_BACKGROUND = 0.5
# Share of a row without text that is background.
_PLAIN = 0.97
# Lines that frame a data bar are at most this thick [pixels].
_LINE = 3
_THINNEST = 4
# A burnt-in bar: at least this many times as wide as high, of this share of the picture's width, and full.
_ELONGATED, _WIDE, _FULL = 4, 0.04, 0.9
# Letters and digits beside a bar: their height with a margin of a pixel, and how dark their strokes may be.
_LETTER, _STROKE = 6, 0.2


def crop_free(pictures: NDArray[Any], rectangle: Rectangle) -> NDArray[Any]:
    """The largest rectangle of pictures (..., H, W) that does not touch `rectangle`.

    Raises:
        InputError: the rectangle lies outside the pictures, or leaves nothing.
    """
    height, width = pictures.shape[-2:]
    x, y, across, down = rectangle
    named = ",".join(map(str, rectangle))
    if x >= width or y >= height:
        raise InputError(
            f"the mask {named} lies outside its {width} x {height} pixels; a mask is X,Y,WIDTH,HEIGHT in "
            "pixels from the left and the top"
        )
    right, bottom = min(x + across, width), min(y + down, height)
    sides = {
        y * width: pictures[..., :y, :],
        (height - bottom) * width: pictures[..., bottom:, :],
        x * height: pictures[..., :x],
        (width - right) * height: pictures[..., right:],
    }
    area = max(sides)
    if area == 0:
        raise InputError(
            f"the mask {named} leaves nothing of its {width} x {height} pixels; give a smaller rectangle"
        )
    return sides[area]


def find_bar(picture: NDArray[Any]) -> Rectangle | None:
    """Find the data bar or the scale bar at the bottom of a micrograph.

    A data bar is a band over the full width at the bottom edge, of one colour with text in it. A scale bar
    is a full rectangle of the darkest or brightest value in the lowest third, at least 4 times as wide as
    high, with its text above or below.

    Args:
        picture: (H, W), numbers.

    Returns:
        The rectangle that holds it, or None.
    """
    values = picture.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if low == high or _LOWEST * len(values) < _THINNEST:
        return None
    light = (values - low) / (high - low)
    return _data_bar(light) or _burnt_in(light) or _burnt_in(1 - light)


def _data_bar(values: NDArray[np.float64]) -> Rectangle | None:
    height, width = values.shape
    ground = np.median(values[-1])
    share = (np.abs(values - ground) <= _SAME).mean(axis=1)
    rows = share >= _BACKGROUND
    top = height
    while top > 0 and rows[max(0, top - 1 - _LINE) : top].any():
        top -= 1
    # A line above the band belongs to it only if the band goes on above that.
    top += int(np.argmax(rows[top:])) if top < height else 0
    # A smooth picture has no plain rows; a bar has them above and below its text.
    plain = (share[top:] >= _PLAIN).any()
    if not plain or not _THINNEST <= height - top <= _LOWEST * height:
        return None
    # A line of another colour may close the bar.
    for row in range(top - 1, max(0, top - 1 - _LINE), -1):
        if (np.abs(values[row] - np.median(values[row])) <= _SAME).mean() < _PLAIN:
            break
        top = row
    return 0, top, width, height - top


def _burnt_in(light: NDArray[np.float64]) -> Rectangle | None:
    """Find a bright scale bar with its text; `light` runs from 0 to 1."""
    # Loaded on use: SciPy takes time to import.
    from scipy import ndimage

    height, width = light.shape
    start = height - int(_LOWEST * height)
    ink = light[start:] >= 1 - _SAME
    labels, count = ndimage.label(ink, structure=np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:].tolist()
    found = None
    for box, area in zip(ndimage.find_objects(labels), areas, strict=True):
        down, across = _size(box)
        bar = down >= 2 and across >= max(_ELONGATED * down, _WIDE * width) and area >= _FULL * down * across
        if bar and (found is None or across > _size(found)[1]):
            found = box
    if found is None:
        return None
    rows, columns = found
    reach = _size(found)[1] // 2
    top, bottom, left, right = rows.start, rows.stop, columns.start, columns.stop
    # Thin strokes are lighter than the bar, and fall into pieces.
    strokes = ndimage.binary_dilation(light[start:] >= 1 - _STROKE, structure=np.ones((3, 3)))
    for box in ndimage.find_objects(ndimage.label(strokes)[0]):
        y, x = box
        near = x.stop > columns.start - reach and x.start < columns.stop + reach
        near &= y.stop > rows.start - 2 * reach and y.start < rows.stop + 2 * reach
        if near and _LETTER <= _size(box)[0] <= 2 * reach and _size(box)[1] <= 4 * reach:
            top, bottom = min(top, y.start), max(bottom, y.stop)
            left, right = min(left, x.start), max(right, x.stop)
    # A pixel more on each side, since scaling and JPEG blur the edge.
    top, left = max(0, start + top - 1), max(0, left - 1)
    return left, top, min(width, right + 1) - left, min(height, start + bottom + 1) - top


def _size(box: tuple[slice, ...]) -> tuple[int, int]:
    return box[0].stop - box[0].start, box[1].stop - box[1].start
