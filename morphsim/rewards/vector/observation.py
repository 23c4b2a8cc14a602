"""`LatentObservationWrapper` for vector environments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from morphsim.encoder import Encoder, load_encoder
from morphsim.rewards.frame_encoder import binarisation_for
from morphsim.rewards.source import FrameSource
from morphsim.rewards.vector.batching import AnyVectorWrapper, Coded, VectorCoder, VectorEpisodes, info_of
from morphsim.rewards.wrappers.observation import LatentState, Part


class VectorLatentObservationWrapper(AnyVectorWrapper, gym.utils.RecordConstructorArgs):
    """`LatentObservationWrapper` around a vector environment, with the same observations and infos.

    Args:
        env: any vector environment whose environments show binary frames of the encoder's shape.
        encoder: an encoder, or what `load_encoder` takes.
        parts: as for `LatentObservationWrapper`, as all that follow.
        info_keys: see there.
        frame: see there.
        frame_threshold: see there.
        invert: see there.
        normalise: see there.

    Raises:
        InputError: as `LatentObservationWrapper`, or an autoreset mode that is not known.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        encoder: Encoder | str | Path,
        *,
        parts: Sequence[Part] = ("content",),
        info_keys: Sequence[str] = (),
        frame: FrameSource = "observation",
        frame_threshold: float | None = None,
        invert: bool | None = None,
        normalise: bool = True,
    ) -> None:
        gym.utils.RecordConstructorArgs.__init__(
            self,
            _disable_deepcopy=True,
            encoder=encoder,
            parts=parts,
            info_keys=info_keys,
            frame=frame,
            frame_threshold=frame_threshold,
            invert=invert,
            normalise=normalise,
        )
        AnyVectorWrapper.__init__(self, env)
        self.encoder = encoder if isinstance(encoder, Encoder) else load_encoder(encoder)
        binarisation = binarisation_for(
            env,
            env.single_observation_space,
            self.encoder,
            frame,
            threshold=frame_threshold,
            invert=invert,
        )
        self.state = LatentState(self.encoder, parts=parts, info_keys=info_keys, normalise=normalise)
        self.coder = VectorCoder(env, self.encoder, frame, reconstruct=False, binarisation=binarisation)
        self.follow = VectorEpisodes(env)
        self.single_observation_space = self.state.space
        self.observation_space = batch_space(self.state.space, env.num_envs)
        self._seen = np.zeros((env.num_envs, *self.state.space.shape), np.float32)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Reset the environments and code their first frames."""
        observations, infos = self.env.reset(seed=seed, options=None if options is None else dict(options))
        rows = self.follow.reset(options)
        coded = self.coder.code(observations, infos, rows=rows, started=rows)
        return self._look(coded, infos)

    def step(
        self, actions: Any
    ) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Step the environments and code the frames that they show now."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        rows = self.follow.step(terminated, truncated)
        coded = self.coder.code(
            observations,
            infos,
            rows=range(self.follow.count),
            ended=rows.ended,
            started=rows.started,
        )
        if rows.ended:
            infos = replace_final_observations(
                self,
                infos,
                {
                    row: self.state.of(coded.codes, place, info_of(infos.get("final_info", {}), row))
                    for row, place in coded.final.items()
                },
            )
            for row, place in coded.final.items():
                infos = self._add_info(infos, {"final_info": self._gained(coded, place)}, row)
        seen, infos = self._look(coded, infos)
        return seen, rewards, terminated, truncated, infos

    def _look(self, coded: Coded, infos: dict[str, Any]) -> tuple[NDArray[np.float32], dict[str, Any]]:
        for row, place in coded.current.items():
            self._seen[row] = self.state.of(coded.codes, place, info_of(infos, row))
            infos = self._add_info(infos, self._gained(coded, place), row)
        return self._seen.copy(), infos

    def _gained(self, coded: Coded, place: int) -> dict[str, Any]:
        return {"latent": coded.codes.content[place].copy(), "encoder_hash": self.encoder.hash}


def replace_final_observations(
    envs: VectorEnv[Any, Any, Any], infos: dict[str, Any], final: dict[int, Any]
) -> dict[str, Any]:
    """The infos with other final observations, by environment."""
    infos = {key: value for key, value in infos.items() if key not in ("final_obs", "_final_obs")}
    for row, observation in final.items():
        infos = envs._add_info(infos, {"final_obs": observation}, row)
    return infos
