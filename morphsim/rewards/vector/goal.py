"""`LatentGoalWrapper` for vector environments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from morphsim.encoder import Encoder, load_encoder
from morphsim.rewards.frame_encoder import binarisation_for
from morphsim.rewards.latent_reward import Judge, RewardSettings
from morphsim.rewards.source import FrameSource
from morphsim.rewards.targets import Target
from morphsim.rewards.vector.batching import AnyVectorWrapper, Coded, VectorCoder, info_of
from morphsim.rewards.vector.observation import replace_final_observations
from morphsim.rewards.vector.reward import VectorJudging, tell
from morphsim.rewards.wrappers.goal import Goals, goal_space
from morphsim.rewards.wrappers.observation import LatentState, Part


class VectorLatentGoalWrapper(AnyVectorWrapper, gym.utils.RecordConstructorArgs):
    """`LatentGoalWrapper` around a vector environment, with the same goals, rewards and infos.

    Args:
        env: any vector environment whose environments show binary frames of the encoder's shape.
        encoder: an encoder, or what `load_encoder` takes.
        parts: as for `LatentGoalWrapper`, as all that follow.
        info_keys: see there.
        frame: see there.
        frame_threshold: see there.
        invert: see there.
        settings: see there.

    Raises:
        InputError: as `LatentGoalWrapper`, or an autoreset mode that is not known.
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
        **settings: Unpack[RewardSettings],
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
            **settings,
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
        self.judge = Judge(self.encoder, **settings, binarisation=binarisation)
        self.goals = Goals(self.judge)
        self.state = LatentState(self.encoder, parts=parts, info_keys=info_keys, normalise=True)
        self.coder = VectorCoder(
            env,
            self.encoder,
            frame,
            reconstruct=self.judge.needs_reconstruction,
            binarisation=binarisation,
        )
        self.judging = VectorJudging(env, self.judge, self.coder, alone=self.goals.one_of)
        self.single_observation_space = goal_space(self.state, self.goals)
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)
        self._seen = {
            name: np.zeros((env.num_envs, *space.shape), np.float32)  # type: ignore[misc]
            for name, space in self.single_observation_space.spaces.items()
        }

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
        """Reset the environments; `options={"target": ...}` is the goal of the episodes that begin now."""
        target, options = self.judge.take_target(options)
        observations, infos = self.env.reset(seed=seed, options=None if options is None else dict(options))
        rows, coded, gained = self.judging.reset(
            observations, infos, seed=seed, options=options, target=target
        )
        for row, info in zip(rows, gained, strict=True):
            infos = self._add_info(infos, info, row)
        return self._look(coded, infos), infos

    def step(
        self, actions: Any
    ) -> tuple[dict[str, NDArray[np.float32]], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Step the environments; rewards are what `compute_reward` gives."""
        observations, original, terminated, truncated, infos = self.env.step(actions)
        before, goals = self._seen["achieved_goal"].copy(), self._seen["desired_goal"].copy()
        rows, coded, rewards, gained, begun = self.judging.step(
            observations, infos, original=original, terminated=terminated, truncated=truncated
        )
        for row, info in zip(rows.stepped, gained, strict=True):
            info["previous_achieved_goal"] = before[row]
            info["terminated"] = bool(terminated[row])
            info["truncated"] = bool(truncated[row])
        infos = tell(self, infos, rows, gained, begun)
        final = {
            row: self._goal_observation(
                coded, place, info_of(infos.get("final_info", {}), row), desired=goals[row]
            )
            for row, place in coded.final.items()
        }
        if final:
            infos = replace_final_observations(self, infos, final)
        return self._look(coded, infos), rewards, terminated, truncated, infos

    def compute_reward(self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any) -> Any:
        """What steps earn that achieved one goal and should have achieved another.

        See `LatentGoalWrapper.compute_reward`.
        """
        rewards = self.goals.reward(achieved_goal, desired_goal, info)
        return rewards if rewards.ndim else float(rewards)

    def _look(self, coded: Coded, infos: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
        for row, place in coded.current.items():
            desired = self._desired(self.judging.episodes.targets[row])
            seen = self._goal_observation(coded, place, info_of(infos, row), desired=desired)
            for name, values in seen.items():
                self._seen[name][row] = values
        return {name: values.copy() for name, values in self._seen.items()}

    def _desired(self, target: Target) -> NDArray[np.float32]:
        return self.goals.of(target.latents[0], target.deviations[0])

    def _goal_observation(
        self, coded: Coded, place: int, info: dict[str, Any], *, desired: NDArray[np.float32]
    ) -> dict[str, NDArray[np.float32]]:
        codes = coded.codes
        return {
            "observation": self.state.of(codes, place, info),
            "achieved_goal": self.goals.of(codes.content[place], codes.deviation[place]),
            "desired_goal": desired,
        }
