"""What counts as a binary frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError


def as_binary_frames(values: NDArray[Any], *, name: str = "frames") -> NDArray[np.uint8]:
    """Turn frames of 0/1 or 0/255 (any real dtype, or bool) into uint8 of 0 and 1.

    Args:
        values: (..., H, W), with channels or without.
        name: of the values, for errors.

    Returns:
        The same shape, uint8, 1 = donor; the given array itself if it is uint8 0/1 already.

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


def one_channel(frames: NDArray[np.uint8], *, name: str = "frames") -> NDArray[np.uint8]:
    """Check that frames have a single channel, as everything limited to donor and acceptor needs.

    Args:
        frames: (N, H, W), or (N, 1, H, W).
        name: of the frames, for errors.

    Returns:
        (N, H, W), without a copy.

    Raises:
        InputError: several channels, or another number of axes.
    """
    if frames.ndim == 4 and frames.shape[1] == 1:
        return frames[:, 0]
    if frames.ndim != 3:
        raise InputError(
            f"{name} have the shape {frames.shape}; one channel is needed here, (N, H, W): "
            "take one of several as frames[:, 0]"
        )
    return frames
