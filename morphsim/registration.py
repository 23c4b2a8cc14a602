"""Registration of the environments with Gymnasium."""

from __future__ import annotations

import gymnasium as gym

from morphsim.simulator.processes import BUILT_IN


def _id(process: str) -> str:
    return f"morphsim/{''.join(map(str.title, process.split('-')))}-v0"


def _entry_points(process: str) -> dict[str, str]:
    """The single and the vector environment of a process, in the file of its name."""
    words = process.split("-")
    module, kind = f"morphsim.envs.{'_'.join(words)}", "".join(map(str.title, words))
    return {"entry_point": f"{module}:{kind}Env", "vector_entry_point": f"{module}:Vector{kind}Env"}


ENTRY_POINTS: dict[str, dict[str, str]] = {
    **{_id(process): _entry_points(process) for process in BUILT_IN},
    "morphsim/FrameReplay-v0": {"entry_point": "morphsim.envs.replay:FrameReplayEnv"},
}


def register_environments() -> None:
    """Register every environment once; called when `morphsim` is imported."""
    for name, entry_points in ENTRY_POINTS.items():
        if name not in gym.registry:
            gym.register(id=name, **entry_points)  # type: ignore[arg-type]
