"""Seeds of films: training and evaluation use disjoint ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from morphsim.errors import InputError

EVALUATION_SEEDS = range(2**31)
"""Seeds of films in evaluations."""
TRAINING_SEEDS = range(2**31, 2**32)
"""Seeds of films in training."""


def training_seed(seed: int, environment: int, episode: int) -> int:
    """Return the seed of one film of a training run, from `TRAINING_SEEDS`.

    Args:
        seed: seed of the run.
        environment: number of the environment, from 0.
        episode: number of its episode, from 0.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(environment, episode))
    return TRAINING_SEEDS[int(sequence.generate_state(1)[0]) % len(TRAINING_SEEDS)]


def evaluation_seeds(first: int, count: int) -> Sequence[int]:
    """Return `count` seeds from `first` on; no training run uses any of them.

    Raises:
        InputError: they would leave `EVALUATION_SEEDS`.
    """
    if first < 0 or first + count > len(EVALUATION_SEEDS):
        raise InputError(
            f"first_seed is {first}; with {count} seeds it must be from 0 to "
            f"{len(EVALUATION_SEEDS) - count}, since larger seeds are reserved for training"
        )
    return range(first, first + count)


def reset_film(
    env: gym.Env[Any, Any], seed: int, options: dict[str, Any] | None = None
) -> tuple[Any, dict[str, Any]]:
    """Begin an episode whose film has exactly the seed `seed`, not one drawn from it."""
    return env.reset(seed=seed, options={"film_seed": seed, **(options or {})})


class EpisodeSeeds(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Seeds every film from the training range, so that none can occur in an evaluation.

    Args:
        env: environment of a training run.
        seed: seed of the run.
        environment: number of the environment, from 0.
        episode: number of the first episode; a resumed run begins after those it has used.
    """

    def __init__(self, env: gym.Env[Any, Any], *, seed: int, environment: int = 0, episode: int = 0) -> None:
        gym.utils.RecordConstructorArgs.__init__(self, seed=seed, environment=environment, episode=episode)
        gym.Wrapper.__init__(self, env)
        self._seed, self._environment, self._episode = seed, environment, episode

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin the next episode. `seed` is ignored: the run's own seeds apply."""
        film = training_seed(self._seed, self._environment, self._episode)
        self._episode += 1
        return reset_film(self.env, film, options)
