"""Whole films of the drying environment under random knobs, timed, by the version that runs this file.

    python benchmarks/_env_films.py JOBS.json ANSWER.npz

So run, it makes films in another interpreter or with another installation. It uses only what all versions
from 0.1.0 on have.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from _elsewhere import answer_jobs, ask_elsewhere

NAME = "morphsim:morphsim/Drying-v0"
_WARM_SHAPE, _WARM_SEED, _WARM_STEPS = (8, 24), 10**6, 2


@dataclass(frozen=True)
class EnvJob:
    """Films to make one after the other in one environment.

    Attributes:
        shape: (H, W) of the frames.
        seeds: of the films, and of their random knobs.
        cells: (h, w) of the solver; None for the default of the version.
        target: (H, W) frame from which the latent reward is computed; None for no reward.
        most_steps: of each film; None for whole films.
    """

    shape: tuple[int, int]
    seeds: Sequence[int]
    cells: tuple[int, int] | None = None
    target: list[list[int]] | None = None
    most_steps: int | None = None


@dataclass(frozen=True)
class Spent:
    """What films took.

    Attributes:
        steps: of the environment.
        seconds: of all of them.
        inside: of these, what the environment inside the reward's wrapper took; all of them without one.
        wrapper_ms: milliseconds of the wrapper in the median step; its work is the same in all.
    """

    steps: int
    seconds: float
    inside: float
    wrapper_ms: float

    @property
    def rate(self) -> float:
        """Steps a second."""
        return self.steps / self.seconds

    @property
    def share(self) -> float:
        """The wrapper's time over that of the environment inside."""
        return (self.seconds - self.inside) / self.inside


class Timed(gym.Wrapper[Any, Any, Any, Any]):
    """Keeps the seconds of each step of an environment."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.seconds: list[float] = []

    def step(self, action: Any) -> Any:
        """Step the environment inside."""
        started = time.perf_counter()
        result = self.env.step(action)
        self.seconds.append(time.perf_counter() - started)
        return result


def make_env(job: EnvJob) -> tuple[Timed, Timed]:
    """The environment of a job as users make it, timed, and inside its reward the film alone, timed too."""
    # The default belongs to the version, and 0.1.0 has no choice.
    chosen: dict[str, Any] = {} if job.cells is None else {"cells": tuple(job.cells)}
    env = Timed(gym.make(NAME, shape=tuple(job.shape), **chosen))
    if job.target is None:
        return env, env
    from morphsim import LatentRewardWrapper, load_encoder

    encoder = load_encoder("default", device="cpu")
    target = np.array(job.target, np.uint8)
    return Timed(LatentRewardWrapper(env, encoder, target=target, reward="progress")), env


def make_films(envs: tuple[Timed, Timed], seeds: Sequence[int], most_steps: int | None = None) -> Spent:
    """Make films under knobs that follow from their seeds, in what `make_env` has made."""
    outer, inner = envs
    outer.seconds.clear()
    inner.seconds.clear()
    for seed in seeds:
        random = np.random.default_rng(seed)
        outer.reset(seed=int(seed))
        made, over = 0, False
        while not over and made != most_steps:
            _, _, terminated, truncated, _ = outer.step(random.uniform(-1.0, 1.0, 3).astype(np.float32))
            made, over = made + 1, terminated or truncated
    own = [1e3 * (whole - inside) for whole, inside in zip(outer.seconds, inner.seconds, strict=True)]
    return Spent(len(own), sum(outer.seconds), sum(inner.seconds), statistics.median(own))


def warm(envs: tuple[Timed, Timed]) -> None:
    """Make the first steps of a film, so that nothing is timed that happens but once."""
    make_films(envs, [_WARM_SEED], _WARM_STEPS)


def make(job: EnvJob) -> Spent:
    """Make the films of a job in a warm environment."""
    envs = make_env(job)
    warm(envs)
    spent = make_films(envs, job.seeds, job.most_steps)
    envs[0].close()
    return spent


def make_elsewhere(place: Path, jobs: Sequence[EnvJob]) -> tuple[str, list[Spent]]:
    """Make films with the version of the package that another interpreter or folder has.

    Args:
        place: see `ask_elsewhere`.
        jobs: the films.

    Returns:
        The version, and what each of the jobs took.

    Raises:
        InputError: there is no such package, or it can't make the films.
    """
    version, arrays = ask_elsewhere(place, Path(__file__), [asdict(job) for job in jobs])
    columns = (arrays[field.name].tolist() for field in fields(Spent))
    return version, [Spent(*each) for each in zip(*columns, strict=True)]


def answer(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Make the films of jobs, and what they took as arrays."""
    # A whole film compiles what its last step needs, too.
    make_films(make_env(EnvJob(_WARM_SHAPE, ())), [_WARM_SEED])
    spent = [asdict(make(EnvJob(**job))) for job in jobs]
    return {field.name: [each[field.name] for each in spent] for field in fields(Spent)}


if __name__ == "__main__":
    sys.exit(answer_jobs(answer))
