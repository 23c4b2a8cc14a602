"""Frames of another shape whose domains keep their proportions: cropped or cut into tiles, then resized."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from morphsim.frames.transforms import resize

Aspect = Literal["crop", "tile", "stretch"]
"""How pictures of another aspect ratio are brought to a shape: `crop` keeps the largest rectangle of the
right ratio in the centre, `tile` as many such rectangles as fit side by side, `stretch` squashes the
picture."""


def window(size: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int]:
    """The largest rectangle (h, w) within `size` that has the aspect ratio of `shape`, up to a pixel."""
    (height, width), (rows, columns) = size, shape
    if height * columns > width * rows:
        return max(1, round(width * rows / columns)), width
    return height, max(1, round(height * columns / rows))


def tiles(size: tuple[int, int], shape: tuple[int, int], aspect: Aspect) -> list[tuple[slice, slice]]:
    """The parts of a picture that become frames: one, or for `tile` several, from the top left.

    Args:
        size: (H, W) of the picture.
        shape: (H, W) of the frames.
        aspect: how the ratio is kept.
    """
    height, width = size if aspect == "stretch" else window(size, shape)
    count = (size[0] // height, size[1] // width) if aspect == "tile" else (1, 1)
    top, left = ((size[axis] - count[axis] * side) // 2 for axis, side in enumerate((height, width)))
    return [
        (
            slice(top + row * height, top + (row + 1) * height),
            slice(left + column * width, left + (column + 1) * width),
        )
        for row in range(count[0])
        for column in range(count[1])
    ]


def resize_parts(frames: NDArray[Any], shape: tuple[int, int], aspect: Aspect) -> NDArray[np.uint8]:
    """Resize binary frames (..., H, W) to `shape` without squashing them, unless `aspect` is `stretch`.

    Returns:
        (..., h, w) uint8 0/1; with `tile` (N, H, W) becomes (N * T, h, w), the T tiles of a frame one after
        another.

    Raises:
        InputError: as `resize`.
    """
    parts = [resize(frames[..., rows, columns], shape) for rows, columns in tiles_of(frames, shape, aspect)]
    if aspect != "tile":
        return parts[0]
    return np.stack(parts, axis=-3).reshape(-1, *shape)


def tiles_of(frames: NDArray[Any], shape: tuple[int, int], aspect: Aspect) -> list[tuple[slice, slice]]:
    """`tiles` of frames (..., H, W)."""
    return tiles((int(frames.shape[-2]), int(frames.shape[-1])), shape, aspect)
