"""From latents to rewards: the one place that computes them, for single and for vector environments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import EncodedFrames, Encoder
from morphsim.errors import InputError
from morphsim.frames.binarisation import Binarisation
from morphsim.rewards.config import RewardConfig
from morphsim.rewards.functions import LARGEST_DEVIATION, RewardFunction, Transition
from morphsim.rewards.guard import GuardReport, resolve_guard, warn_of_ood_target
from morphsim.rewards.metric import LatentMetric
from morphsim.rewards.targets import Target, TargetLike, TargetSampler, read_target


@dataclass(frozen=True, eq=False, kw_only=True)
class TargetComparison:
    """B latents compared with their targets."""

    distance: NDArray[np.float32]
    """(B,) distances to the nearest targets."""
    nearest: NDArray[np.int64]
    """(B,) indices of the nearest targets."""
    target: NDArray[np.float32]
    """(B, D) latents of the nearest targets."""
    log_density: NDArray[np.float32]
    """(B,) the largest log density under the posterior of a target [nats]."""
    bounded_log_density: NDArray[np.float32]
    """(B,) the largest bounded log density, see `Transition` [nats per latent]."""
    success: NDArray[np.bool_]
    """(B,) whether the distance is within the threshold."""


class LatentReward:
    """Computes the rewards of a configuration from the latents of one encoder.

    Args:
        encoder: encodes the targets.
        config: the options of the reward.
        binarisation: how the environment's pictures, and targets given as such, become frames; None for that
            of the encoder's training frames.

    Attributes:
        name: the name of the reward; "function" for a function.
        reward_names: the names of the components.
        calls_functions: whether the reward or a component is a function of the user's.
        metric: the distance between latents.
        guard: flags out-of-distribution frames, or None.
        fixed_target: the target of every episode; None if targets are drawn.

    Raises:
        InputError: the target can't be used, or an option does not fit the encoder.
    """

    def __init__(
        self, encoder: Encoder, config: RewardConfig, *, binarisation: Binarisation | None = None
    ) -> None:
        self.encoder = encoder
        self.config = config
        self.binarisation = binarisation
        self.name = config.reward_name
        self.function = config.resolve_function()
        self.components = config.resolve_components()
        self.reward_names = tuple(self.components)
        self.calls_functions = config.computes("function")
        self.metric = LatentMetric(encoder, config.resolve_distance())
        # Shaping is meant to be added to a reward: by itself it prefers no policy.
        own = float(self.name == "shaped") if config.own_weight is None else config.own_weight
        self.own_weight = float(own)
        self.reward_scale = float(config.reward_scale)
        self.ood_penalty = float(config.out_of_distribution_penalty)
        self.truncation_penalty = float(config.truncation_penalty)
        by_percentile = self.metric.at_percentile(float(config.success_percentile))
        self.threshold = np.float32(by_percentile if config.threshold is None else config.threshold)
        self.guard = resolve_guard(encoder, config.guard, needed=self.ood_penalty > 0)
        self.sampler: TargetSampler | None = None
        self.fixed_target: Target | None = None
        if callable(config.target):
            self.sampler = config.target
        else:
            self.fixed_target = self.encode_target(config.target)

    @property
    def needs_reconstruction(self) -> bool:
        """Whether the guard needs the reconstruction of each frame."""
        return self.guard is not None and self.guard.needs_reconstruction

    def encode_target(self, target: TargetLike, *, drawn: bool = False) -> Target:
        """Encode a target.

        Args:
            target: frames, latents or a file, see `read_target`.
            drawn: whether a sampler drew it, in which case nothing is warned of.

        Raises:
            InputError: the target can't be read, or the reward can't use it.

        Warns:
            UserWarning: the guard would flag the target.
        """
        found = read_target(target, self.encoder, several=self.config.several, binarisation=self.binarisation)
        if self.config.computes("log_prob") and not (found.deviations > 0).all():
            raise InputError(
                "the target has no posterior, which the reward 'log_prob' needs; give frames, to an encoder "
                "with noise in its latents, or use another reward"
            )
        if not drawn and self.guard is not None:
            warn_of_ood_target(self.guard, found)
        return found

    def take_target(self, options: dict[str, Any] | None) -> tuple[Target | None, dict[str, Any] | None]:
        """Split the options of a reset into the encoded target and the environment's options.

        Call it before the environment is reset, so that an unusable target ends no episode.

        Raises:
            InputError: as `encode_target`.
        """
        if options is None or "target" not in options:
            return None, options
        rest = {name: value for name, value in options.items() if name != "target"}
        given = options["target"]
        return None if given is None else self.encode_target(given), rest or None

    def choose_target(self, generator: np.random.Generator, given: Target | None = None) -> Target:
        """The target of an episode: the one given at reset, or a draw, or the fixed one."""
        if given is not None:
            return given
        if self.sampler is not None:
            return self.encode_target(self.sampler(generator), drawn=True)
        assert self.fixed_target is not None
        return self.fixed_target

    def compare(
        self,
        latents: NDArray[np.float32],
        targets: NDArray[np.float32],
        deviations: NDArray[np.float32],
    ) -> TargetComparison:
        """Compare latents (B, D) with targets (B, K, D) and their posterior deviations (B, K, D)."""
        distances = self.metric(latents[:, None], targets)
        nearest = distances.argmin(axis=1)
        rows = np.arange(len(latents))
        distance = distances[rows, nearest]
        with np.errstate(divide="ignore", invalid="ignore"):
            squared = np.square((latents[:, None] - targets) / deviations)
            offset = 2.0 * np.log(deviations) + np.float32(math.log(2.0 * math.pi))
        density = -0.5 * (squared + offset).sum(axis=-1)
        bounded = -0.5 * (np.minimum(squared, np.float32(LARGEST_DEVIATION**2)) + offset).mean(axis=-1)
        return TargetComparison(
            distance=distance,
            nearest=nearest,
            target=targets[rows, nearest],
            log_density=density.max(axis=1).astype(np.float32),
            bounded_log_density=bounded.max(axis=1).astype(np.float32),
            success=distance <= self.threshold,
        )

    def compute(
        self, step: Transition, *, truncated: NDArray[np.bool_], is_ood: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """The rewards (B,) of a step.

        Args:
            step: in B environments.
            truncated: (B,), as the environments returned it.
            is_ood: (B,) whether the guard flags the frames.

        Raises:
            InputError: the reward function returns another shape, or a number that is not finite, or needs
                what stored goals don't have.
        """
        total = np.float32(self.reward_scale) * _evaluate(self.function, step, "the reward function")
        if self.own_weight:
            total = total + np.float32(self.own_weight) * step.original_reward
        if self.ood_penalty:
            total = total - np.float32(self.ood_penalty) * is_ood
        if self.truncation_penalty:
            # A film that ends in the very step of its time limit was not cut off.
            total = total - np.float32(self.truncation_penalty) * (truncated & ~step.terminated)
        return np.asarray(total, np.float32)

    def compute_components(self, step: Transition) -> NDArray[np.float32]:
        """The components (B, K) of a step, in the order of `reward_names`.

        Raises:
            InputError: as `compute`.
        """
        columns = [_evaluate(each, step, f"component {name!r}") for name, each in self.components.items()]
        return np.stack(columns, axis=1)

    def check(self, frames: NDArray[Any], encoded: EncodedFrames) -> GuardReport | None:
        """The guard's report on frames; None without a guard."""
        return None if self.guard is None else self.guard.check(frames, encoded)


def _evaluate(function: RewardFunction, step: Transition, name: str) -> NDArray[np.float32]:
    """The rewards (B,) of a function."""
    count = len(step.distance)
    try:
        earned = np.asarray(function(step), np.float32)
    except (TypeError, AttributeError) as error:
        unknown = [each for each in ("action", "observation", "elapsed_steps") if getattr(step, each) is None]
        if not unknown:
            raise
        raise InputError(
            f"{name} failed for stored goals, which have no {', '.join(unknown)} ({error}); use only what "
            "the info of their steps holds"
        ) from error
    if earned.shape != (count,) or not np.isfinite(earned).all():
        raise InputError(f"{name} returned {earned} for {count} steps; it must return as many finite numbers")
    return earned
