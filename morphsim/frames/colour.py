"""From colour to shades of grey: one conversion for files, targets and observations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames.plausible import warn_of_frames

# Luma of ITU-R BT.601 in parts of 65536, as in Pillow: a grey value stays exactly the same.
_WEIGHTS = np.array([19595, 38470, 7471]) / 65536
_COLOURS = 3
_AT_ONCE = 2**20
# JPEG tints grey by a little.
_TINT = 24


def luminance(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Turn colours into shades of grey by the luma of ITU-R BT.601.

    Transparency (a fourth channel) is ignored, unless it alone holds the pattern.

    Args:
        picture: (..., H, W, 3), or (..., H, W, 4) with transparency; integers or floating point.

    Returns:
        (..., H, W) in the range of `picture`; for bytes the same integers as Pillow's `convert("L")`.

    Raises:
        InputError: not an array of colours, or a picture of one colour with a pattern in its transparency.
    """
    values = np.asarray(picture)
    if values.ndim < 3 or values.shape[-1] not in (_COLOURS, _COLOURS + 1):
        raise InputError(f"the picture has the shape {values.shape}; colours are (H, W, 3) or (H, W, 4)")
    if values.dtype.kind not in "biuf":
        raise InputError(f"the picture has the dtype {values.dtype}; colours must be numbers")
    if values.shape[-1] > _COLOURS and values.size:
        _check_transparency(values)
    colours = values.reshape(-1, values.shape[-1])
    grey = np.empty(len(colours), np.float32)
    # Block by block: double precision, which keeps grey exact, takes eight times the memory of bytes.
    for start in range(0, len(colours), _AT_ONCE):
        block = colours[start : start + _AT_ONCE, :_COLOURS].astype(np.float64) @ _WEIGHTS
        grey[start : start + len(block)] = block if values.dtype.kind == "f" else np.floor(block + 0.5)
    return grey.reshape(values.shape[:-1])


def grey_pictures(pictures: NDArray[Any]) -> NDArray[Any]:
    """Turn the colour pictures of one file into shades of grey.

    Exactly two colours are two phases, of which the brighter is 1. More colours become their luminance, with
    a warning: luminance is not proportional to what a colour map shows.

    Args:
        pictures: (N, H, W, 3), or (N, H, W, 4) with transparency, integers.

    Returns:
        (N, H, W) of the same dtype, 0/1 for two colours.

    Raises:
        InputError: two colours of equal luminance, or a pattern only in the transparency.
    """
    colours = pictures[..., :_COLOURS]
    if pictures.shape[-1] > _COLOURS:
        _check_transparency(pictures)
        alpha = pictures[..., _COLOURS]
        if alpha.min() < (255 if alpha.max() <= 255 else np.iinfo(alpha.dtype).max):
            warn_of_frames(
                "it has transparent pixels, whose transparency was ignored; flatten it onto a background"
            )
    tint = int((colours.max(axis=-1) - colours.min(axis=-1)).max())
    if tint == 0:
        return colours[..., 0]
    if tint > _TINT:
        two = _two_colours(colours)
        if two is not None:
            return two
        warn_of_frames(
            "its colours were turned into shades of grey by their luminance, which is not proportional to "
            "what a colour map (such as afmhot or viridis) shows; save it in shades of grey"
        )
    return luminance(colours).astype(pictures.dtype)


def _two_colours(colours: NDArray[Any]) -> NDArray[Any] | None:
    """Where the brighter one of exactly two colours is, as 0/1; None for more colours."""
    flat = colours.reshape(-1, _COLOURS)
    first = flat[0]
    other = (flat != first).any(axis=-1)
    second = flat[int(other.argmax())]
    if not other.any() or (flat[other] != second).any():
        return None
    grey = luminance(np.stack([first, second])[None])[0]
    if grey[0] == grey[1]:
        raise InputError(
            f"its two colours {tuple(first.tolist())} and {tuple(second.tolist())} are equally bright; save "
            "it in black and white"
        )
    brighter = other if grey[1] > grey[0] else ~other
    return np.asarray(brighter, colours.dtype).reshape(colours.shape[:-1])


def _check_transparency(values: NDArray[Any]) -> None:
    varies = (values != values[..., :1, :1, :]).any(axis=(-3, -2))
    if (varies[..., _COLOURS] & ~varies[..., :_COLOURS].any(axis=-1)).any():
        raise InputError(
            "the picture has one colour and its pattern lies in its transparency (alpha); flatten it onto a "
            "background of another colour"
        )
