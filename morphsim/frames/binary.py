"""What counts as a binary frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError


def as_binary_frames(values: NDArray[Any], *, name: str = "frames") -> NDArray[np.uint8]:
    """Turn frames of 0/1 or 0/255 (any real dtype, or bool) into uint8 of 0 and 1.

    Args:
        values: (..., H, W).
        name: what the values are, for the error.

    Returns:
        The same shape, uint8, 1 = donor. The very array that was given where it is that already.

    Raises:
        InputError: other values, NaN among them, or values that are not real numbers.
    """
    if values.dtype.kind not in "biuf":
        raise InputError(f"{name} holds {values.dtype} values; a binary frame holds the numbers 0 and 1")
    if values.dtype == np.uint8 and (values.size == 0 or values.max() <= 1):
        return np.asarray(values, np.uint8)
    low, high = values == 0, values != 0
    one = 1 if not high.any() or (values[high] == 1).all() else 255
    odd = ~(low | (values == one))
    if odd.any():
        raise InputError(
            f"{name} holds the value {values[odd][0]:g}; a binary frame holds only 0 and 1 (or 0 and 255): "
            "binarise grey frames with `morphsim import`"
        )
    return np.asarray(high, np.uint8)
