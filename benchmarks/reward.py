"""What the latent reward costs, and how many steps a second environments make in each way of running them.

    python benchmarks/reward.py [--runs 3] [--old PATH] [--pairs 5] [--json] [--quick]

The wrapper's cost is the time of a wrapped step less that of the step inside it, over that of the step
inside: drying films in frames of 100 x 400 under random knobs, on one core, with the guard on. Steps a second
are of the same films, made from the same seeds by the same knobs, as single environments in turn
(SyncVectorEnv), in processes of their own (Stable-Baselines3's SubprocVecEnv and Gymnasium's AsyncVectorEnv,
forked, so that many fit into memory) and as one batch.

`--old` is a Python interpreter, or a folder, in which version 0.1.0 is installed. Whole films of the drying
environment as `gym.make` returns it are then made by this version and by that one in turn, each in a new
process on one thread, from the same seeds under the same random knobs. This version's solver may by default
have fewer cells than the frame has pixels; with `equal cells` it has as many as version 0.1.0. The wrapper
may take a tenth of a step or, where steps are too short for that, no longer than with version 0.1.0;
`held by` says which of the two holds.

Batches on two threads are compared with the same batches on one, step by step in turn. Beside them stands
what two processes that make films at the same time reach over one, since other work may occupy a core. A
batch of 64 is compared with the same films in batches of 8, also in turn, over enough steps that films end
and restart.
"""

from __future__ import annotations

import functools
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from _elsewhere import program_of
from _env_films import NAME, EnvJob, make_env, make_films, warm
from _env_speed import (
    DEFAULT,
    Pair,
    Shape,
    batches_beside,
    jobs_of,
    on_two_cores,
    pair,
    pair_rows,
    wrapper_beside,
)
from _harness import BenchmarkOptions, Outcome, Target, medians, run, say, table
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from stable_baselines3.common.vec_env import SubprocVecEnv

from morphsim import LatentRewardWrapper, VectorLatentRewardWrapper, load_encoder
from morphsim.encoder import Encoder
from morphsim.errors import InputError

LARGEST_SHARE = 0.10
LEAST_OF_TWO_THREADS, LEAST_OF_LARGE_BATCH = 1.7, 0.95


@dataclass(frozen=True)
class Scale:
    """What a quick run makes smaller.

    Attributes:
        least_ratios: steps a second over those of version 0.1.0, by shape of the frames; the first shape is
            also that of threads and batches.
        batches: films in a large batch and in a small one.
        threaded: films in the batches on two threads; the first is held to the target.
        most_steps: of a film; None for whole films.
    """

    least_ratios: Mapping[Shape, float]
    batches: tuple[int, int]
    threaded: tuple[int, ...]
    most_steps: int | None


