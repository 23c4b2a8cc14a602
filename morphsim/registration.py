"""Registration of the environments with Gymnasium."""

from __future__ import annotations

import gymnasium as gym

ENTRY_POINTS: dict[str, dict[str, str]] = {
    "morphsim/Annealing-v0": {
        "entry_point": "morphsim.envs.annealing:AnnealingEnv",
        "vector_entry_point": "morphsim.envs.annealing:VectorAnnealingEnv",
    },
    "morphsim/Drying-v0": {
        "entry_point": "morphsim.envs.drying:DryingEnv",
        "vector_entry_point": "morphsim.envs.drying:VectorDryingEnv",
    },
    "morphsim/VapourAnnealing-v0": {
        "entry_point": "morphsim.envs.vapour_annealing:VapourAnnealingEnv",
        "vector_entry_point": "morphsim.envs.vapour_annealing:VectorVapourAnnealingEnv",
    },
    "morphsim/FrameReplay-v0": {"entry_point": "morphsim.envs.replay:FrameReplayEnv"},
}


def register_environments() -> None:
    """Register every environment once; called when `morphsim` is imported."""
    for name, entry_points in ENTRY_POINTS.items():
        if name not in gym.registry:
            gym.register(id=name, **entry_points)  # type: ignore[arg-type]
