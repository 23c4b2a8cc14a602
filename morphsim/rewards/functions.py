"""Rewards as functions of a transition between two frames."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.errors import InputError
from morphsim.rewards.infos import StepInfos

RewardName = Literal[
    "distance",
    "squared",
    "cosine",
    "mahalanobis",
    "log_prob",
    "sparse",
    "progress",
    "shaped",
    "time",
    "heat",
]

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False, kw_only=True)
class Transition:
    """One step of each of B environments: everything that a reward may depend on.

    Stored goals (`LatentGoalWrapper.compute_reward`) have what the info of their steps holds: the observation
    is then None, and so are the action and the number of steps unless the goal wrapper's own reward is a
    function, which makes it keep them in `info`.
    """

    latent: FloatArray
    """(B, D) latents of the frames after the step."""
    previous_latent: FloatArray
    """(B, D) latents of the frames before the step."""
    target: FloatArray
    """(B, D) latents of the targets that are nearest after the step."""
    distance: FloatArray
    """(B,) distance to the nearest target after the step, 1.0 = median of random pairs."""
    previous_distance: FloatArray
    """(B,) distance before the step to the target that was nearest then."""
    log_density: FloatArray
    """(B,) log q(latent | target) [nats], the largest over all targets; NaN if one has no posterior."""
    bounded_log_density: FloatArray
    """(B,) its mean over the latents, each counted as at most `LARGEST_DEVIATION` standard deviations away
    [nats per latent]."""
    success: NDArray[np.bool_]
    """(B,) whether the distance is within the threshold."""
    terminated: NDArray[np.bool_]
    """(B,) whether the environment reached a terminal state."""
    original_reward: FloatArray
    """(B,) the environment's own reward."""
    action: Any
    """(B, A) the actions, or as batched by the action space; None if they are unknown."""
    observation: Any
    """What the environments returned after the step, batched: an array (B, ...), or a dict or tuple of such;
    None if it is unknown."""
    info: StepInfos
    """B infos that the environments returned; `info.numbers("dryness")` is (B,), NaN where there is none."""
    elapsed_steps: NDArray[np.int64] | None
    """(B,) steps since the reset, with this one; None if unknown."""
    elapsed_time: NDArray[np.float64]
    """(B,) `info["time_s"]` after the step [s]; NaN where there is none."""
    step_time: NDArray[np.float64]
    """(B,) how much of this time the step took [s]; NaN if unknown."""


RewardFunction = Callable[[Transition], ArrayLike]
"""Returns the rewards (B,) of a `Transition`."""


def distance(step: Transition) -> FloatArray:
    """-d: every step counts, so the agent should approach the target early and stay there."""
    return -step.distance


def squared(step: Transition) -> FloatArray:
    """-d²: as `distance`, but distant frames cost more."""
    return -np.square(step.distance)


def log_prob(step: Transition) -> FloatArray:
    """Mean log density of the frame's latents z under the target's posterior [nats per latent], bounded.

    RIG (Nair et al. 2018, doi 10.48550/arXiv.1807.04742) weights latents in this way by the posterior of the
    goal, without a bound. A frame unlike the target is hundreds of narrow standard deviations away; the sum
    of log q(z | target) is then of the order of -1e5, and no value function resolves the few nats near the
    target beside that. Here each latent counts as at most `LARGEST_DEVIATION` standard deviations s from the
    target, and the mean over the latents is taken: a step earns from -50 to 0, less the mean of
    log(s sqrt(2 pi)).
    """
    return step.bounded_log_density


def sparse(step: Transition) -> FloatArray:
    """0 on success, else -1: the convention of goal environments (doi 10.48550/arXiv.1802.09464)."""
    return np.where(step.success, np.float32(0.0), np.float32(-1.0))


def progress(step: Transition) -> FloatArray:
    """The decrease of d. Over an episode it sums to first d - last d, so only the final frame counts."""
    return step.previous_distance - step.distance


def shaped(step: Transition, *, gamma: float) -> FloatArray:
    """F = gamma Phi(s') - Phi(s) with Phi = -d, and Phi = 0 at a terminal state.

    Added to the environment's own reward, it leaves the optimal policy unchanged (Ng, Harada and Russell,
    ICML 1999). Truncation is not a terminal state.
    """
    after = np.where(step.terminated, np.float32(0.0), -step.distance)
    return np.asarray(np.float32(gamma) * after + step.previous_distance, np.float32)


def time(step: Transition) -> FloatArray:
    """Minus the process time of the step [s]: over an episode it sums to minus the time of the process.

    Raises:
        InputError: `info` has no number `time_s`.
    """
    return -_known("time", "time_s", step.step_time)


def heat(step: Transition) -> FloatArray:
    """-max(T - 293.15 K, 0) dt, with the temperature T after the step and the step's time dt [K s].

    A stand-in for the energy of heating: losses to the surroundings are proportional to the difference from
    room temperature. It knows no heat capacity, and counts neither ramps within a step nor cooling.

    Raises:
        InputError: `info` has no number `time_s` or `temperature_K`.
    """
    duration = _known("heat", "time_s", step.step_time)
    temperature = _known("heat", "temperature_K", step.info.numbers("temperature_K"))
    excess = np.maximum(temperature - np.float32(ROOM_TEMPERATURE_K), np.float32(0.0))
    return np.asarray(-excess * duration, np.float32)


def _known(reward: str, key: str, values: NDArray[np.float64]) -> FloatArray:
    if np.isnan(values).any():
        raise InputError(
            f"the reward {reward!r} needs the number {key!r} in the environment's info, which lacks it; add "
            "it there, or use another reward"
        )
    return values.astype(np.float32)


ROOM_TEMPERATURE_K = 293.15
"""Above this temperature, "heat" counts a film as heated [K]."""

_BY_NAME: dict[str, RewardFunction] = {
    "distance": distance,
    "squared": squared,
    "cosine": distance,
    "mahalanobis": distance,
    "log_prob": log_prob,
    "sparse": sparse,
    "progress": progress,
    "time": time,
    "heat": heat,
}

LARGEST_DEVIATION = 10.0
"""Posterior standard deviations from the target at which "log_prob" caps each latent."""

PER_STEP = ("distance", "squared", "cosine", "mahalanobis", "log_prob", "sparse")
"""Rewards that are earned anew in each step, so that their sum depends on the number of steps."""

NEEDS_PREVIOUS = ("progress", "shaped")
"""Rewards that depend on the frame before the step."""

NEEDS_TIME = ("time", "heat")
"""Rewards that depend on the process time of the step."""


def reward_function(reward: RewardName | RewardFunction, *, gamma: float) -> RewardFunction:
    """Look up a reward by its name; a function is returned as it is.

    Args:
        reward: name or function.
        gamma: discount factor of "shaped".

    Raises:
        InputError: the name is unknown, or `gamma` is not within 0 to 1.
    """
    if not 0.0 <= gamma <= 1.0:
        raise InputError(f"gamma is {gamma!r}; it must lie from 0 to 1")
    if callable(reward):
        return reward
    if reward == "shaped":
        return functools.partial(shaped, gamma=gamma)
    if not isinstance(reward, str) or reward not in _BY_NAME:
        raise InputError(f"reward is {reward!r}; use one of {', '.join(get_args(RewardName))}, or a function")
    return _BY_NAME[reward]
