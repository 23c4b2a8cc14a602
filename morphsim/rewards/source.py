"""Where the frame of a step comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder
from morphsim.errors import InputError

FrameSource = Callable[[Any, dict[str, Any]], NDArray[Any]]
"""Takes an observation and its info, returns a frame as `Encoder.encode` takes it, without the batch axis."""


def frame_of_observation(observation: Any, info: dict[str, Any]) -> NDArray[Any]:
    """The observation itself: (H, W), (1, H, W) or (H, W, 1).

    Raises:
        InputError: the observation is no picture of one channel.
    """
    array = np.asarray(observation)
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[-1]):
        return array[0] if array.shape[0] == 1 else array[..., 0]
    if array.ndim != 2:
        raise InputError(
            f"the observation has shape {array.shape}, which is no frame (H, W), (1, H, W) or (H, W, 1); "
            "give frame=function(observation, info) that returns one"
        )
    return array


def encode_one(encoder: Encoder, frame: NDArray[Any]) -> NDArray[np.float32]:
    """Latent means (D,) of one frame (H, W).

    Frames are always encoded one by one here: equal frames then have equal latents to the last bit, and a
    frame that reached its target is at distance 0.
    """
    latent: NDArray[np.float32] = encoder.encode(np.asarray(frame)[None])[0]
    return latent
