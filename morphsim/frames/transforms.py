"""Transforms of frames: threshold, mirror, roll, resize."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.checks import check_fraction
from morphsim.errors import InputError
from morphsim.types import Boundary

# Enough to amortise the overhead of a call, few enough to stay in the cache.
_FRAMES_AT_ONCE = 16
_TIE = 1e-9


def binarise(share: ArrayLike, *, threshold: float = 0.5) -> NDArray[np.uint8]:
    """Turn donor shares into frames: 1 where the share reaches `threshold`.

    Args:
        share: (..., H, W) donor share, 0..1.
        threshold: above 0 and below 1.

    Returns:
        (..., H, W) uint8 0/1.

    Raises:
        InputError: NaN or infinite shares, or a threshold out of range.
    """
    check_fraction("threshold", threshold)
    values = np.asarray(share)
    if values.dtype.kind not in "biuf":
        raise InputError(f"donor shares are {values.dtype}; they must be numbers from 0 to 1")
    if not np.isfinite(values).all():
        raise InputError("donor shares hold NaN or infinite values; they must be numbers from 0 to 1")
    return (values >= threshold).astype(np.uint8)


def mirror(frames: NDArray[Any]) -> NDArray[Any]:
    """Mirror (..., H, W) frames left to right, a symmetry of the physics."""
    return np.ascontiguousarray(frames[..., ::-1])


def roll(frames: NDArray[Any], shift: int, *, boundary: Boundary) -> NDArray[Any]:
    """Roll (..., H, W) frames by `shift` columns to the right, a symmetry of periodic films.

    Raises:
        InputError: the boundary is not periodic; rolling would create a seam.
    """
    if boundary != "periodic":
        raise InputError(f"frames with a {boundary} boundary can't be rolled; only periodic ones can")
    return np.roll(frames, shift, axis=-1)


def resize(frames: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Resample binary frames to another number of pixels.

    Along an axis that shrinks, each new pixel averages exactly the old ones that it covers; along one that
    grows, values are interpolated linearly. The result is binarised at one half. A tie, such as an interface
    in the middle of a pixel, takes the value of the nearest old pixel, so that neither phase is favoured.

    Args:
        frames: (H, W) or (N, H, W), 0/1.
        shape: the new (H, W).

    Returns:
        uint8 0/1 of the new shape.

    Raises:
        InputError: frames that are not 2-D or 3-D, or a shape without pixels.
    """
    # Loaded on use, as encoders need no simulator.
    from morphsim.simulator import resample_fields

    if frames.ndim not in (2, 3) or frames.size == 0:
        raise InputError(f"frames have the shape {frames.shape}; resize takes (H, W) or (N, H, W)")
    if len(shape) != 2 or min(shape) < 1:
        raise InputError(f"shape is {shape}; it must be two numbers of at least 1, height and width")
    if tuple(frames.shape[-2:]) == tuple(shape):
        return frames.astype(np.uint8)
    batch = frames.reshape(-1, *frames.shape[-2:])
    nearest = np.ix_(*(_nearest(new, old) for new, old in zip(shape, batch.shape[1:], strict=True)))
    result = np.empty((len(batch), *shape), np.uint8)
    for start in range(0, len(batch), _FRAMES_AT_ONCE):
        block = batch[start : start + _FRAMES_AT_ONCE]
        average = resample_fields(block.astype(np.float64), shape, boundary="no-flux")
        tie = np.abs(average - 0.5) < _TIE
        result[start : start + len(block)] = np.where(
            tie, block[:, nearest[0], nearest[1]] != 0, average > 0.5
        )
    return result.reshape(*frames.shape[:-2], *shape)


def _nearest(new: int, old: int) -> NDArray[np.int64]:
    return ((2 * np.arange(new) + 1) * old) // (2 * new)
