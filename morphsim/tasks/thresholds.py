"""Compute reward thresholds: `python -m morphsim.tasks.thresholds DryingUnknown-v1`.

The threshold of a task is the mean return over its validation targets of the actions that made each target,
on the target's own material, with new noise and with the task's drafts: what an agent earns that knows the
recipe but does not look at the film.
"""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.progress import progress
from morphsim.tasks.environment import make_task
from morphsim.tasks.family import TASKS, Split, find_task
from morphsim.tasks.targets import TargetSet

REPEATS = 3
"""Films of each target."""
# Beyond the seeds of the films from which targets are made.
_NOISE = 55_000_000


def reward_threshold(
    name: str, *, split: Split = "validation", repeats: int = REPEATS, show_progress: bool = True
) -> float:
    """The threshold of a task, rounded down to hundredths.

    Args:
        name: of the task.
        split: of the targets.
        repeats: films of each target.
        show_progress: whether to show a progress bar on stderr.

    Raises:
        InputError: an unknown task or split, or its targets are missing.
    """
    returns = own_returns(name, split=split, repeats=repeats, show_progress=show_progress)
    return math.floor(float(returns.mean()) * 100.0) / 100.0


def own_returns(
    name: str, *, split: Split = "validation", repeats: int = REPEATS, show_progress: bool = True
) -> NDArray[np.float64]:
    """The returns (M, repeats) of the own actions of M targets; see `reward_threshold`."""
    env: Any = make_task(task=name, split=split)
    targets: TargetSet = env.targets
    rows = targets.rows(split)
    returns = np.zeros((len(rows), repeats))
    with progress("films", returns.size, unit="films", show=show_progress) as advance:
        for place, repeat in np.ndindex(returns.shape):
            noise = _NOISE + place * repeats + repeat
            returns[place, repeat] = _own_return(env, targets, int(rows[place]), noise)
            advance()
    return returns


def _own_return(env: gym.Env[Any, Any], targets: TargetSet, row: int, noise: int) -> float:
    options = {**targets.materials[row], "film_seed": noise, "target": targets.names[row]}
    env.reset(seed=noise, options=options)
    actions, total, number, over = targets.actions[row], 0.0, 0, False
    while not over:
        # With other drafts a film may take more steps than the target's.
        action = actions[min(number, len(actions) - 1)]
        _, reward, terminated, truncated, _ = env.step(action)
        total += float(reward)
        number += 1
        over = terminated or truncated
    return total


def main() -> None:
    """Print the thresholds of the tasks that are named, or of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", help="names of tasks; all by default")
    for name in parser.parse_args().tasks or TASKS:
        task = find_task(name)
        line = json.dumps({"task": task.name, "reward_threshold": reward_threshold(task.name)})
        print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
