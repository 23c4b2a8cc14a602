"""Baseline policies that do not use the target."""

from __future__ import annotations

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
