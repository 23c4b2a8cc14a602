"""Speed of environments: beside another version of the package, on two threads, and in large batches."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from _elsewhere import own_place
from _env_films import NAME, EnvJob, Spent, make, make_elsewhere
from _harness import say

DEFAULT, EQUAL_CELLS, REWARDED = "default", "equal cells", "default, with reward"
Shape = tuple[int, int]
Key = tuple[str, Shape]


@dataclass(frozen=True)
class Pair:
    """The same films made by this version and then by the other one.

    Attributes:
        version: the other one.
        own: what films took, by kind and shape of the frames.
        old: likewise; it has no `EQUAL_CELLS`, since its cells are always those of the frames.
    """

    version: str
    own: Mapping[Key, Spent]
    old: Mapping[Key, Spent]

    def ratio(self, key: Key) -> float:
        """Steps a second over those of the other version."""
        return self.own[key].rate / self.old_of(key).rate

    def old_of(self, key: Key) -> Spent:
        """What films of a kind took with the other version."""
        kind, shape = key
        return self.old[DEFAULT if kind == EQUAL_CELLS else kind, shape]


def jobs_of(
    shapes: Sequence[Shape], target: Any, seeds: Sequence[int], most_steps: int | None
) -> dict[Key, EnvJob]:
    """The films of a pair by kind and shape; those with a reward have the shape of their target."""
    jobs = {(DEFAULT, shape): EnvJob(shape, seeds, most_steps=most_steps) for shape in shapes}
    jobs |= {(EQUAL_CELLS, shape): replace(jobs[DEFAULT, shape], cells=shape) for shape in shapes}
    shape = tuple(target.shape)
    wanted = EnvJob(shape, seeds[:1], target=target.tolist(), most_steps=most_steps)
    return jobs | {(REWARDED, shape): wanted}


def pair(old: Path, jobs: Mapping[Key, EnvJob]) -> Pair:
    """Make films with this version and with another, each in a process of its own.

    Raises:
        InputError: there is no other version, or it can't make the films.
    """
    _, own = make_elsewhere(own_place(), list(jobs.values()))
    theirs = {key: job for key, job in jobs.items() if job.cells is None}
    version, others = make_elsewhere(old, list(theirs.values()))
    return Pair(version, dict(zip(jobs, own, strict=True)), dict(zip(theirs, others, strict=True)))


def pair_rows(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Steps a second of each kind and shape: medians over the pairs, and the range of the ratio."""
    rows = []
    for key in pairs[0].own:
        kind, (height, width) = key
        ratios = [each.ratio(key) for each in pairs]
        rows.append(
            {
                "environment": f"{height} x {width}, {kind}",
                "solver cells": "{} x {}".format(*_cells(key)),
                "steps a second": statistics.median(each.own[key].rate for each in pairs),
                "of 0.1.0": statistics.median(each.old_of(key).rate for each in pairs),
                "ratio": statistics.median(ratios),
                "least ratio": min(ratios),
                "largest ratio": max(ratios),
                "steps": sum(each.own[key].steps for each in pairs),
                "steps of 0.1.0": sum(each.old_of(key).steps for each in pairs),
            }
        )
    return rows


def _cells(key: Key) -> Shape:
    kind, shape = key
    env: Any = gym.make(NAME, shape=shape).unwrapped
    cells: Shape = shape if kind == EQUAL_CELLS else env.settings.cells
    return cells


def wrapper_beside(pairs: Sequence[Pair], shape: Shape) -> dict[str, float]:
    """Milliseconds of the reward's wrapper in a step, beside those of the other version."""
    own = [each.own[REWARDED, shape].wrapper_ms for each in pairs]
    old = [each.old[REWARDED, shape].wrapper_ms for each in pairs]
    return {
        "beside 0.1.0 [ms]": statistics.median(own),
        "of 0.1.0 [ms]": statistics.median(old),
        "over that of 0.1.0": statistics.median(a / b for a, b in zip(own, old, strict=True)),
    }


