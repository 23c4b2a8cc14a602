"""The options of a latent reward: one object from which every reward and goal wrapper is built."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from morphsim.checks import is_finite_number
from morphsim.errors import InputError
from morphsim.rewards.functions import RewardFunction, RewardName, reward_function
from morphsim.rewards.guard import OutOfDistributionGuard
from morphsim.rewards.source import FrameOptions, FrameSource
from morphsim.rewards.targets import Several, TargetLike, TargetSampler
from morphsim.similarity.calibration import DistanceName


class RewardOptions(FrameOptions, total=False):
    """Types of the optional keyword arguments of the reward and goal wrappers; see `RewardConfig`."""

    reward: RewardName | RewardFunction
    components: Mapping[str, RewardName | RewardFunction] | None
    distance: DistanceName
    several: Several
    own_weight: float | None
    reward_scale: float
    gamma: float
    success_percentile: float
    threshold: float | None
    guard: bool | OutOfDistributionGuard
    out_of_distribution_penalty: float
    truncation_penalty: float
    terminate_on_success: bool


@dataclass(frozen=True, eq=False, kw_only=True)
class RewardConfig:
    """The keyword arguments of `LatentRewardWrapper`, whose page explains them, as one object.

    It serves where several environments are to have the same reward, such as those for training and those
    for evaluation: `LatentRewardWrapper.from_config(env, encoder, config)`, and likewise for goals and for
    vector environments.

    Raises:
        InputError: a value is unknown or out of range.
    """

    target: TargetLike | TargetSampler
    """What the agent should approach: frames, latents, a file, or a function that draws one of these."""
    reward: RewardName | RewardFunction = "progress"
    """What a step earns: a name, or a function of a `Transition`."""
    components: Mapping[str, RewardName | RewardFunction] | None = None
    """Further rewards by names of yours, which `info["reward_vector"]` holds in this order; not scaled."""
    distance: DistanceName = "euclidean"
    """The distance between latents."""
    several: Several = "nearest"
    """What several targets mean: alternatives, or samples of one distribution."""
    frame: FrameSource = "observation"
    """Where the frame is."""
    frame_threshold: float | None = None
    """Grey value, as a fraction of its range, from which a pixel counts as donor; None to look it up."""
    invert: bool | None = None
    """Whether dark pixels are donor; None to look it up."""
    own_weight: float | None = None
    """Weight of the environment's own reward; None for 0, or 1 with "shaped"."""
    reward_scale: float = 1.0
    """Factor of the latent reward."""
    gamma: float = 0.99
    """Discount factor of "shaped"."""
    success_percentile: float = 1.0
    """Percentile of the distances of random pairs of training frames that counts as success [%]."""
    threshold: float | None = None
    """Distance that counts as success, in place of the percentile."""
    guard: bool | OutOfDistributionGuard = True
    """What flags out-of-distribution frames; True for the encoder's default guard."""
    out_of_distribution_penalty: float = 0.0
    """Subtracted from the reward of a flagged frame."""
    truncation_penalty: float = 0.0
    """Subtracted from the reward of the last step of a truncated episode."""
    terminate_on_success: bool = False
    """Whether an episode terminates at its first success."""

    def __post_init__(self) -> None:
        self.resolve_function()
        self.resolve_distance()
        self.resolve_components()
        if not isinstance(self.terminate_on_success, bool):
            raise InputError(f"terminate_on_success is {self.terminate_on_success!r}; use True or False")
        for name in (
            "reward_scale",
            "success_percentile",
            "out_of_distribution_penalty",
            "truncation_penalty",
        ):
            _check_number(name, getattr(self, name))
        if self.threshold is not None:
            _check_number("threshold", self.threshold)
        if self.own_weight is not None:
            _check_number("own_weight", self.own_weight, least=-math.inf)

    @property
    def reward_name(self) -> str:
        """The name of the reward; "function" for a function."""
        return self.reward if isinstance(self.reward, str) else "function"

    def resolve_function(self) -> RewardFunction:
        """The function that computes the reward of a `Transition`."""
        _check_number("gamma", self.gamma)
        return reward_function(self.reward, gamma=float(self.gamma))

    def resolve_components(self) -> dict[str, RewardFunction]:
        """The function of each component, by its name, in their order."""
        if self.components is None:
            return {}
        if not isinstance(self.components, Mapping) or not self.components:
            raise InputError(
                f"components is {self.components!r}; give at least one, as a dict of names and rewards"
            )
        functions: dict[str, RewardFunction] = {}
        for name, reward in self.components.items():
            if not isinstance(name, str) or not name:
                raise InputError(f"components has the name {name!r}; use a text for each name")
            if reward in ("cosine", "mahalanobis") and reward != self.resolve_distance():
                raise InputError(
                    f"component {name!r} is {reward!r}, but distances are {self.resolve_distance()}; all "
                    f"rewards use one distance: set distance={reward!r}, or use 'distance'"
                )
            functions[name] = reward_function(reward, gamma=float(self.gamma))
        return functions

    def computes(self, *rewards: str) -> bool:
        """Whether the reward or a component is one of these, by name; "function" stands for any function."""
        every = (self.reward, *(self.components or {}).values())
        return any((each if isinstance(each, str) else "function") in rewards for each in every)

    def resolve_distance(self) -> DistanceName:
        """The distance that the reward uses: the rewards "cosine" and "mahalanobis" name theirs."""
        if self.reward not in ("cosine", "mahalanobis"):
            return self.distance
        if self.distance not in ("euclidean", self.reward):
            raise InputError(
                f"reward is {self.reward!r} and distance {self.distance!r}; leave distance out, or use "
                "reward='distance'"
            )
        return self.reward

    def frame_options(self) -> FrameOptions:
        """The options by which the wrapper finds and binarises its frames."""
        return {"frame": self.frame, "frame_threshold": self.frame_threshold, "invert": self.invert}

    def as_arguments(self) -> dict[str, Any]:
        """All options by name, as the keyword arguments of a wrapper."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


def _check_number(name: str, value: object, *, least: float = 0.0) -> None:
    if not is_finite_number(value) or value < least:  # type: ignore[operator]
        bound = "" if least == -math.inf else f" of at least {least:g}"
        raise InputError(f"{name} is {value!r}; it must be a finite number{bound}")
