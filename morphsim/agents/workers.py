"""Environments in processes of their own, none of which is left behind after a failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
from stable_baselines3.common.vec_env import SubprocVecEnv


class WorkerEnvs(SubprocVecEnv):
    """A process for each environment.

    Args:
        makers: build the environments; they travel into the processes.

    Raises:
        EOFError, ConnectionError: a process was killed while it started.
    """

    def __init__(self, makers: Sequence[Callable[[], gym.Env[Any, Any]]]) -> None:
        try:
            # Not fork: a copy of a process that has run torch threads may hang.
            super().__init__([*makers], start_method="spawn")
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End all processes at once: where some are gone, a polite goodbye would wait for them."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.join()
        for remote in self.remotes:
            remote.close()
        self.closed = True
