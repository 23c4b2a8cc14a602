"""Parallel environments for training, in this process or in worker processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.agents.environment import EnvironmentSpec, LimitEnds
from morphsim.agents.seeds import EpisodeSeeds
from morphsim.encoder import Encoder
from morphsim.errors import MachineError

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingEnv:
    """Makes one environment of a training run; it is picklable, for worker processes."""

    spec: EnvironmentSpec
    """Description of the environment."""
    encoder: Encoder
    """Encoder; on the CPU for a worker process."""
    target: NDArray[np.uint8]
    """(K, H, W) 0/1."""
    seed: int
    """Seed of the run."""
    number: int
    """Number of this environment, from 0."""
    episode: int
    """Number of its first episode."""
    in_worker: bool
    """Whether it runs in a worker process, with one thread."""

    def __call__(self) -> gym.Env[Any, Any]:
        """Build the environment."""
        if self.in_worker:
            torch.set_num_threads(1)
        env = LimitEnds(self.spec.make(self.encoder, self.target))
        return EpisodeSeeds(env, seed=self.seed, environment=self.number, episode=self.episode)


@contextlib.contextmanager
def training_envs(
    spec: EnvironmentSpec,
    encoder: Encoder,
    target: NDArray[np.uint8],
    *,
    seed: int,
    episodes: Sequence[int],
) -> Iterator[VecEnv]:
    """Provide the environments of a training run.

    Args:
        spec: description of each environment.
        encoder: encoder; on the CPU if there are several environments.
        target: (K, H, W) 0/1.
        seed: of the run.
        episodes: number of the first episode of each environment.

    Raises:
        MachineError: the process of an environment was killed.
    """
    from stable_baselines3.common.vec_env import DummyVecEnv

    several = len(episodes) > 1
    makers = [
        TrainingEnv(
            spec=spec,
            encoder=encoder,
            target=target,
            seed=seed,
            number=number,
            episode=episode,
            in_worker=several,
        )
        for number, episode in enumerate(episodes)
    ]
    if not several:
        single = DummyVecEnv([*makers])
        try:
            yield single
        finally:
            single.close()
        return
    from morphsim.agents.workers import WorkerEnvs

    try:
        workers = WorkerEnvs(makers)
        try:
            yield workers
            workers.close()
        except BaseException:
            workers.kill()
            raise
    except (EOFError, ConnectionError) as error:
        raise MachineError(
            "a worker process was killed, perhaps for memory; the last checkpoint is kept: run again with "
            "--resume, or start again with fewer --n-envs"
        ) from error
