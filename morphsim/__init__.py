"""morphsim: steer the morphology of organic thin films with reinforcement learning.

>>> import gymnasium as gym
>>> env = gym.make("morphsim:morphsim/Drying-v0", shape=(32, 128))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from morphsim._version import __version__
from morphsim.errors import InputError, MachineError
from morphsim.registration import register_environments

if TYPE_CHECKING:
    from morphsim.encoder import Encoder, load_encoder
    from morphsim.rewards import (
        LatentGoalWrapper,
        LatentObservationWrapper,
        LatentRewardWrapper,
        VectorLatentGoalWrapper,
        VectorLatentObservationWrapper,
        VectorLatentRewardWrapper,
    )
    from morphsim.similarity import ScoreTable, score

_PLACES = {
    "Encoder": "encoder",
    "LatentGoalWrapper": "rewards",
    "LatentObservationWrapper": "rewards",
    "LatentRewardWrapper": "rewards",
    "ScoreTable": "similarity",
    "VectorLatentGoalWrapper": "rewards",
    "VectorLatentObservationWrapper": "rewards",
    "VectorLatentRewardWrapper": "rewards",
    "load_encoder": "encoder",
    "score": "similarity",
}

__all__ = [
    "Encoder",
    "InputError",
    "LatentGoalWrapper",
    "LatentObservationWrapper",
    "LatentRewardWrapper",
    "MachineError",
    "ScoreTable",
    "VectorLatentGoalWrapper",
    "VectorLatentObservationWrapper",
    "VectorLatentRewardWrapper",
    "__version__",
    "load_encoder",
    "score",
]

register_environments()


def __getattr__(name: str) -> object:
    """Import a room when something of it is first used, so that the commands start quickly."""
    if name in _PLACES:
        from importlib import import_module

        return getattr(import_module(f"morphsim.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'morphsim' has no attribute {name!r}")
