"""Latents as observations, so that small policies suffice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder, load_encoder
from morphsim.errors import InputError
from morphsim.rewards.source import FrameSource, encode_one, frame_of_observation


class LatentObservationWrapper(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Replaces the observation by the latent means of the frame and, by choice, numbers from `info`.

    Around a `LatentRewardWrapper` with the same encoder it takes the latent from `info["latent"]`, so that
    a step still encodes one frame.

    Args:
        env: any environment that yields frames of the encoder's shape.
        encoder: an encoder, or what `load_encoder` takes.
        info_keys: numbers in `info` to append, such as "dryness": what one frame can't show.
        frame: a function of observation and info that returns the frame; by default the observation.

    The observation space is `Box(-inf, inf, (D + len(info_keys),), float32)`.

    Raises:
        InputError: a key that `info` does not have (at reset), or frames of another shape.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        encoder: Encoder | str | Path,
        *,
        info_keys: Sequence[str] = (),
        frame: FrameSource = frame_of_observation,
    ) -> None:
        gym.utils.RecordConstructorArgs.__init__(self, encoder=encoder, info_keys=info_keys, frame=frame)
        gym.Wrapper.__init__(self, env)
        self.encoder = encoder if isinstance(encoder, Encoder) else load_encoder(encoder)
        self.info_keys = tuple(info_keys)
        self._frame = frame
        size = self.encoder.latent_size + len(self.info_keys)
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (size,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Reset the environment and encode its first frame."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._encoded(observation, info), info

    def step(self, action: Any) -> tuple[NDArray[np.float32], SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment and encode the frame that it shows now."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._encoded(observation, info), reward, terminated, truncated, info

    def _encoded(self, observation: Any, info: dict[str, Any]) -> NDArray[np.float32]:
        if info.get("encoder_hash") == self.encoder.hash:
            latent = info["latent"]
        else:
            latent = encode_one(self.encoder, self._frame(observation, info))
        missing = [key for key in self.info_keys if key not in info]
        if missing:
            numbers = [key for key, value in info.items() if isinstance(value, int | float)]
            raise InputError(f"info has no {', '.join(missing)}; of numbers it has {', '.join(numbers)}")
        state = [float(info[key]) for key in self.info_keys]
        return np.concatenate([latent, np.array(state, np.float32)]).astype(np.float32)
