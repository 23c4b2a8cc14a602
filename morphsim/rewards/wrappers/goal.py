"""Latent goals, for hindsight experience replay and other goal-conditioned agents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, SupportsFloat, Unpack

import gymnasium as gym
import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.encoder import Encoder
from morphsim.rewards.config import RewardOptions
from morphsim.rewards.features import Part
from morphsim.rewards.goals import LatentGoals
from morphsim.rewards.targets import Target, TargetLike, TargetSampler
from morphsim.rewards.wrappers.reward import LatentRewardWrapper


class LatentGoalWrapper(LatentRewardWrapper):
    """A goal environment: the observation is a Dict of `observation`, `achieved_goal` and `desired_goal`.

    Goals are the content of frames in units of `latent_unit` (float32, exact), followed for the reward
    "log_prob" by their posterior standard deviations. Steps earn what they earn in `LatentRewardWrapper`, and
    `compute_reward` gives exactly this reward for stored goals, so that agents can learn from steps as if
    they had aimed elsewhere (Andrychowicz et al. 2017, doi 10.48550/arXiv.1707.01495). Success does not end
    an episode.

    Args:
        env: any environment that shows binary frames of the encoder's shape, or pictures to binarise.
        encoder: an encoder, or what `load_encoder` takes.
        target: as for `LatentRewardWrapper`; of several frames one is drawn for each episode.
        parts: parts of `observation`, see `LatentObservationWrapper`.
        info_keys: numbers of `info` to append to them.
        options: as for `LatentRewardWrapper`. With `several="distribution"` the mean is the goal. The rewards
            "progress", "shaped", "time" and "heat", functions, an `own_weight` and penalties need the info
            of each step: Stable-Baselines3's `HerReplayBuffer` keeps it with `copy_info_dict=True`. For
            stored goals, functions see no observation.

    The wrapper adds to `info` what `LatentRewardWrapper` adds and, in steps, `previous_achieved_goal`,
    `terminated` and `truncated`; for functions, "time" and "heat" also `elapsed_steps`, `step_time_s` [s]
    and, unless it is a Dict or a Tuple, `action`.

    Raises:
        InputError: as `LatentRewardWrapper`.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        encoder: Encoder | str | Path,
        *,
        target: TargetLike | TargetSampler,
        parts: Sequence[Part] = ("content",),
        info_keys: Sequence[str] = (),
        **options: Unpack[RewardOptions],
    ) -> None:
        recorded = {"target": target, "parts": parts, "info_keys": info_keys, **options}
        # What is recorded first stays: `LatentRewardWrapper` would leave out `parts` and `info_keys`.
        gym.utils.RecordConstructorArgs.__init__(self, _disable_deepcopy=True, encoder=encoder, **recorded)
        super().__init__(env, encoder, target=target, **options)
        self.goals = LatentGoals(self.latent_reward, env.observation_space, parts=parts, info_keys=info_keys)
        self.episodes.keeps_steps = self.goals.keeps_steps
        self.observation_space = self.goals.observation_space
        self._achieved: NDArray[np.float32] = np.zeros(self.goals.space.shape, np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
        """Reset the environment; `options={"target": ...}` is the goal of this episode."""
        observation, info = super().reset(seed=seed, options=options)
        return self._observe(observation, info), info

    def step(
        self, action: Any
    ) -> tuple[dict[str, NDArray[np.float32]], SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment; the reward is what `compute_reward` gives."""
        previous = self._achieved
        observation, reward, terminated, truncated, info = super().step(action)
        info["previous_achieved_goal"] = previous
        info["terminated"], info["truncated"] = bool(terminated), bool(truncated)
        return self._observe(observation, info), reward, terminated, truncated, info

    def set_state(self, state: dict[str, Any]) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
        """Return to a state from `get_state`; see `LatentRewardWrapper.set_state`."""
        observation, info = super().set_state(state)
        return self._observe(observation, info), info

    def compute_reward(self, achieved_goal: ArrayLike, desired_goal: ArrayLike, info: Any) -> Any:
        """The reward of a step that achieved one goal and should have achieved another.

        Args:
            achieved_goal: (G,), or (B, G) of several steps.
            desired_goal: the same shape.
            info: of the step, or one of each; rewards that depend only on the present frame ignore it.

        Returns:
            A float, or (B,) float32.

        Raises:
            InputError: the shapes differ, or an info lacks what the reward needs.
        """
        rewards = self.goals.compute_reward(achieved_goal, desired_goal, info)
        return rewards if rewards.ndim else float(rewards)

    def _choose_target(self, generator: np.random.Generator, given: Target | None) -> Target:
        return self.goals.single_target(super()._choose_target(generator, given), generator)

    def _observe(self, observation: Any, info: dict[str, Any]) -> dict[str, NDArray[np.float32]]:
        desired = self.goals.desired_goal(self.episodes.targets[0])
        observed = self.goals.observe(self._encoded, 0, observation, info, desired=desired)
        self._achieved = observed["achieved_goal"].copy()
        return observed
