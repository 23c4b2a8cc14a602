"""How badly a decoder paints a frame again, and how badly it did with frames that it was not trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_CLOSEST = 1e-6
"""A probability nearer to 0 or 1 counts as this, so that errors are finite."""


def reconstruction_errors(frames: NDArray[Any], painted: NDArray[np.float32]) -> NDArray[np.float32]:
    """Binary cross-entropy of frames with their reconstructions, (N,) [nats a pixel].

    Args:
        frames: (N, ...) 0/1, 0/255 as bytes, bool, or 0 to 1.
        painted: (N, ...) probabilities of donor.
    """
    values = frames.astype(np.float32)
    if frames.dtype == np.uint8 and values.size and values.max() > 1.0:
        values /= 255.0
    probable = np.clip(painted, _CLOSEST, 1.0 - _CLOSEST)
    losses = -(values * np.log(probable) + (1.0 - values) * np.log1p(-probable))
    return np.asarray(losses.reshape(len(frames), -1).mean(axis=1), np.float32)
