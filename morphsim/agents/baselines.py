"""Baseline policies that do not use the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

_RANDOM_STREAM = 0x52616E64


class Policy(Protocol):
    """Chooses actions, episode by episode."""

    def begin(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Begin an episode of `env`, whose film has `seed`."""

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the action (A,) for an observation."""
        ...


class RandomPolicy:
    """Sets every knob at random at each step, uniformly over its action range.

    The actions depend only on the film's seed, not on the order of episodes or the number of processes.
    """

    def begin(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Begin an episode with its own generator."""
        space = env.action_space
        assert isinstance(space, gym.spaces.Box)
        self._space = space
        self._generator = np.random.default_rng([_RANDOM_STREAM, seed])

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return an action (A,) that does not depend on the observation."""
        return np.asarray(self._generator.uniform(self._space.low, self._space.high), np.float32)


class RecipePolicy:
    """Keeps the knobs at the values of the environment's recipe."""

    def begin(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Find the action that stands for the recipe's own values.

        Raises:
            InputError: a value is out of the range of its knob.
        """
        film: Any = env.unwrapped
        self._action = np.asarray(film.action_of(), np.float32)

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the action (A,) of the recipe."""
        return self._action


class FixedSchedule:
    """Makes the actions of a schedule whatever it observes; the last one holds on. Base of such policies."""

    def start(self, schedule: NDArray[np.float32]) -> None:
        """Begin a schedule (T, A)."""
        self._schedule, self._step = schedule, 0

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the next action (A,)."""
        action = self._schedule[min(self._step, len(self._schedule) - 1)]
        self._step += 1
        return np.asarray(action, np.float32)


class ReplayPolicy(FixedSchedule):
    """Replays a schedule in each film.

    Args:
        schedules: actions (T, A) by the seed of the film.
        default: actions in films that `schedules` does not name.
    """

    def __init__(
        self,
        schedules: Mapping[int, NDArray[np.float32]] | None = None,
        *,
        default: NDArray[np.float32] | None = None,
    ) -> None:
        self._schedules, self._default = dict(schedules or {}), default

    def begin(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Begin the schedule of a film.

        Raises:
            KeyError: there is none.
        """
        self.start(
            self._schedules[seed] if self._default is None else self._schedules.get(seed, self._default)
        )


def mean_schedule(schedules: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The mean (T, A) of schedules (T, A) of different lengths; the last action of a shorter one holds on."""
    longest = max(map(len, schedules))
    padded = [np.concatenate([each, np.repeat(each[-1:], longest - len(each), axis=0)]) for each in schedules]
    return np.asarray(np.mean(padded, axis=0, dtype=np.float64), np.float32)
