"""Policies that know nothing of the target: what an agent must beat."""

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
    """Turns every knob at random at each step, uniformly over its range of actions.

    The actions follow from the film's seed alone, so that neither the order of episodes nor the number of
    processes changes them.
    """

    def begin(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Begin an episode with a generator of its own."""
        space = env.action_space
        assert isinstance(space, gym.spaces.Box)
        self._space = space
        self._generator = np.random.default_rng([_RANDOM_STREAM, seed])

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return an action (A,) that does not depend on the observation."""
        return np.asarray(self._generator.uniform(self._space.low, self._space.high), np.float32)


class RecipePolicy:
    """Leaves the knobs where the recipe of the environment has them."""

    def begin(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Look up the action that means the recipe's own values.

        Raises:
            InputError: the knobs don't reach one of them.
        """
        film: Any = env.unwrapped
        self._action = np.asarray(film.action_of(), np.float32)

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the action (A,) of the recipe."""
        return self._action