def in_turn(
    contenders: Mapping[str, Sequence[Callable[[], Any]]], steps: int, seed: int = 0
) -> dict[str, float]:
    """Seconds that vector environments take for the same films, one step of each in turn.

    Args:
        contenders: by name; each makes some vector environments, which together hold all films.
        steps: of each film. Films that end begin anew.
        seed: of the first film, and of the knobs.
    """
    envs = {name: [make() for make in makers] for name, makers in contenders.items()}
    seconds = dict.fromkeys(envs, 0.0)
    random = np.random.default_rng(seed)
    try:
        (films,) = {sum(each.num_envs for each in group) for group in envs.values()}
        for group in envs.values():
            for env, first in zip(group, _starts(group), strict=True):
                env.reset(seed=seed + first)
        for _ in range(steps):
            actions = random.uniform(-1.0, 1.0, (films, 3)).astype(np.float32)
            for name, group in envs.items():
                started = time.perf_counter()
                for env, first in zip(group, _starts(group), strict=True):
                    env.step(actions[first : first + env.num_envs])
                seconds[name] += time.perf_counter() - started
        return seconds
    finally:
        for group in envs.values():
            for env in group:
                env.close()


def _starts(group: Sequence[Any]) -> list[int]:
    """The number of the first film of each environment."""
    return [0, *accumulate(env.num_envs for env in group[:-1])]


def films_of(shape: Shape, count: int, threads: int = 1) -> Callable[[], Any]:
    """Make a batch of films as a vector environment."""
    return lambda: gym.make_vec(NAME, num_envs=count, shape=shape, threads=threads)


def two_processes(job: EnvJob) -> tuple[float, float]:
    """Steps a second of two processes that make films at the same time, and of one alone."""
    both, alone = (_together(job, count) for count in (2, 1))
    return both, alone


def _together(job: EnvJob, count: int) -> float:
    # Forks find everything compiled, and so begin together.
    with get_context("fork").Pool(count) as pool:
        spent = pool.map(make, [job] * count, chunksize=1)
    return sum(each.steps for each in spent) / max(each.seconds for each in spent)


def on_two_cores(
    shape: Shape, *, counts: Sequence[int], steps: int, job: EnvJob, runs: int
) -> list[dict[str, Any]]:
    """How much faster two threads advance a batch than one, and two processes single films.

    Args:
        shape: of the frames.
        counts: films in the batches.
        steps: of each film.
        job: what each process makes; all that the machine allows at this moment.
        runs: how often; medians count.

    Returns:
        A row for each number of films, and one for processes.
    """
    rates: dict[str, list[tuple[float, float]]] = {}
    for number in range(runs):
        for count in counts:
            contenders = {"one": [films_of(shape, count)], "two": [films_of(shape, count, threads=2)]}
            seconds = in_turn(contenders, steps, seed=1000 * number)
            both = count * steps / seconds["two"], count * steps / seconds["one"]
            rates.setdefault(f"{count} films on threads", []).append(both)
        rates.setdefault("single films in processes", []).append(two_processes(job))
        say(f"two over one: { {name: found[-1][0] / found[-1][1] for name, found in rates.items()} }")
    rows = []
    for name, found in rates.items():
        ratios = [two / one for two, one in found]
        rows.append(
            {
                "environments": name,
                "steps a second on two": statistics.median(two for two, _ in found),
                "on one": statistics.median(one for _, one in found),
                "two over one": statistics.median(ratios),
                "least ratio": min(ratios),
                "largest ratio": max(ratios),
            }
        )
    return rows


def batches_beside(shape: Shape, *, large: int, small: int, steps: int) -> dict[str, Any]:
    """Steps a second in a large batch over those of the same films in small ones."""
    makers = [films_of(shape, small)] * (large // small)
    seconds = in_turn({"large": [films_of(shape, large)], "small": makers}, steps)
    return {
        "steps of each film": steps,
        f"batch of {large}, steps a second": large * steps / seconds["large"],
        f"batches of {small}, steps a second": large * steps / seconds["small"],
        f"{large} over {small}": seconds["small"] / seconds["large"],
    }
