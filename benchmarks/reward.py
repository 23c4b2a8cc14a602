"""What the latent reward costs, and how many steps a second environments make in each way of running them.

    python benchmarks/reward.py [--runs 3] [--json] [--quick]

The wrapper's cost is the time of a wrapped step less that of the step inside it, over that of the step
inside: drying films of 100 x 400 cells under random knobs, on one core, with the guard on. Steps a second
are of the same films, made from the same seeds by the same knobs, as single environments in turn
(SyncVectorEnv), in processes of their own (Stable-Baselines3's SubprocVecEnv and Gymnasium's AsyncVectorEnv,
forked, so that many fit into memory) and as one batch.
"""

from __future__ import annotations

import functools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from _harness import BenchmarkOptions, Outcome, Target, medians, number, run, say, table
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from stable_baselines3.common.vec_env import SubprocVecEnv

from morphsim import LatentRewardWrapper, VectorLatentRewardWrapper, load_encoder
from morphsim.encoder import Encoder

NAME = "morphsim:morphsim/Drying-v0"
SHAPE = (100, 400)
LARGEST_SHARE = 0.10


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


class Timed(gym.Wrapper[Any, Any, Any, Any]):
    """Adds up the time of the steps of the environment inside."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.seconds = 0.0

    def step(self, action: Any) -> Any:
        """Step the environment inside."""
        started = time.perf_counter()
        result = self.env.step(action)
        self.seconds += time.perf_counter() - started
        return result


def film(encoder: Encoder, *, seed: int) -> np.ndarray[Any, Any]:
    """The last frame of a film, (H, W)."""
    env = gym.make(NAME, shape=encoder.frame_shape, disable_env_checker=True)
    frame, _ = env.reset(seed=seed)
    over = False
    while not over:
        frame, _, terminated, truncated, _ = env.step(np.zeros(3, np.float32))
        over = terminated or truncated
    return np.asarray(frame[0])


def wrapper_cost(encoder: Encoder, target: Any, options: Options) -> dict[str, Any]:
    """Seconds of steps with and without the wrapper, and how many frames were coded."""
    shares, steps_ms, wrapper_ms = [], [], []
    with counted_codings() as counts:
        for number_of_run in range(options.runs):
            timed = Timed(gym.make(NAME, shape=encoder.frame_shape, disable_env_checker=True))
            env = LatentRewardWrapper(timed, encoder, target=target, reward="progress")
            counts.clear()
            env.action_space.seed(number_of_run)
            total, steps = 0.0, 0
            for episode in range(options.episodes):
                env.reset(seed=100 * number_of_run + episode)
                over = False
                while not over:
                    action = env.action_space.sample()
                    started = time.perf_counter()
                    _, _, terminated, truncated, _ = env.step(action)
                    total += time.perf_counter() - started
                    steps += 1
                    over = terminated or truncated
            codings = (len(counts) - options.episodes) / steps
            frames = (sum(counts) - options.episodes) / steps
            shares.append((total - timed.seconds) / timed.seconds)
            steps_ms.append(1e3 * timed.seconds / steps)
            wrapper_ms.append(1e3 * (total - timed.seconds) / steps)
    return {
        "share of a step": statistics.median(shares),
        "largest share of a run": max(shares),
        "step [ms]": statistics.median(steps_ms),
        "wrapper [ms]": statistics.median(wrapper_ms),
        "codings a step": codings,
        "frames coded a step": frames,
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


def measure(options: Options) -> Outcome:
    """Measure everything, in quick runs on a few films."""
    if options.quick:
        options = Options(runs=1, episodes=1, vector_steps=1, counts=(2,), quick=True, json=options.json)
    encoder = load_encoder("default", device="cpu")
    target = film(encoder, seed=1)
    # Everything compiles once before it is timed.
    steps_a_second(lambda: batch(encoder, target, 2, "cpu"), 2, 1)
    cost = wrapper_cost(encoder, target, options)
    say(f"wrapper: {cost}")
    codes = coding(encoder, target, options)
    by_count = rates(encoder, target, options)
    results: dict[str, Any] = {
        "frame": f"{SHAPE[0]} x {SHAPE[1]}",
        "wrapper": cost,
        "coding": codes,
        "environment steps a second": by_count,
    }
    targets = [
        Target("wrapper over a drying step", cost["share of a step"], "<=", LARGEST_SHARE),
        Target("codings a step", cost["codings a step"], "<=", 1.0),
    ]
    rows = [(count, *(number(rate) for rate in each.values())) for count, each in by_count.items()]
    shown = table(("environments", *next(iter(by_count.values()))), rows)
    return Outcome(results, targets, shown)


if __name__ == "__main__":
    sys.exit(run("reward", Options, measure))
