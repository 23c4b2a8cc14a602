"""The outermost wrappers of tasks: targets by name, and a specification that names the task alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import VectorEnv

from morphsim.rewards import LatentRewardWrapper, VectorLatentRewardWrapper
from morphsim.rewards.targets import Target
from morphsim.rewards.vector.batching import AnyVectorWrapper, EpisodeTracker
from morphsim.tasks.family import Task
from morphsim.tasks.targets import TargetSet

_OPTION = "target"


class TaskWrapper(gym.Wrapper[Any, Any, Any, Any]):
    """Takes targets by their names, and makes the specification that of the task.

    `gymnasium.make(env.spec)` builds the wrappers of a task by its id, so `spec` must not name them once
    more.

    Args:
        env: the film with its reward and its observation.
        task: of the environment.
        targets: of the task.
        rewarded: the wrapper inside that knows the target of the episode.

    Attributes:
        task: the task.
        targets: all targets of the task, of every split.
    """

    def __init__(
        self, env: gym.Env[Any, Any], *, task: Task, targets: TargetSet, rewarded: LatentRewardWrapper
    ) -> None:
        gym.Wrapper.__init__(self, env)
        self.task = task
        self.targets = targets
        self._episodes = rewarded.episodes

    @property
    def spec(self) -> EnvSpec | None:  # type: ignore[override]
        """The specification of the task."""
        return self.env.unwrapped.spec

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode.

        Args:
            seed: of the film and of the target that is drawn.
            options: `target`: the name of a target, such as "columns" or "test-3"; or as for
                `LatentRewardWrapper`. The others are those of the film.

        Returns:
            The observation, and an info with `target_name` if the target is one of the task's.

        Raises:
            InputError: an unknown name or option.
        """
        observation, info = self.env.reset(seed=seed, options=_with_frame(options, self.targets))
        return observation, {**info, **_name_of(self._episodes.targets[0], self.targets)}


class VectorTaskWrapper(AnyVectorWrapper):
    """`TaskWrapper` for the vector environment of a task.

    Args:
        env: the films with their rewards and observations.
        task: of the environment.
        targets: of the task.
        rewarded: the wrapper inside that knows the targets of the episodes.

    Attributes:
        task: the task.
        targets: all targets of the task, of every split.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        *,
        task: Task,
        targets: TargetSet,
        rewarded: VectorLatentRewardWrapper,
    ) -> None:
        AnyVectorWrapper.__init__(self, env)
        self.task = task
        self.targets = targets
        self._episodes = rewarded.episodes
        self._tracker = EpisodeTracker(env)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start episodes; see `TaskWrapper.reset`. `target` is that of all episodes that begin now."""
        begun = self._tracker.reset(options)
        observations, infos = self.env.reset(seed=seed, options=_with_frame(options, self.targets))
        return observations, self._named(infos, begun)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Make a step of each environment."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        begun = np.flatnonzero(self._tracker.step(terminated, truncated).started).tolist()
        return observations, rewards, terminated, truncated, self._named(infos, begun)

    def _named(self, infos: dict[str, Any], begun: list[int]) -> dict[str, Any]:
        """The infos with the names of the targets of the episodes that have just begun."""
        for index in begun:
            infos = self._add_info(infos, _name_of(self._episodes.targets[index], self.targets), index)
        return infos


def _with_frame(options: dict[str, Any] | None, targets: TargetSet) -> dict[str, Any] | None:
    """Options of a reset with the frame of a target in place of its name.

    Raises:
        InputError: a text that is neither the name of a target nor that of a file.
    """
    given = None if options is None else options.get(_OPTION)
    if not isinstance(given, str) or (given not in targets.names and _is_file(given)):
        return options
    return {**(options or {}), _OPTION: targets.frames[targets.row(given)]}


def _is_file(text: str) -> bool:
    """Whether a text looks like `FILE` or `FILE:ROW` rather than the name of a target."""
    return os.sep in text or "." in text or Path(text).exists()


def _name_of(target: Target, targets: TargetSet) -> dict[str, str]:
    frames = target.frames
    name = targets.name_of(frames[0]) if frames is not None and len(frames) == 1 else None
    return {} if name is None else {"target_name": name}
