"""From latents to rewards: the one place where both are computed, for one environment and for many."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import EncodedFrames, Encoder
from morphsim.errors import InputError
from morphsim.frames.binarisation import Binarisation
from morphsim.rewards.functions import (
    LARGEST_DEVIATION,
    RewardFunction,
    RewardName,
    Transition,
    reward_function,
)
from morphsim.rewards.guard import GuardReport, OutOfDistributionGuard
from morphsim.rewards.metric import LatentMetric
from morphsim.rewards.targets import Several, Target, TargetLike, TargetSampler, read_target
from morphsim.similarity.calibration import DistanceName


class RewardSettings(TypedDict, total=False):
    """What `LatentRewardWrapper` takes beside the environment and the encoder."""

    target: TargetLike | TargetSampler
    reward: RewardName | RewardFunction
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


@dataclass(frozen=True, eq=False, kw_only=True)
class Appraisal:
    """B frames beside their targets."""

    distance: NDArray[np.float32]
    """(B,) to the nearest target."""
    nearest: NDArray[np.int64]
    """(B,) its number."""
    target: NDArray[np.float32]
    """(B, D) its latent."""
    log_density: NDArray[np.float32]
    """(B,) the largest log density under the posterior of a target [nats]."""
    bounded_log_density: NDArray[np.float32]
    """(B,) the largest bounded one, see `Transition`."""
    success: NDArray[np.bool_]
    """(B,)."""


class Judge:
    """Knows the encoder, the metric, the reward and where targets come from.

    For its arguments see `LatentRewardWrapper`.

    Raises:
        InputError: a value that is unknown, missing or out of range.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        target: TargetLike | TargetSampler = None,  # type: ignore[assignment]
        reward: RewardName | RewardFunction = "progress",
        distance: DistanceName = "euclidean",
        several: Several = "nearest",
        own_weight: float | None = None,
        reward_scale: float = 1.0,
        gamma: float = 0.99,
        success_percentile: float = 1.0,
        threshold: float | None = None,
        guard: bool | OutOfDistributionGuard = True,
        out_of_distribution_penalty: float = 0.0,
        truncation_penalty: float = 0.0,
        binarisation: Binarisation | None = None,
    ) -> None:
        self.encoder = encoder
        self.binarisation = binarisation
        self.name = reward if isinstance(reward, str) else "function"
        self.function = reward_function(reward, gamma=_number("gamma", gamma))
        self.metric = LatentMetric(encoder, _distance_of(self.name, distance))
        # Shaping is meant to be added to a reward; alone it has nothing to say about which policy is best.
        own = float(self.name == "shaped") if own_weight is None else own_weight
        self.own_weight = _number("own_weight", own, least=-math.inf)
        self.reward_scale = _number("reward_scale", reward_scale)
        self.penalty = _number("out_of_distribution_penalty", out_of_distribution_penalty)
        self.truncation_penalty = _number("truncation_penalty", truncation_penalty)
        by_percentile = self.metric.at_percentile(_number("success_percentile", success_percentile))
        self.threshold = np.float32(by_percentile if threshold is None else _number("threshold", threshold))
        self.guard = _guard(encoder, guard, needed=self.penalty > 0)
        self.several: Several = several
        self.sampler: TargetSampler | None = None
        self.fixed: Target | None = None
        if callable(target):
            self.sampler = target
        else:
            self.fixed = self.read(target)

    @property
    def needs_reconstruction(self) -> bool:
        """Whether frames must be painted again to be judged."""
        return self.guard is not None and self.guard.needs_reconstruction

    def read(self, target: TargetLike, *, drawn: bool = False) -> Target:
        """Encode a target, and warn of one outside the training data unless it was `drawn` by a sampler.

        Raises:
            InputError: a target that can't be read, or that the reward can't use.
        """
        found = read_target(target, self.encoder, several=self.several, binarisation=self.binarisation)
        if self.name == "log_prob" and not (found.deviations > 0).all():
            raise InputError(
                "the target has no posterior, which the reward 'log_prob' needs; give frames, to an encoder "
                "with noise in its latents, or use another reward"
            )
        if not drawn:
            self._warn_of_strange(found)
        return found

    def take_target(self, options: dict[str, Any] | None) -> tuple[Target | None, dict[str, Any] | None]:
        """Split the options of a reset into the target, read, and those of the environment.

        It comes before the environment is reset, so that a target that can't be used ends no episode.

        Raises:
            InputError: as `read`.
        """
        if options is None or "target" not in options:
            return None, options
        rest = {name: value for name, value in options.items() if name != "target"}
        given = options["target"]
        return None if given is None else self.read(given), rest or None

    def target_for(self, generator: np.random.Generator, given: Target | None = None) -> Target:
        """The target of an episode: what was `given` at reset, or drawn, or always the same."""
        if given is not None:
            return given
        if self.sampler is not None:
            return self.read(self.sampler(generator), drawn=True)
        assert self.fixed is not None
        return self.fixed

    def appraise(
        self,
        latents: NDArray[np.float32],
        targets: NDArray[np.float32],
        deviations: NDArray[np.float32],
    ) -> Appraisal:
        """Compare latents (B, D) with targets and their posterior deviations (B, K, D)."""
        distances = self.metric(latents[:, None], targets)
        nearest = distances.argmin(axis=1)
        rows = np.arange(len(latents))
        distance = distances[rows, nearest]
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.square((latents[:, None] - targets) / deviations)
            best = 2.0 * np.log(deviations) + np.float32(math.log(2.0 * math.pi))
        density = -0.5 * (apart + best).sum(axis=-1)
        bounded = -0.5 * (np.minimum(apart, np.float32(LARGEST_DEVIATION**2)) + best).mean(axis=-1)
        return Appraisal(
            distance=distance,
            nearest=nearest,
            target=targets[rows, nearest],
            log_density=density.max(axis=1).astype(np.float32),
            bounded_log_density=bounded.max(axis=1).astype(np.float32),
            success=distance <= self.threshold,
        )

    def rewards(
        self,
        latents: NDArray[np.float32],
        found: Appraisal,
        *,
        previous_latents: NDArray[np.float32],
        previous_distance: NDArray[np.float32],
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        original: NDArray[np.float32],
        strange: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """What B steps earn, (B,).

        Raises:
            InputError: a reward function that returns another shape, or no finite numbers.
        """
        step = Transition(
            latent=latents,
            previous_latent=previous_latents,
            target=found.target,
            distance=found.distance,
            previous_distance=previous_distance,
            log_density=found.log_density,
            bounded_log_density=found.bounded_log_density,
            success=found.success,
            terminated=terminated,
            original_reward=original,
        )
        earned = np.asarray(self.function(step), np.float32)
        if earned.shape != found.distance.shape or not np.isfinite(earned).all():
            raise InputError(
                f"the reward function returned {earned} for {len(latents)} steps; it must return as many "
                "finite numbers"
            )
        total = np.float32(self.reward_scale) * earned
        if self.own_weight:
            total = total + np.float32(self.own_weight) * original
        if self.penalty:
            total = total - np.float32(self.penalty) * strange
        if self.truncation_penalty:
            # A film may come to its end in the very step that a time limit cuts off.
            cut_off = truncated & ~terminated
            total = total - np.float32(self.truncation_penalty) * cut_off
        return np.asarray(total, np.float32)

    def check(self, frames: NDArray[Any], codes: EncodedFrames) -> GuardReport | None:
        """Ask the guard, where there is one."""
        return None if self.guard is None else self.guard.check(frames, codes)

    def _warn_of_strange(self, target: Target) -> None:
        """Warn of a target that the guard would flag; of a latent it knows only how far it is."""
        guard = self.guard
        if guard is None:
            return
        if target.frames is not None:
            codes = self.encoder.encode_all(target.frames, reconstruct=guard.needs_reconstruction)
            report = guard.check(target.frames, codes)
            values, percentiles = report.values, report.percentiles
        elif "training_distance" in guard.limits:
            values, percentiles = {}, {}
            name = "training_distance"
            values[name], percentiles[name] = guard.training_distance(target.latents)
        else:
            return
        # A limit may be 0, where the frames held out had none of something.
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.stack([found / np.float32(guard.limits[name]) for name, found in values.items()])
        excess = np.nan_to_num(ratios, nan=0.0)
        for number in np.flatnonzero((excess > 1.0).any(axis=0)):
            worst = list(values)[int(excess[:, number].argmax())]
            warnings.warn(
                f"target {number} lies outside the encoder's training data: its {worst.replace('_', ' ')} of "
                f"{values[worst][number]:.3g} exceeds that of {percentiles[worst][number]:.4g} % of the "
                "frames held out; distances to it may mean little: choose a target like the films that the "
                "encoder knows, or train an encoder on films like the target",
                UserWarning,
                stacklevel=5,
            )


def _number(name: str, value: object, *, least: float = 0.0) -> float:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < least:  # type: ignore[arg-type, operator]
        bound = "" if least == -math.inf else f" of at least {least:g}"
        raise InputError(f"{name} is {value!r}; it must be a finite number{bound}")
    return float(value)  # type: ignore[arg-type]


def _distance_of(reward: str, distance: DistanceName) -> DistanceName:
    if reward not in ("cosine", "mahalanobis"):
        return distance
    if distance not in ("euclidean", reward):
        raise InputError(
            f"reward is {reward!r} and distance {distance!r}; leave distance out, or use reward='distance'"
        )
    return reward  # type: ignore[return-value]


def _guard(
    encoder: Encoder, guard: bool | OutOfDistributionGuard, *, needed: bool
) -> OutOfDistributionGuard | None:
    if isinstance(guard, OutOfDistributionGuard):
        if guard.encoder.hash != encoder.hash:
            raise InputError(
                f"the guard is of another encoder ({guard.encoder.hash[:12]}) than the frames' "
                f"({encoder.hash[:12]}); make it with OutOfDistributionGuard(encoder) of this one"
            )
        return guard
    if not isinstance(guard, bool):
        raise InputError(f"guard is {guard!r}; use True, False or an OutOfDistributionGuard")
    if not guard:
        if needed:
            raise InputError("out_of_distribution_penalty needs the guard; leave guard=False out")
        return None
    try:
        return OutOfDistributionGuard(encoder)
    except InputError:
        # An encoder without what the guard needs can still be a metric.
        if needed:
            raise
        return None
