"""Latent goals: the observations of a goal environment, and rewards computed from stored goals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.encoder import EncodedFrames
from morphsim.errors import InputError
from morphsim.rewards.episodes import TIME_KEY
from morphsim.rewards.features import LatentFeatures, Part
from morphsim.rewards.functions import NEEDS_PREVIOUS, NEEDS_TIME, Transition
from morphsim.rewards.infos import StepInfos
from morphsim.rewards.latent_reward import LatentReward
from morphsim.rewards.metric import latent_unit
from morphsim.rewards.targets import Target


class LatentGoals:
    """Represents goals as vectors, and computes the reward of reaching one goal while another was desired.

    A goal is the content of a frame in units of `latent_unit`; for the reward "log_prob" it is followed by
    the posterior standard deviations.

    Args:
        latent_reward: computes rewards.
        space: space of the environment's observation.
        parts: parts of the latents in `observation`, see `LatentFeatures`.
        info_keys: numbers of `info` to append to them.

    Attributes:
        unit: `latent_unit` of the encoder.
        space: the space of goals, a Box of G numbers.
        observation_space: a Dict of `observation`, `achieved_goal` and `desired_goal`.
        keeps_steps: whether rewards need the action, time or number of a step, which `info` must then keep.

    Raises:
        InputError: as `LatentFeatures`.
    """

    def __init__(
        self,
        latent_reward: LatentReward,
        space: gym.Space[Any],
        *,
        parts: Sequence[Part],
        info_keys: Sequence[str],
    ) -> None:
        self.latent_reward = latent_reward
        self.unit = np.float32(latent_unit(latent_reward.encoder))
        self.size = latent_reward.encoder.latent_size
        name, truncation = latent_reward.name, latent_reward.truncation_penalty > 0
        self.with_deviation = name == "log_prob"
        count = self.size * (2 if self.with_deviation else 1)
        self.space = gym.spaces.Box(-np.inf, np.inf, (count,), np.float32)
        self.features = LatentFeatures(
            latent_reward.encoder, space, parts=parts, info_keys=info_keys, normalise=True
        )
        self.observation_space = gym.spaces.Dict(
            {"observation": self.features.space, "achieved_goal": self.space, "desired_goal": self.space}
        )
        needed = {
            "previous_achieved_goal": name in (*NEEDS_PREVIOUS, "function"),
            "truncated": truncation,
            "terminated": name in ("shaped", "function") or truncation,
            "original_reward": name == "function" or latent_reward.own_weight != 0,
            "out_of_distribution": latent_reward.ood_penalty > 0,
            "step_time_s": name in NEEDS_TIME,
        }
        self._needed_info = [key for key, value in needed.items() if value]
        self.keeps_steps = name in (*NEEDS_TIME, "function")

    def goal_of(self, latent: NDArray[np.float32], deviation: NDArray[np.float32]) -> NDArray[np.float32]:
        """The goal (G,) of a latent (D,) and its posterior standard deviation (D,)."""
        parts = [latent, deviation] if self.with_deviation else [latent]
        return np.concatenate(parts).astype(np.float32) / self.unit

    def desired_goal(self, target: Target) -> NDArray[np.float32]:
        """The goal (G,) of a single target."""
        return self.goal_of(target.latents[0], target.deviations[0])

    def observe(
        self,
        encoded: EncodedFrames,
        row: int,
        observation: Any,
        info: Mapping[str, Any],
        *,
        desired: NDArray[np.float32],
    ) -> dict[str, NDArray[np.float32]]:
        """The observation of one frame.

        Args:
            encoded: encoded frames.
            row: index of the frame among them.
            observation: of its environment.
            info: likewise.
            desired: (G,), the goal of its episode.

        Raises:
            InputError: as `LatentFeatures.observe`.
        """
        return {
            "observation": self.features.observe(encoded, row, observation, info),
            "achieved_goal": self.goal_of(encoded.content[row], encoded.deviation[row]),
            "desired_goal": desired,
        }

    def single_target(self, target: Target, generator: np.random.Generator) -> Target:
        """Draw one of several targets for an episode, since a goal is one vector."""
        count = len(target.latents)
        row = int(generator.integers(count)) if count > 1 else 0
        return Target(latents=target.latents[[row]], deviations=target.deviations[[row]])

    def compute_reward(self, achieved: ArrayLike, desired: ArrayLike, info: Any) -> NDArray[np.float32]:
        """Rewards (...) of goals (..., G); see `LatentGoalWrapper.compute_reward`."""
        reached, wanted = np.asarray(achieved, np.float32), np.asarray(desired, np.float32)
        size = self.space.shape[0]
        if reached.shape != wanted.shape or reached.ndim not in (1, 2) or reached.shape[-1] != size:
            raise InputError(
                f"goals have the shapes {reached.shape} and {wanted.shape}; both must have the shape "
                f"({size},) or (B, {size})"
            )
        if not len(reached):
            # A buffer that relabels no step asks for the rewards of zero goals.
            return np.zeros(0, np.float32)
        reached, wanted = np.atleast_2d(reached) * self.unit, np.atleast_2d(wanted) * self.unit
        infos = _infos_of(info, len(reached))
        stored = self._stored(infos)
        targets, deviations = wanted[:, None, : self.size], wanted[:, None, self.size :]
        if not self.with_deviation:
            deviations = np.full_like(targets, np.nan)
        latents = reached[:, : self.size]
        previous = stored["previous_achieved_goal"][:, : self.size] * self.unit
        found = self.latent_reward.compare(latents, targets, deviations)
        step = Transition(
            latent=latents,
            previous_latent=previous,
            target=found.target,
            distance=found.distance,
            previous_distance=self.latent_reward.compare(previous, targets, deviations).distance,
            log_density=found.log_density,
            bounded_log_density=found.bounded_log_density,
            success=found.success,
            terminated=stored["terminated"],
            original_reward=stored["original_reward"],
            action=_column(infos, "action"),
            observation=None,
            info=infos,
            elapsed_steps=_column(infos, "elapsed_steps"),
            elapsed_time=infos.numbers(TIME_KEY),
            step_time=infos.numbers("step_time_s"),
        )
        rewards = self.latent_reward.compute(
            step, truncated=stored["truncated"], is_ood=stored["out_of_distribution"]
        )
        return rewards if np.ndim(achieved) == 2 else np.asarray(rewards[0])

    def _stored(self, infos: StepInfos) -> dict[str, NDArray[Any]]:
        """What the reward of each step needs beside both goals, from the infos of the steps."""
        count = len(infos)
        stored: dict[str, NDArray[Any]] = {
            "previous_achieved_goal": np.zeros((count, self.space.shape[0]), np.float32),
            "terminated": np.zeros(count, np.bool_),
            "truncated": np.zeros(count, np.bool_),
            "original_reward": np.zeros(count, np.float32),
            "out_of_distribution": np.zeros(count, np.bool_),
            "step_time_s": np.zeros(count),
        }
        for name in self._needed_info:
            if any(name not in each for each in infos):
                raise InputError(
                    f"the reward needs {name!r} of each step's info; make the buffer with "
                    "copy_info_dict=True, or use a reward of the present frame alone, such as 'distance'"
                )
            stored[name] = np.asarray([each[name] for each in infos], stored[name].dtype)
        return stored


def _infos_of(info: Any, count: int) -> StepInfos:
    """The infos of some stored steps; a single one is that of all."""
    infos = [info] * count if isinstance(info, Mapping) else list(info)
    if len(infos) == 1:
        infos = infos * count
    if len(infos) != count:
        raise InputError(f"{len(infos)} infos are given for {count} goals; give one for each")
    return StepInfos(infos)


def _column(infos: StepInfos, key: str) -> NDArray[Any] | None:
    """The values (B, ...) under `key`; None if an info has none."""
    return np.stack([np.asarray(each[key]) for each in infos]) if all(key in each for each in infos) else None
