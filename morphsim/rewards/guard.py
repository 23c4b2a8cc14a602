"""Out-of-distribution frames, whose latents mean nothing: an agent must not be rewarded for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.encoder import EncodedFrames, Encoder
from morphsim.encoder.input import check_frames
from morphsim.encoder.out_of_distribution import (
    MEASURES,
    frame_statistics,
    nearest_distance,
    reconstruction_errors,
)
from morphsim.errors import InputError
from morphsim.lazy import renamed_argument
from morphsim.rewards.targets import Target
from morphsim.warn import warn_user


@dataclass(frozen=True, eq=False, kw_only=True)
class GuardReport:
    """The guard's measures of N frames."""

    out_of_distribution: NDArray[np.bool_]
    """(N,) whether a frame is flagged."""
    values: Mapping[str, NDArray[np.float32]]
    """By measure, (N,)."""
    percentiles: Mapping[str, NDArray[np.float32]]
    """By measure, (N,) percentage of the held-out training frames with a smaller value [%]."""

    def row(self, row: int) -> dict[str, Any]:
        """The entries of `info` for one frame."""
        info: dict[str, Any] = {"out_of_distribution": bool(self.out_of_distribution[row])}
        return info | {name: float(values[row]) for name, values in self.values.items()}


class OutOfDistributionGuard:
    """Flags frames that are unlike the encoder's training frames.

    Each of three measures is compared with its values on the frames that the encoder's training held out:

    | measure | meaning |
    |---|---|
    | `training_distance` | distance to the nearest training latent, 1.0 = median of random pairs |
    | `statistics_residual` | residual of the frame's statistics outside the training frames' components |
    | `reconstruction_error` | cross-entropy between the frame and its reconstruction [nats per pixel] |

    The second does not depend on the latent, so it also detects an adversarial frame, whose latent was driven
    towards a target without the frame looking like a film. A frame is flagged if any measure exceeds `factor`
    times its largest held-out value.

    Args:
        encoder: stores held-out values of some measures, as encoders of `train_encoder` do.
        factor: the limit of each measure, in units of its largest held-out value.
        measures: the measures to use; by default all that the encoder stores.

    Attributes:
        limits: by measure, the largest value that is not flagged.
        needs_reconstruction: whether `check` needs the reconstruction of the frames.

    Raises:
        InputError: a measure is unknown or not stored by the encoder, there is none, or `factor` is not a
            finite number above 0.
    """

    def __init__(
        self, encoder: Encoder, *, factor: float = 1.5, measures: tuple[str, ...] | None = None
    ) -> None:
        if not (math.isfinite(factor) and factor > 0):
            raise InputError(f"factor is {factor!r}; it must be a finite number above 0")
        held_out = encoder.metadata.get("held_out", {})
        known = [name for name in MEASURES if name in held_out and _stores(encoder, name)]
        chosen = known if measures is None else list(measures)
        for name in chosen:
            if name not in MEASURES:
                raise InputError(f"measure {name!r} is unknown; use some of {', '.join(MEASURES)}")
            if name not in known:
                raise InputError(
                    f"the encoder does not store the {name} of its training; train it again, or leave it out"
                )
        if not chosen:
            raise InputError(
                "the encoder stores no measures of its training frames, so the guard can't tell which frames "
                "are out of distribution; train it again, or use guard=False"
            )
        self.encoder = encoder
        scale = float(encoder.metadata["distances"]["euclidean"]["scale"]) or 1.0
        self._scales = {name: scale if name == "training_distance" else 1.0 for name in chosen}
        self._quantiles = {
            name: np.asarray(held_out[name], np.float32) / np.float32(self._scales[name]) for name in chosen
        }
        self.limits = {name: float(factor * values[-1]) for name, values in self._quantiles.items()}
        self.needs_reconstruction = "reconstruction_error" in chosen

    @renamed_argument("codes", "encoded")
    def check(self, frames: ArrayLike, encoded: EncodedFrames) -> GuardReport:
        """Measure frames.

        Args:
            frames: (N, H, W), or (N, C, H, W), as `Encoder.encode` takes them.
            encoded: the encoded frames, with their reconstruction if `needs_reconstruction`.

        Raises:
            InputError: the encoder does not take these frames.
        """
        encoder = self.encoder
        pictures = check_frames(frames, encoder.frame_shape, channels=encoder.channels)
        values = {name: self._measure(name, pictures, encoded) for name in self._quantiles}
        return GuardReport(
            out_of_distribution=np.any([values[name] > self.limits[name] for name in values], axis=0),
            values=values,
            percentiles={name: _percentile(found, self._quantiles[name]) for name, found in values.items()},
        )

    def training_distance(
        self, latents: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The measure `training_distance` (N,) of latents (N, D), and its percentiles (N,) [%]."""
        known = self.encoder.training_latents
        assert known is not None
        found = nearest_distance(latents, known) / np.float32(self._scales["training_distance"])
        return found, _percentile(found, self._quantiles["training_distance"])

    def _measure(self, name: str, frames: NDArray[Any], encoded: EncodedFrames) -> NDArray[np.float32]:
        encoder = self.encoder
        if name == "training_distance":
            return self.training_distance(encoded.content)[0]
        if name == "statistics_residual":
            assert encoder.training_statistics is not None
            measured = encoded.statistics
            if measured is None:
                measured = frame_statistics(frames, boundary=encoder.boundary)
            return encoder.training_statistics.residual(measured)
        assert encoded.reconstruction is not None
        return reconstruction_errors(frames, encoded.reconstruction)


def resolve_guard(
    encoder: Encoder, guard: bool | OutOfDistributionGuard, *, needed: bool
) -> OutOfDistributionGuard | None:
    """The guard that the option `guard` of a wrapper stands for.

    Args:
        encoder: encodes the frames.
        guard: a guard of this encoder; True for its default one, if the encoder stores any measure.
        needed: whether there must be one.

    Returns:
        None if there is no guard.

    Raises:
        InputError: the guard belongs to another encoder, or is missing but needed.
    """
    if isinstance(guard, OutOfDistributionGuard):
        if guard.encoder.hash != encoder.hash:
            raise InputError(
                f"the guard belongs to another encoder ({guard.encoder.hash[:12]}) than the frames' "
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
        # An encoder that stores no measures still defines a metric.
        if needed:
            raise
        return None


def warn_of_ood_target(guard: OutOfDistributionGuard, target: Target) -> None:
    """Warn of a target that the guard would flag; of a latent only the training distance is known.

    Warns:
        UserWarning: for each target outside the training data, with its worst measure.
    """
    if target.frames is not None:
        encoded = guard.encoder.encode_all(target.frames, reconstruct=guard.needs_reconstruction)
        report = guard.check(target.frames, encoded)
        values, percentiles = report.values, report.percentiles
    elif "training_distance" in guard.limits:
        found, percentile = guard.training_distance(target.latents)
        values, percentiles = {"training_distance": found}, {"training_distance": percentile}
    else:
        return
    # A limit is 0 if all held-out values are 0.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.stack([found / np.float32(guard.limits[name]) for name, found in values.items()])
    excess = np.nan_to_num(ratios, nan=0.0)
    for number in np.flatnonzero((excess > 1.0).any(axis=0)):
        worst = list(values)[int(excess[:, number].argmax())]
        warn_user(
            f"target {number} lies outside the encoder's training data: its {worst.replace('_', ' ')} of "
            f"{values[worst][number]:.3g} exceeds that of {percentiles[worst][number]:.4g} % of the "
            "held-out frames, so distances to it may mean little; choose a target like the encoder's "
            "training films, or train an encoder on films like the target"
        )


def _stores(encoder: Encoder, measure: str) -> bool:
    if measure == "training_distance":
        return encoder.training_latents is not None
    return measure != "statistics_residual" or encoder.training_statistics is not None


def _percentile(values: NDArray[np.float32], quantiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Percentile (N,) of each value in the distribution with the quantiles (101,) [%]."""
    known, first = np.unique(quantiles, return_index=True)
    share = np.interp(values, known, first.astype(float), left=0.0, right=100.0)
    return np.asarray(share, np.float32)
