"""`LatentObservationWrapper` for vector environments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from morphsim.encoder import Encoder, load_encoder
from morphsim.rewards.features import LatentFeatures, Part
from morphsim.rewards.source import FrameOptions
from morphsim.rewards.vector.batching import (
    AnyVectorWrapper,
    EncodedBatch,
    EpisodeTracker,
    info_of,
    observation_of,
    replace_final_observations,
)
from morphsim.rewards.vector.frame_encoder import VectorFrameEncoder


class VectorLatentObservationWrapper(AnyVectorWrapper, gym.utils.RecordConstructorArgs):
    """`LatentObservationWrapper` around a vector environment, with the same observations and infos.

    Args:
        env: any vector environment whose environments show binary frames of the encoder's shape.
        encoder: an encoder, or what `load_encoder` takes.
        parts: as for `LatentObservationWrapper`.
        info_keys: as for `LatentObservationWrapper`.
        normalise: as for `LatentObservationWrapper`.
        frame_options: `frame`, `frame_threshold` and `invert`, as for `LatentRewardWrapper`.

    Raises:
        InputError: as `LatentObservationWrapper`, or the autoreset mode is unknown.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
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
        AnyVectorWrapper.__init__(self, env)
        self.encoder = encoder if isinstance(encoder, Encoder) else load_encoder(encoder)
        self.features = LatentFeatures(
            self.encoder, env.single_observation_space, parts=parts, info_keys=info_keys, normalise=normalise
        )
        self.frame_encoder = VectorFrameEncoder(env, self.encoder, **frame_options)
        self.tracker = EpisodeTracker(env)
        self.single_observation_space = self.features.space
        self.observation_space = batch_space(self.features.space, env.num_envs)
        self._latents = np.zeros((env.num_envs, *self.features.space.shape), np.float32)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Reset the environments and encode their first frames."""
        observations, infos = self.env.reset(seed=seed, options=None if options is None else dict(options))
        indices = self.tracker.reset(options)
        return self._observe(
            self.frame_encoder.encode_reset(observations, infos, indices), observations, infos
        )

    def step(
        self, actions: Any
    ) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Step the environments and encode the frames that they show now."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        mask = self.tracker.step(terminated, truncated)
        batch = self.frame_encoder.encode_step(observations, infos, mask)
        if batch.final:
            final = {
                index: self.features.observe(
                    batch.encoded,
                    row,
                    infos["final_obs"][index],
                    info_of(infos.get("final_info", {}), index),
                )
                for index, row in batch.final.items()
            }
            infos = replace_final_observations(self, infos, final)
            for index, row in batch.final.items():
                infos = self._add_info(infos, {"final_info": self._extra_info(batch, row)}, index)
        latents, infos = self._observe(batch, observations, infos)
        return latents, rewards, terminated, truncated, infos

    def _observe(
        self, batch: EncodedBatch, observations: Any, infos: dict[str, Any]
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        for index, row in batch.current.items():
            observation = observation_of(observations, index)
            self._latents[index] = self.features.observe(
                batch.encoded, row, observation, info_of(infos, index)
            )
            infos = self._add_info(infos, self._extra_info(batch, row), index)
        return self._latents.copy(), infos

    def _extra_info(self, batch: EncodedBatch, row: int) -> dict[str, Any]:
        return {"latent": batch.encoded.content[row].copy(), "encoder_hash": self.encoder.hash}
