"""Latent states, rewards and goals for any Gymnasium environment that shows binary frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from morphsim.lazy import lazy_names
from morphsim.rewards.config import RewardConfig
from morphsim.rewards.functions import RewardFunction, RewardName, Transition
from morphsim.rewards.guard import GuardReport, OutOfDistributionGuard
from morphsim.rewards.infos import StepInfos
from morphsim.rewards.metric import LatentMetric, latent_unit
from morphsim.rewards.source import FrameFunction, FrameSource
from morphsim.rewards.targets import DataSetTargets, FixedTargets, PriorTargets, TargetSampler
from morphsim.rewards.vector.goal import VectorLatentGoalWrapper
from morphsim.rewards.vector.multi_objective import VectorMultiObjectiveWrapper
from morphsim.rewards.vector.observation import VectorLatentObservationWrapper
from morphsim.rewards.vector.reward import VectorLatentRewardWrapper
from morphsim.rewards.wrappers.goal import LatentGoalWrapper
from morphsim.rewards.wrappers.multi_objective import MultiObjectiveWrapper
from morphsim.rewards.wrappers.observation import LatentObservationWrapper
from morphsim.rewards.wrappers.reward import LatentRewardWrapper

if TYPE_CHECKING:
    from morphsim.rewards.sb3 import SB3VecEnv

__all__ = [
    "DataSetTargets",
    "FixedTargets",
    "FrameFunction",
    "FrameSource",
    "GuardReport",
    "LatentGoalWrapper",
    "LatentMetric",
    "LatentObservationWrapper",
    "LatentRewardWrapper",
    "MultiObjectiveWrapper",
    "OutOfDistributionGuard",
    "PriorTargets",
    "RewardConfig",
    "RewardFunction",
    "RewardName",
    "SB3VecEnv",
    "StepInfos",
    "TargetSampler",
    "Transition",
    "VectorLatentGoalWrapper",
    "VectorLatentObservationWrapper",
    "VectorLatentRewardWrapper",
    "VectorMultiObjectiveWrapper",
    "latent_unit",
]

# Stable-Baselines3 is imported when its bridge is first used.
__getattr__ = lazy_names(__name__, {"SB3VecEnv": "morphsim.rewards.sb3"})


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
