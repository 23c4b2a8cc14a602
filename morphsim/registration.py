"""The names under which Gymnasium finds the environments."""

from __future__ import annotations

import gymnasium as gym

ENTRY_POINTS = {
    "morphsim/Annealing-v0": "morphsim.envs.annealing:AnnealingEnv",
    "morphsim/Drying-v0": "morphsim.envs.drying:DryingEnv",
}


def register_environments() -> None:
    """Register every environment once; done when `morphsim` is imported."""
    for name, entry_point in ENTRY_POINTS.items():
        if name not in gym.registry:
            gym.register(id=name, entry_point=entry_point)