FULL = Scale({(100, 400): 4.0, (48, 192): 6.0}, (64, 8), (8, 16), None)
SMALL = Scale({(12, 96): 4.0, (8, 80): 6.0}, (4, 2), (2, 3), 3)
QUICK: Mapping[str, Any] = {
    "runs": 1,
    "episodes": 1,
    "vector_steps": 1,
    "counts": (2,),
    "pairs": 1,
    "films": 1,
    "batch_steps": 3,
    "thread_steps": 3,
}


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Measure rewards and environments."""

    runs: int = 3
    """How often each is measured; the median counts."""
    episodes: int = 3
    """Films for the cost of the wrapper, in each run."""
    vector_steps: int = 4
    """Steps of each environment for steps a second."""
    counts: tuple[int, ...] = (1, 8, 64)
    """Numbers of environments side by side."""
    old: Path | None = None
    """A Python interpreter, or a folder, in which version 0.1.0 is installed."""
    pairs: int = 5
    """How often films are made by this version and by version 0.1.0; the median of the ratios counts."""
    films: int = 2
    """Films of each shape, in each of these pairs."""
    batch_steps: int = 45
    """Steps of each film where batches are compared."""
    thread_steps: int = 20
    """Steps of each film where threads are compared."""

    @property
    def scale(self) -> Scale:
        """Shapes, batches and steps."""
        return SMALL if self.quick else FULL


@contextmanager
def counted_codings() -> Iterator[list[int]]:
    """Count the frames of each call of the encoder."""
    counts: list[int] = []
    code = Encoder.encode_all

    @functools.wraps(code)
    def counting(self: Encoder, frames: Any, **options: Any) -> Any:
        counts.append(len(frames))
        return code(self, frames, **options)

    Encoder.encode_all = counting  # type: ignore[method-assign]
    try:
        yield counts
    finally:
        Encoder.encode_all = code  # type: ignore[method-assign]


def film(encoder: Encoder, *, seed: int) -> np.ndarray[Any, Any]:
    """The last frame of a film, (H, W)."""
    env = gym.make(NAME, shape=encoder.frame_shape, disable_env_checker=True)
    frame, _ = env.reset(seed=seed)
    over = False
    while not over:
        frame, _, terminated, truncated, _ = env.step(np.zeros(3, np.float32))
        over = terminated or truncated
    return np.asarray(frame[0])


def wrapper_cost(target: Any, options: Options) -> dict[str, Any]:
    """Seconds of steps with and without the wrapper, and how many frames were coded."""
    spent, codings, frames = [], 0, 0
    with counted_codings() as counts:
        for run_number in range(options.runs):
            seeds = range(100 * run_number, 100 * run_number + options.episodes)
            envs = make_env(EnvJob(target.shape, seeds, target=target.tolist()))
            warm(envs)
            counts.clear()
            spent.append(make_films(envs, seeds, options.scale.most_steps))
            codings += len(counts) - options.episodes
            frames += sum(counts) - options.episodes
    steps = sum(each.steps for each in spent)
    return {
        "share of a step": statistics.median(each.share for each in spent),
        "largest share of a run": max(each.share for each in spent),
        "step [ms]": statistics.median(1e3 * each.inside / each.steps for each in spent),
        "wrapper [ms]": statistics.median(each.wrapper_ms for each in spent),
        "codings a step": codings / steps,
        "frames coded a step": frames / steps,
    }


def coding(encoder: Encoder, frame: Any, options: Options) -> dict[str, Any]:
    """Milliseconds to code a frame alone and in batches, with and without painting it again."""
    found = {}
    for count in (1, 64):
        frames = np.repeat(frame[None], count, axis=0)
        tasks = {
            "code": functools.partial(_repeat, functools.partial(encoder.encode_all, frames), 64 // count),
            "code and paint": functools.partial(
                _repeat, functools.partial(encoder.encode_all, frames, reconstruct=True), 64 // count
            ),
        }
        for name, seconds in medians(tasks, runs=options.runs).items():
            found[f"{name}, batch of {count} [ms a frame]"] = 1e3 * seconds / 64
    return found


def _repeat(task: Callable[[], Any], times: int) -> None:
    for _ in range(times):
        task()


def single(encoder: Encoder, target: Any) -> gym.Env[Any, Any]:
    """A wrapped film; made in the process that runs it."""
    torch.set_num_threads(1)
    env = gym.make(NAME, shape=encoder.frame_shape, disable_env_checker=True)
    return LatentRewardWrapper(env, encoder, target=target, reward="progress")


def batch(encoder: Encoder, target: Any, count: int, device: str) -> Any:
    """Wrapped films as one batch."""
    envs = gym.make_vec(NAME, num_envs=count, shape=encoder.frame_shape, device=device)
    return VectorLatentRewardWrapper(envs, encoder, target=target, reward="progress")


def ways(encoder: Encoder, target: Any, count: int) -> dict[str, Callable[[], Any]]:
    """The ways of running `count` environments, by name; each makes a vector environment."""
    make = functools.partial(single, encoder, target)
    return {
        "single": lambda: SyncVectorEnv([make] * count, autoreset_mode=AutoresetMode.SAME_STEP),
        "SubprocVecEnv": lambda: SubprocVecEnv([make] * count, start_method="fork"),
        "AsyncVectorEnv": lambda: AsyncVectorEnv(
            [make] * count, autoreset_mode=AutoresetMode.SAME_STEP, context="fork"
        ),
        "batched": lambda: batch(encoder, target, count, "cpu"),
    }


def steps_a_second(make: Callable[[], Any], count: int, steps: int) -> float:
    """Environment steps a second, from the first step of films whose seeds and knobs are always the same."""
    envs = make()
    random = np.random.default_rng(0)
    actions = random.uniform(-1.0, 1.0, (steps, count, 3)).astype(np.float32)
    try:
        if isinstance(envs, SubprocVecEnv):
            envs.seed(0)
            envs.reset()
        else:
            envs.reset(seed=0)
        started = time.perf_counter()
        for action in actions:
            envs.step(action)
        return steps * count / (time.perf_counter() - started)
    finally:
        envs.close()


def rates(encoder: Encoder, target: Any, options: Options) -> dict[str, dict[str, float]]:
    """Steps a second by number of environments and way of running them."""
    found: dict[str, dict[str, float]] = {}
    for count in options.counts:
        each_way = ways(encoder, target, count)
        measured: dict[str, list[float]] = {name: [] for name in each_way}
        # In turn, so that a busy spell hits all ways alike.
        for _ in range(options.runs):
            for name, make in each_way.items():
                measured[name].append(steps_a_second(make, count, options.vector_steps))
        found[str(count)] = {name: statistics.median(values) for name, values in measured.items()}
        say(f"{count} environments: {found[str(count)]}")
    return found


def pairs_with(old: Path, target: Any, options: Options) -> list[Pair]:
    """The same films by this version and by version 0.1.0, other ones in each pair."""
    pairs = []
    for pair_number in range(options.pairs):
        seeds = range(100 * pair_number, 100 * pair_number + options.films)
        jobs = jobs_of(list(options.scale.least_ratios), target, list(seeds), options.scale.most_steps)
        pairs.append(pair(old, jobs))
        say(f"beside version {pairs[-1].version}: {[f'{pairs[-1].ratio(key):.3g}' for key in jobs]}")
    return pairs


def speed_targets(pairs: Sequence[Pair], least_ratios: Mapping[Shape, float]) -> list[Target]:
    """Bounds on the steps a second over those of version 0.1.0."""
    targets = []
    for shape, least in least_ratios.items():
        ratio = statistics.median(each.ratio((DEFAULT, shape)) for each in pairs)
        name = "environment steps a second over those of 0.1.0, {} x {}".format(*shape)
        targets.append(Target(name, ratio, ">=", least))
    return targets


def wrapper_target(cost: Mapping[str, Any]) -> tuple[Target, str]:
    """Bound on the wrapper and what holds it: its share of a step, or else its time over that of 0.1.0."""
    share = Target("wrapper over a drying step", cost["share of a step"], "<=", LARGEST_SHARE)
    if share.holds:
        return share, "share of a step"
    if "over that of 0.1.0" not in cost:
        return share, "neither"
    own = Target("wrapper [ms] over that of 0.1.0", cost["over that of 0.1.0"], "<=", 1.0)
    return own, "milliseconds" if own.holds else "neither"


def check(options: Options) -> None:
    """Refuse what would only fail after a while.

    Raises:
        InputError: a number below 1, or no installation of version 0.1.0 where one should be.
    """
    for name in ("runs", "episodes", "vector_steps", "pairs", "films", "batch_steps", "thread_steps"):
        if getattr(options, name) < 1:
            raise InputError(f"{name} is {getattr(options, name)}; it must be at least 1")
    if not options.counts or min(options.counts) < 1:
        raise InputError(f"counts are {options.counts}; give numbers of environments from 1 up")
    if options.old is not None:
        program_of(options.old)


def measure(options: Options) -> Outcome:
    """Measure everything, in quick runs on a few films."""
    if options.quick:
        options = replace(options, **QUICK)
    check(options)
    encoder = load_encoder("default", device="cpu")
    target = film(encoder, seed=1)
    # Everything compiles once before it is timed.
    steps_a_second(lambda: batch(encoder, target, 2, "cpu"), 2, 1)
    cost = wrapper_cost(target, options)
    results: dict[str, Any] = {"frame": "{} x {}".format(*encoder.frame_shape)}
    targets = []
    if options.old is not None:
        pairs = pairs_with(options.old, target, options)
        results |= {"old version": pairs[0].version, "beside version 0.1.0": pair_rows(pairs)}
        targets += speed_targets(pairs, options.scale.least_ratios)
        cost |= wrapper_beside(pairs, encoder.frame_shape)
    held, by = wrapper_target(cost)
    results["wrapper"] = cost | {"held by": by}
    say(f"wrapper: {results['wrapper']}")
    results["coding"] = coding(encoder, target, options)
    shape, (large, small) = next(iter(options.scale.least_ratios)), options.scale.batches
    threads = on_two_cores(
        shape,
        counts=options.scale.threaded,
        steps=options.thread_steps,
        job=EnvJob(shape, range(options.films), most_steps=options.scale.most_steps),
        runs=options.runs,
    )
    results["on two cores"] = threads
    results["batches"] = batches_beside(shape, large=large, small=small, steps=options.batch_steps)
    say(f"batches: {results['batches']}")
    by_count = rates(encoder, target, options)
    results["environment steps a second"] = by_count
    targets += [
        held,
        Target("codings a step", cost["codings a step"], "<=", 1.0),
        Target(
            f"two threads over one, batch of {options.scale.threaded[0]}",
            threads[0]["two over one"],
            ">=",
            LEAST_OF_TWO_THREADS,
        ),
        Target(
            f"steps a second, batch of {large} over batches of {small}",
            results["batches"][f"{large} over {small}"],
            ">=",
            LEAST_OF_LARGE_BATCH,
        ),
    ]
    return Outcome(results, targets, _tables(results))


def _tables(results: Mapping[str, Any]) -> str:
    by_count = results["environment steps a second"]
    rows = [(count, *each.values()) for count, each in by_count.items()]
    parts = [table(("environments", *next(iter(by_count.values()))), rows)]
    for name in ("beside version 0.1.0", "on two cores"):
        if name in results:
            parts.append(table(tuple(results[name][0]), [tuple(each.values()) for each in results[name]]))
    parts += [table(("", ""), list(results[name].items())) for name in ("wrapper", "batches")]
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(run("reward", Options, measure))
