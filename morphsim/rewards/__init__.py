"""Latent states and rewards for any Gymnasium environment that yields frames."""

from morphsim.rewards.functions import REWARDS, RewardName
from morphsim.rewards.observation import LatentObservationWrapper
from morphsim.rewards.reward import LatentRewardWrapper
from morphsim.rewards.source import frame_of_observation

__all__ = [
    "REWARDS",
    "LatentObservationWrapper",
    "LatentRewardWrapper",
    "RewardName",
    "frame_of_observation",
]
