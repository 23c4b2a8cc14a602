"""morphsim: steer the morphology of organic thin films with reinforcement learning.

>>> import gymnasium as gym
>>> env = gym.make("morphsim:morphsim/Drying-v0", shape=(32, 128))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from morphsim._version import __version__
from morphsim.errors import InputError, MachineError
from morphsim.lazy import lazy_names
from morphsim.moved import find_moved_modules
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
    "Encoder": "morphsim.encoder",
    "LatentGoalWrapper": "morphsim.rewards",
    "LatentObservationWrapper": "morphsim.rewards",
    "LatentRewardWrapper": "morphsim.rewards",
    "ScoreTable": "morphsim.similarity",
    "VectorLatentGoalWrapper": "morphsim.rewards",
    "VectorLatentObservationWrapper": "morphsim.rewards",
    "VectorLatentRewardWrapper": "morphsim.rewards",
    "load_encoder": "morphsim.encoder",
    "score": "morphsim.similarity",
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
find_moved_modules()

# A room is imported when something of it is first used, so that the commands start quickly.
__getattr__ = lazy_names(__name__, _PLACES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
