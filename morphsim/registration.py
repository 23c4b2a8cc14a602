"""Registration of the environments with Gymnasium."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from morphsim.simulator.processes import BUILT_IN
from morphsim.tasks.family import TASKS, Task


def _id(process: str) -> str:
    return f"morphsim/{''.join(map(str.title, process.split('-')))}-v0"


def _entry_points(process: str) -> dict[str, str]:
    """The single and the vector environment of a process, in the file of its name."""
    words = process.split("-")
    module, kind = f"morphsim.envs.{'_'.join(words)}", "".join(map(str.title, words))
    return {"entry_point": f"{module}:{kind}Env", "vector_entry_point": f"{module}:Vector{kind}Env"}


def _task_entry(task: Task) -> dict[str, Any]:
    """The environments of a task, which are made by functions."""
    return {
        "entry_point": "morphsim.tasks.environment:make_task",
        "vector_entry_point": "morphsim.tasks.environment:make_vector_task",
        "kwargs": {"task": task.name},
        "reward_threshold": task.reward_threshold,
        # One more than the task itself allows: its last step is an end, and Gymnasium's limit would call it
        # truncated too.
        "max_episode_steps": task.steps + 1,
    }


ENTRY_POINTS: dict[str, dict[str, Any]] = {
    **{_id(process): _entry_points(process) for process in BUILT_IN},
    "morphsim/FrameReplay-v0": {"entry_point": "morphsim.envs.replay:FrameReplayEnv"},
    **{f"morphsim/{task.name}": _task_entry(task) for task in TASKS.values()},
}


def register_environments() -> None:
    """Register every environment once; called when `morphsim` is imported."""
    for name, entry_points in ENTRY_POINTS.items():
        if name not in gym.registry:
            gym.register(id=name, **entry_points)
    for task in TASKS.values():
        spec = gym.registry[f"morphsim/{task.name}"]
        if f"morphsim/{spec.name}-v0" in ENTRY_POINTS:
            # Gymnasium takes a higher version for the successor of a lower one, and warns of the latter. But
            # Drying-v0 is the bare simulator and Drying-v1 a task in it: neither replaces the other. What has
            # no version is left out of that comparison.
            spec.version = None
