"""Checks of the frames that an encoder takes: numpy arrays of several equivalent types."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.errors import InputError


def as_array(frames: ArrayLike, *, name: str = "frames") -> NDArray[Any]:
    """Turn `frames` into an array of any shape.

    Raises:
        InputError: it is ragged, or the name of a file.
    """
    if isinstance(frames, str | bytes | os.PathLike):
        raise InputError(
            f"{name} are the text {str(frames)!r}, where an array of frames (N, H, W) is needed; read a file "
            "with morphsim.frames.read_target_frames(FILE)"
        )
    try:
        return np.asarray(frames)
    except (ValueError, TypeError) as error:
        raise InputError(f"{name} can't be read as one array ({error}); give (N, H, W)") from error


def check_frames(
    frames: ArrayLike, frame_shape: tuple[int, int], *, channels: int = 1, name: str = "frames"
) -> NDArray[Any]:
    """Check a batch of frames and scale it to 0..1.

    Args:
        frames: (N, H, W), or (N, C, H, W) for frames of several channels: bool; uint8 of 0/1 or of 0/255;
            or floating point from 0 to 1, whose grey values are kept.
        frame_shape: the accepted (H, W) [pixels].
        channels: the accepted C.
        name: of the frames in an error.

    Returns:
        The frames in their shape as uint8 0/1, or as float32 0..1 if they were floating point.

    Raises:
        InputError: another type, shape or value, NaN included.
    """
    array = as_array(frames, name=name)
    wanted = frame_shape if channels == 1 else (channels, *frame_shape)
    text = ", ".join(map(str, wanted))
    if array.ndim == len(wanted):
        raise InputError(
            f"{name} have the shape {array.shape}; give (N, {text}): one frame becomes frame[None]"
        )
    if array.shape[1:] != wanted:
        raise InputError(
            f"{name} have the shape {array.shape}; this encoder takes (N, {text}): "
            "resize the frames or train an encoder for their shape"
        )
    if array.dtype == np.bool_:
        return array.view(np.uint8)
    if array.dtype == np.uint8:
        return _from_bytes(array, name)
    if np.issubdtype(array.dtype, np.floating):
        if np.isnan(array).any():
            raise InputError(f"{name} hold NaN; floating-point frames must lie from 0 to 1")
        if array.size and not (array.min() >= 0.0 and array.max() <= 1.0):
            raise InputError(
                f"{name} hold values from {array.min()} to {array.max()}; "
                "floating-point frames must lie from 0 to 1"
            )
        return array.astype(np.float32, copy=False)
    raise InputError(f"{name} are {array.dtype}; give uint8 (0/1 or 0/255), bool, or floats from 0 to 1")


def _from_bytes(array: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    if not array.size or array.max() <= 1:
        return array
    white = array == 255
    other = ~white & (array != 0)
    if other.any():
        raise InputError(
            f"{name} hold the value {array[other][0]} beside 0 and {array.max()}; uint8 frames must hold "
            "0/1 or 0/255: binarise them, or divide by 255"
        )
    binary: NDArray[np.uint8] = white.astype(np.uint8)
    return binary
