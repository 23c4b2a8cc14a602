"""From colour to shades of grey: one conversion for files, targets and observations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError

# Luma of ITU-R BT.601 in parts of 65536, as Pillow has it: grey stays exactly the same grey.
_WEIGHTS = np.array([19595, 38470, 7471]) / 65536
_COLOURS = 3


def luminance(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Turn colours into shades of grey by the luma of ITU-R BT.601.

    Transparency (a fourth channel) is ignored, unless it alone holds the pattern.

    Args:
        picture: (..., H, W, 3), or (..., H, W, 4) with transparency; integers or floating point.

    Returns:
        (..., H, W) in the range of `picture`: bytes give whole numbers, the same as Pillow's `convert("L")`.

    Raises:
        InputError: no colours, or a picture of one colour with a pattern in its transparency.
    """
    values = np.asarray(picture)
    if values.ndim < 3 or values.shape[-1] not in (_COLOURS, _COLOURS + 1):
        raise InputError(f"the picture has the shape {values.shape}; colours are (H, W, 3) or (H, W, 4)")
    if values.dtype.kind not in "biuf":
        raise InputError(f"the picture is of {values.dtype}; colours are numbers")
    if values.shape[-1] > _COLOURS and values.size:
        _check_transparency(values)
    grey = values[..., :_COLOURS].astype(np.float64) @ _WEIGHTS
    return (grey if values.dtype.kind == "f" else np.floor(grey + 0.5)).astype(np.float32)


def _check_transparency(values: NDArray[Any]) -> None:
    varies = (values != values[..., :1, :1, :]).any(axis=(-3, -2))
    if (varies[..., _COLOURS] & ~varies[..., :_COLOURS].any(axis=-1)).any():
        raise InputError(
            "the picture has one colour and its pattern lies in its transparency (alpha); flatten it onto a "
            "background of another colour"
        )
