"""Which axes of an array are frames, rows, columns, channels and colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames.colour import grey_pictures

_COLOURS = (3, 4)
# No film has more phases or materials than this.
_MOST_CHANNELS = 16


def channels_first(values: NDArray[Any], *, own: bool) -> NDArray[Any]:
    """Bring the frames of a set to (N, H, W) or (N, C, H, W).

    Args:
        values: (N, H, W), (N, C, H, W) or, as in Keras, (N, H, W, C). Of axes 1 and 3, the channel axis is
            the one of length 1, else the only one of length at most 4, else axis 1.
        own: whether morphsim wrote them: then the order of the axes is known.

    Returns:
        (N, H, W) if the last axis holds a single channel.

    Raises:
        InputError: another number of axes, frames of one column, two axes that could both be channels, or
            more channels than a film has.
    """
    shape = values.shape
    if own:
        return values
    if values.ndim == 3 and shape[-1] == 1:
        raise InputError(
            f"the frames have the shape {shape}, each of one column; one frame with a last axis for its "
            "channel is stored as frames[None, :, :, 0]"
        )
    if values.ndim == 3:
        _check_no_picture(values, "the frames have")
        return values
    if values.ndim != 4:
        raise InputError(f"the frames have the shape {shape}; they are (N, H, W) or (N, C, H, W)")
    first, last = shape[1], shape[3]
    if last == 1 and first != 1:
        return values[..., 0]
    if first != 1 and last <= max(_COLOURS):
        if first <= max(_COLOURS):
            raise InputError(
                f"the frames have the shape {shape}, of which axis 1 or the last could be the channels; "
                "store one channel alone, as (N, H, W)"
            )
        return np.moveaxis(values, -1, 1)
    if first > _MOST_CHANNELS:
        raise InputError(
            f"the frames have the shape {shape}; neither axis 1 nor the last can be channels, of which a "
            f"film has at most {_MOST_CHANNELS}: store (N, H, W)"
        )
    return values


def one_grey_channel(values: NDArray[Any], *, own: bool = False) -> NDArray[Any]:
    """Bring one or several frames to (H, W) or (N, H, W), and colours to shades of grey.

    Integers above 1 with 3 or 4 values along the last axis, or along axis 1 of four axes, are colours (red,
    green, blue and transparency), unless the other axes are as short: then they are narrow frames.

    Args:
        values: (H, W), (N, H, W), (H, W, 1), (N, H, W, 1), (N, 1, H, W), or integers (H, W, 3),
            (N, H, W, 3) or (N, 3, H, W), with 4 instead of 3 where there is transparency.
        own: whether morphsim wrote them: then the order of the axes is known.

    Raises:
        InputError: another shape, or an ambiguous one.
    """
    shape = values.shape
    if values.ndim == 3 and shape[-1] == 1:
        return values[..., 0]
    whole = values.dtype.kind in "iu" and values.size > 0 and values.max() > 1
    if values.ndim == 3 and shape[-1] in _COLOURS and min(shape[:2]) > max(_COLOURS):
        if whole:
            return np.asarray(grey_pictures(values[None])[0])
        if values.dtype.kind == "f":
            raise InputError(
                f"it holds floating point of shape {shape}: frames of {shape[-1]} columns, or a picture in "
                "colour; give bytes for a picture, or frames of more columns"
            )
        if not own:
            _check_no_picture(values, "it has")
    if values.ndim != 4:
        return values
    first, last = shape[1], shape[3]
    if last == 1:
        return values[..., 0]
    if (first == 1 or first in _COLOURS) and last in _COLOURS:
        raise InputError(
            f"it holds an array of shape {shape}, of which axis 1 or the last could be channels; give "
            "(N, H, W)"
        )
    if first == 1:
        return values[:, 0]
    if whole and last in _COLOURS:
        return grey_pictures(values)
    if whole and first in _COLOURS:
        return grey_pictures(np.moveaxis(values, 1, -1))
    raise InputError(
        f"it holds an array of shape {shape}; frames are (H, W) or (N, H, W): take one channel of several"
    )


def _check_no_picture(values: NDArray[Any], found: str) -> None:
    """Refuse 0/1 values that are equal in all colours: a grey picture, or narrow frames of flat layers."""
    shape = values.shape
    if shape[-1] not in _COLOURS or min(shape[:2]) <= max(_COLOURS):
        return
    first = values[..., :1]
    if (values[..., :3] == first).all() and (first != first[:1]).any():
        raise InputError(
            f"{found} the shape {shape} and equal values along the last axis: a picture with {shape[-1]} "
            "equal colours, or frames of as many columns; give (N, H, W) with one channel of it, or frames "
            "of more columns"
        )
