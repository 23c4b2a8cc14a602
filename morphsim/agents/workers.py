"""Environments in worker processes that are all ended after a failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
from stable_baselines3.common.vec_env import SubprocVecEnv


class WorkerEnvs(SubprocVecEnv):
    """A process for each environment.

    Args:
        makers: functions that build the environments; they must be picklable.

    Raises:
        EOFError, ConnectionError: a process was killed while it started.
    """

    def __init__(self, makers: Sequence[Callable[[], gym.Env[Any, Any]]]) -> None:
        try:
            # Not fork: a fork of a process that has used torch threads may hang.
            super().__init__([*makers], start_method="spawn")
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """Kill all processes; an orderly shutdown would wait for processes that are gone."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.join()
        for remote in self.remotes:
            remote.close()
        self.closed = True
