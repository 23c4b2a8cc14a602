"""Latents as observations, for which small policies suffice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, SupportsFloat, Unpack

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder, load_encoder
from morphsim.rewards.checks import restore_env
from morphsim.rewards.features import LatentFeatures, Part
from morphsim.rewards.frame_encoder import FrameEncoder
from morphsim.rewards.source import FrameOptions


class LatentObservationWrapper(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Replaces the observation by latents of the frame and, optionally, its state and numbers from `info`.

    Together with a `LatentRewardWrapper` of the same encoder, inside or around it, a step still encodes only
    one frame.

    Args:
        env: any environment that shows binary frames of the encoder's shape, or pictures to binarise.
        encoder: an encoder, or what `load_encoder` takes.
        parts: parts of the latents: "content" (what distances use), "pose" (the position of the pattern),
            "deviation" (standard deviation of the content's posterior), "target" (content of the nearest
            target; needs a `LatentRewardWrapper` inside), and "state" (the entry of this name in a Dict
            observation, as our environments have with `observation="dict"`), in the order in which they are
            observed.
        info_keys: numbers in `info` to append, such as "dryness": what a single frame can't show.
        normalise: whether to divide content, deviation and target by `morphsim.rewards.latent_unit`, one
            number for all latents, so that they are of the order of 1 and keep their geometry.
        frame_options: `frame`, `frame_threshold` and `invert`, as for `LatentRewardWrapper`.

    The observation space is a float32 `Box` (S,), in which a state keeps its bounds and all else has none.
    The wrapper adds `latent` and `encoder_hash` to `info`.

    Raises:
        InputError: a part is unknown, there is no state, `info` lacks a key (at reset), or frames have
            another shape or boundary condition.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        encoder: Encoder | str | Path,
        *,
        parts: Sequence[Part] = ("content",),
        info_keys: Sequence[str] = (),
        normalise: bool = True,
        **frame_options: Unpack[FrameOptions],
    ) -> None:
        options = {"parts": parts, "info_keys": info_keys, "normalise": normalise}
        gym.utils.RecordConstructorArgs.__init__(
            self, _disable_deepcopy=True, encoder=encoder, **options, **frame_options
        )
        gym.Wrapper.__init__(self, env)
        self.encoder = encoder if isinstance(encoder, Encoder) else load_encoder(encoder)
        self.features = LatentFeatures(
            self.encoder, env.observation_space, parts=parts, info_keys=info_keys, normalise=normalise
        )
        self.frame_encoder = FrameEncoder(env, self.encoder, **frame_options)
        self.observation_space = self.features.space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Reset the environment and encode its first frame."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._observe(observation, info, reset=True)

    def step(self, action: Any) -> tuple[NDArray[np.float32], SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment and encode the frame that it shows now."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        latents, info = self._observe(observation, info)
        return latents, reward, terminated, truncated, info

    def get_state(self) -> dict[str, Any]:
        """The state of the environment, which must have `get_state`, for `set_state`."""
        state: dict[str, Any] = self.env.get_wrapper_attr("get_state")()
        return state

    def set_state(self, state: dict[str, Any]) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Return to a state from `get_state`.

        Returns:
            The observation and the info there.

        Raises:
            InputError: `state` is something else.
        """
        return self._observe(*restore_env(self.env, state))

    def _observe(
        self, observation: Any, info: dict[str, Any], *, reset: bool = False
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        encoded = self.frame_encoder.encode_frame(observation, info, reset=reset)
        extra_info = {"latent": encoded.content[0].copy(), "encoder_hash": self.encoder.hash}
        return self.features.observe(encoded, 0, observation, info), {**info, **extra_info}
