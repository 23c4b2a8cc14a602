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

from morphsim.encoder import Encoder
from morphsim.rewards.config import RewardOptions
from morphsim.rewards.features import Part
from morphsim.rewards.goals import LatentGoals
from morphsim.rewards.targets import Target, TargetLike, TargetSampler
from morphsim.rewards.vector.batching import info_of, observation_of, replace_final_observations
from morphsim.rewards.vector.reward import VectorLatentRewardWrapper


class VectorLatentGoalWrapper(VectorLatentRewardWrapper):
    """`LatentGoalWrapper` around a vector environment, with the same goals, rewards and infos.

    Args:
        env: any vector environment whose environments show binary frames of the encoder's shape.
        encoder: an encoder, or what `load_encoder` takes.
        target: as for `LatentGoalWrapper`.
        parts: as for `LatentGoalWrapper`.
        info_keys: as for `LatentGoalWrapper`.
        options: as for `LatentGoalWrapper`.

    Raises:
        InputError: as `LatentGoalWrapper`, or the autoreset mode is unknown.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        encoder: Encoder | str | Path,
        *,
        target: TargetLike | TargetSampler,
        parts: Sequence[Part] = ("content",),
        info_keys: Sequence[str] = (),
        **options: Unpack[RewardOptions],
    ) -> None:
        recorded = {"target": target, "parts": parts, "info_keys": info_keys, **options}
        # What is recorded first stays: `VectorLatentRewardWrapper` would leave out `parts` and `info_keys`.
        gym.utils.RecordConstructorArgs.__init__(self, _disable_deepcopy=True, encoder=encoder, **recorded)
        super().__init__(env, encoder, target=target, **options)
        self.goals = LatentGoals(
            self.latent_reward, env.single_observation_space, parts=parts, info_keys=info_keys
        )
        self.episodes.keeps_steps = self.goals.keeps_steps
        self.single_observation_space = self.goals.observation_space
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)
        self._observation = {
            name: np.zeros((env.num_envs, *space.shape), np.float32)  # type: ignore[misc]
            for name, space in self.single_observation_space.spaces.items()
        }

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
        """Reset the environments; `options={"target": ...}` is the goal of the episodes that begin now."""
        observations, infos = super().reset(seed=seed, options=options)
        return self._observe(observations, infos), infos

    def step(
        self, actions: Any
    ) -> tuple[dict[str, NDArray[np.float32]], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Step the environments; rewards are what `compute_reward` gives."""
        previous = self._observation["achieved_goal"].copy()
        desired = self._observation["desired_goal"].copy()
        observations, rewards, terminated, truncated, infos = super().step(actions)
        stepped = np.flatnonzero(self._mask.stepped).tolist()
        extra_infos = [
            {
                "previous_achieved_goal": previous[index],
                "terminated": bool(terminated[index]),
                "truncated": bool(truncated[index]),
            }
            for index in stepped
        ]
        infos = self._add_infos(infos, stepped, extra_infos, final=self._mask.ended)
        final = {
            index: self.goals.observe(
                self._batch.encoded,
                row,
                infos["final_obs"][index],
                info_of(infos.get("final_info", {}), index),
                desired=desired[index],
            )
            for index, row in self._batch.final.items()
        }
        if final:
            infos = replace_final_observations(self, infos, final)
        return self._observe(observations, infos), rewards, terminated, truncated, infos

    def compute_reward(self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any) -> Any:
        """The rewards of steps that achieved some goals and should have achieved others.

        See `LatentGoalWrapper.compute_reward`.
        """
        rewards = self.goals.compute_reward(achieved_goal, desired_goal, info)
        return rewards if rewards.ndim else float(rewards)

    def _choose_target(self, generator: np.random.Generator, given: Target | None) -> Target:
        return self.goals.single_target(super()._choose_target(generator, given), generator)

    def _observe(self, observations: Any, infos: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
        """The observations after a reset or a step; environments that took no part keep theirs."""
        for index, row in self._batch.current.items():
            desired = self.goals.desired_goal(self.episodes.targets[index])
            observed = self.goals.observe(
                self._batch.encoded,
                row,
                observation_of(observations, index),
                info_of(infos, index),
                desired=desired,
            )
            for name, values in observed.items():
                self._observation[name][index] = values
        return {name: values.copy() for name, values in self._observation.items()}
