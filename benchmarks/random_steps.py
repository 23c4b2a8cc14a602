"""Long runs of random actions over randomised films: no NaN, no leak, no divergence without a name.

    python benchmarks/random_steps.py [--steps 200000] [--json] [--quick]

Both environments as batches, materials and starting conditions drawn anew for each film, knobs anywhere in
their ranges. Every observation and number of the infos must be finite and inside its space; the memory of
the process must stay what it was after the first tenth of the steps; films that the simulator gives up are
listed with the seed that makes them again.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from _harness import BenchmarkOptions, Outcome, Target, number, run, say, table

PROCESSES = {"drying": "morphsim:morphsim/Drying-v0", "annealing": "morphsim:morphsim/Annealing-v0"}
KINDS = ("frame", "fields", "dict")
LARGEST_GROWTH = 0.02
_MEASURED = 20


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Step films at random."""

    steps: int = 200_000
    """Environment steps, half of them of each process."""
    envs: int = 64
    """Films side by side."""
    height: int = 36
    """Cells in depth."""
    width: int = 64
    """Cells in width."""
    seed: int = 0
    """Of films and actions."""


def memory_mb() -> float:
    """Resident memory of this process, without what its allocator keeps in reserve.

    glibc holds on to some 60 MB that films have given back, and to a few more or less from step to step, in
    which a leak of 2 % would be lost.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


def odd_numbers(infos: Mapping[str, Any]) -> list[str]:
    """Names of what is not finite in the infos."""
    found = []
    for key, value in infos.items():
        if isinstance(value, Mapping):
            found += odd_numbers(value)
        elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
            mask = infos.get(f"_{key}", np.ones(len(value), bool))
            if not np.isfinite(value[mask]).all():
                found.append(key)
    return found


def finite(observation: Any) -> bool:
    """Whether all of an observation is finite."""
    if isinstance(observation, Mapping):
        return all(finite(value) for value in observation.values())
    return bool(np.isfinite(observation).all())


def stepped(process: str, kind: str, steps: int, options: Options) -> dict[str, Any]:
    """Run one environment and watch it."""
    envs = gym.make_vec(
        PROCESSES[process],
        num_envs=options.envs,
        shape=(options.height, options.width),
        observation=kind,
        randomize=True,
    )
    rounds = max(_MEASURED, math.ceil(steps / options.envs))
    random = np.random.default_rng([options.seed, len(kind)])
    observation, infos = envs.reset(seed=options.seed)
    odd: set[str] = set()
    outside, episodes, diverged = 0, 0, []
    memory: list[float] = []
    started = time.perf_counter()
    for turn in range(rounds):
        if turn % max(rounds // _MEASURED, 1) == 0:
            memory.append(memory_mb())
            done = turn * options.envs
            say(f"{process}, {kind}: {done} steps, {memory[-1]:.0f} MB, {len(diverged)} diverged")
        actions = random.uniform(-1.0, 1.0, envs.action_space.shape).astype(np.float32)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            observation, rewards, terminated, truncated, infos = envs.step(actions)
        over = np.flatnonzero(terminated | truncated)
        episodes += len(over)
        odd |= set(odd_numbers(infos))
        if not finite(observation) or not np.isfinite(rewards).all():
            odd.add("observation or reward")
        outside += not envs.observation_space.contains(observation)
        for row in over:
            final = infos["final_info"]
            if not finite(infos["final_obs"][row]):
                odd.add("final observation")
            if final["diverged"][row]:
                diverged.append(
                    {
                        "process": process,
                        "film seed": int(final["film_seed"][row]),
                        "message": "; ".join(str(each.message) for each in said)[:400],
                    }
                )
            elif terminated[row] and truncated[row]:
                odd.add("terminated and truncated")
        unexplained = [str(each.message) for each in said if "can't be advanced" not in str(each.message)]
        odd |= {f"warning: {text[:120]}" for text in unexplained}
    envs.close()
    memory.append(memory_mb())
    settled = memory[max(2, len(memory) // 10) :]
    return {
        "process": process,
        "observation": kind,
        "steps": rounds * options.envs,
        "episodes": episodes,
        "not finite": sorted(odd),
        "outside the space": outside,
        "diverged": diverged,
        "memory [MB]": memory,
        "memory growth": settled[-1] / settled[0] - 1.0,
        "seconds": time.perf_counter() - started,
    }


def measure(options: Options) -> Outcome:
    """Run both processes, with each kind of observation for a third of the steps."""
    if options.quick:
        options = Options(steps=480, envs=4, height=24, width=48, quick=True, json=options.json)
    share = math.ceil(options.steps / (len(PROCESSES) * len(KINDS)))
    runs = [stepped(process, kind, share, options) for process in PROCESSES for kind in KINDS]
    steps = sum(each["steps"] for each in runs)
    diverged = [film for each in runs for film in each.pop("diverged")]
    results = {
        "grid": f"{options.height} x {options.width}",
        "environments": options.envs,
        "steps": steps,
        "episodes": sum(each["episodes"] for each in runs),
        "runs": [{**each, "not finite": ", ".join(each["not finite"])} for each in runs],
        "diverged": diverged,
    }
    targets = [
        Target("steps", steps, ">=", options.steps),
        Target("numbers that are not finite", sum(bool(each["not finite"]) for each in runs), "<=", 0),
        Target("observations outside their space", sum(each["outside the space"] for each in runs), "<=", 0),
        Target("films that diverged", len(diverged), "<=", 0),
        Target("largest growth of memory", max(each["memory growth"] for each in runs), "<=", LARGEST_GROWTH),
    ]
    rows = [
        (each["process"], each["observation"], number(each["steps"]), number(each["memory growth"]))
        for each in runs
    ]
    return Outcome(results, targets, table(("process", "observation", "steps", "memory growth"), rows))


if __name__ == "__main__":
    sys.exit(run("random_steps", Options, measure))
