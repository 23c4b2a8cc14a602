"""Rewards as functions of a transition between two frames."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.errors import InputError

RewardName = Literal[
    "distance", "squared", "cosine", "mahalanobis", "log_prob", "sparse", "progress", "shaped"
]

Numbers = NDArray[np.float32]


@dataclass(frozen=True, eq=False, kw_only=True)
class Transition:
    """A step of B environments; all that a reward may depend on."""

    latent: Numbers
    """(B, D) latent of the frame after the step."""
    previous_latent: Numbers
    """(B, D) latent of the frame before the step."""
    target: Numbers
    """(B, D) latent of the target that is nearest after the step."""
    distance: Numbers
    """(B,) distance to the nearest target after the step, 1.0 = median of random pairs."""
    previous_distance: Numbers
    """(B,) distance to the target nearest then, before the step."""
    log_density: Numbers
    """(B,) log q(latent | target) [nats], the largest of all targets; NaN where a target has no posterior."""
    bounded_log_density: Numbers
    """(B,) its mean over the latents, of which none counts for more than `LARGEST_DEVIATION` deviations [nats
    a latent]."""
    success: NDArray[np.bool_]
    """(B,) whether the distance is within the threshold."""
    terminated: NDArray[np.bool_]
    """(B,) whether the environment came to its physical end."""
    original_reward: Numbers
    """(B,) the environment's own reward."""


RewardFunction = Callable[[Transition], ArrayLike]
"""Returns (B,) rewards of a `Transition`."""


def distance(step: Transition) -> Numbers:
    """-d: every step counts, so the agent should get near the target early and stay there."""
    return -step.distance


def squared(step: Transition) -> Numbers:
    """-d²: as `distance`, but far frames count more."""
    return -np.square(step.distance)


def log_prob(step: Transition) -> Numbers:
    """Log q(z | target), a latent: the density of the frame's latent under the target's posterior [nats].

    As in RIG (Nair et al. 2018, doi 10.48550/arXiv.1807.04742), where the goal's posterior weighs the
    latents; but bounded. A frame unlike the target lies hundreds of narrow deviations away, and the plain sum
    is then of the order of -1e5, which no value function can learn beside the few nats near the target. Here
    each latent counts for at most `LARGEST_DEVIATION` deviations s, and their mean is taken: a step earns
    from -50 to 0, less the mean of log(s sqrt(2 pi)).
    """
    return step.bounded_log_density


def sparse(step: Transition) -> Numbers:
    """0 on success, else -1, the convention of goal environments (doi 10.48550/arXiv.1802.09464)."""
    return np.where(step.success, np.float32(0.0), np.float32(-1.0))


def progress(step: Transition) -> Numbers:
    """The d before less the d after: over an episode the whole gain, so only the final frame counts."""
    return step.previous_distance - step.distance


def shaped(step: Transition, *, gamma: float) -> Numbers:
    """F = gamma Phi(s') - Phi(s) with Phi = -d, and 0 at a terminal state.

    Added to the environment's own reward it leaves the optimal policy what it is: Ng, Harada and Russell,
    ICML 1999. A truncated episode has no terminal state.
    """
    after = np.where(step.terminated, np.float32(0.0), -step.distance)
    return np.asarray(np.float32(gamma) * after + step.previous_distance, np.float32)


_PLAIN: dict[str, RewardFunction] = {
    "distance": distance,
    "squared": squared,
    "cosine": distance,
    "mahalanobis": distance,
    "log_prob": log_prob,
    "sparse": sparse,
    "progress": progress,
}

LARGEST_DEVIATION = 10.0
"""Posterior deviations for which a latent counts at most in "log_prob"."""

PER_STEP = ("distance", "squared", "cosine", "mahalanobis", "log_prob", "sparse")
"""Rewards that every step costs, so that their sum depends on how many steps there are."""

LOOKS_BACK = ("progress", "shaped")
"""Rewards that depend on the frame before the step."""


def reward_function(reward: RewardName | RewardFunction, *, gamma: float) -> RewardFunction:
    """The function of a reward by its name; a function is returned as it is.

    Raises:
        InputError: an unknown name, or a discount that is none.
    """
    if not 0.0 <= gamma <= 1.0:
        raise InputError(f"gamma is {gamma!r}; it must lie from 0 to 1")
    if callable(reward):
        return reward
    if reward == "shaped":
        return functools.partial(shaped, gamma=gamma)
    if not isinstance(reward, str) or reward not in _PLAIN:
        raise InputError(f"reward is {reward!r}; use one of {', '.join(get_args(RewardName))}, or a function")
    return _PLAIN[reward]
