"""Frames on which an encoder means nothing: an agent must not be paid for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.encoder import Codes, Encoder
from morphsim.encoder.reconstructions import reconstruction_errors
from morphsim.errors import InputError

_ROWS_AT_ONCE = 256


@dataclass(frozen=True, eq=False, kw_only=True)
class GuardReport:
    """What the guard found of N frames."""

    out_of_distribution: NDArray[np.bool_]
    """(N,) whether a frame is flagged."""
    training_distance: NDArray[np.float32]
    """(N,) distance to the nearest training latent, 1.0 = median of random pairs; NaN if unknown."""
    training_percentile: NDArray[np.float32]
    """(N,) share of training latents that are nearer to their own nearest neighbour [%]; NaN if unknown."""
    reconstruction_error: NDArray[np.float32]
    """(N,) cross-entropy of the frame with the decoder's [nats a pixel]; NaN if unknown."""
    reconstruction_percentile: NDArray[np.float32]
    """(N,) share of held-out frames of the training that are painted better [%]; NaN if unknown."""

    def row(self, row: int) -> dict[str, Any]:
        """What `info` tells of one frame; measures that are unknown are left out."""
        told: dict[str, Any] = {"out_of_distribution": bool(self.out_of_distribution[row])}
        for name in ("training_distance", "training_percentile", "reconstruction_error"):
            value = float(getattr(self, name)[row])
            if not np.isnan(value):
                told[name] = value
        return told

    def describe(self, row: int) -> str:
        """One frame in words, for a warning."""
        words = []
        if not np.isnan(self.training_percentile[row]):
            words.append(
                f"its nearest training frame is at distance {self.training_distance[row]:.3g}, farther than "
                f"for {self.training_percentile[row]:.4g} % of them"
            )
        if not np.isnan(self.reconstruction_percentile[row]):
            words.append(
                f"its reconstruction is worse than that of {self.reconstruction_percentile[row]:.4g} % of "
                "the frames held out"
            )
        return "; ".join(words)


class OutOfDistributionGuard:
    """Flags frames that are unlike all that an encoder was trained on.

    Two measures, each calibrated on the encoder's own data: how far the latent is from the nearest training
    latent, beside how far these are from each other; and how badly the decoder paints the frame
    again, beside the frames held out in training. A frame whose latent was forced to a wanted value is seldom
    one that the decoder would paint.

    Args:
        encoder: whose training latents, reconstruction errors, or both are known.
        distance_factor: flags a distance above this multiple of the largest one among training latents.
        reconstruction_factor: flags an error above this multiple of the largest one held out.

    Raises:
        InputError: nothing is known of the training data, or a factor that is not positive.
    """

    def __init__(
        self, encoder: Encoder, *, distance_factor: float = 1.5, reconstruction_factor: float = 1.5
    ) -> None:
        for name, factor in (
            ("distance_factor", distance_factor),
            ("reconstruction_factor", reconstruction_factor),
        ):
            if not (np.isfinite(factor) and factor > 0):
                raise InputError(f"{name} is {factor!r}; it must be a finite number above 0")
        known = encoder.training_latents
        self._latents = None if known is None or len(known) < 2 else np.asarray(known, np.float32)
        calibration = encoder.metadata.get("reconstruction")
        self.needs_reconstruction = calibration is not None
        """Whether `check` wants codes with their reconstruction."""
        if self._latents is None and calibration is None:
            raise InputError(
                "the encoder knows neither latents nor reconstruction errors of its training data, so that "
                "nothing can be called strange to it; train it again, or use guard=False"
            )
        scale = float(encoder.metadata["distances"]["euclidean"]["scale"])
        self._scale = np.float32(scale if scale > 0 else 1.0)
        if self._latents is not None:
            self._squares = np.square(self._latents).sum(axis=1)
            self._spacing = _spacing(self._latents) / self._scale
            self.distance_limit = float(distance_factor * self._spacing[-1])
        if calibration is not None:
            self._errors = np.asarray(calibration["quantiles"], np.float32)
            self.error_limit = float(reconstruction_factor * self._errors[-1])

    def check(self, frames: ArrayLike, codes: Codes) -> GuardReport:
        """Measure frames.

        Args:
            frames: (N, H, W), or (N, C, H, W), as `Encoder.encode` takes them.
            codes: of these frames; with their reconstruction where `needs_reconstruction`.
        """
        unknown = np.full(len(codes), np.nan, np.float32)
        distance = percentile = error = worse = unknown
        flagged = np.zeros(len(codes), np.bool_)
        if self._latents is not None:
            distance = _nearest(codes.content, self._latents, self._squares) / self._scale
            percentile = _share_below(distance, self._spacing)
            flagged |= distance > self.distance_limit
        if self.needs_reconstruction:
            assert codes.reconstruction is not None
            error = reconstruction_errors(np.asarray(frames), codes.reconstruction)
            worse = _share_below(error, self._errors)
            flagged |= error > self.error_limit
        return GuardReport(
            out_of_distribution=flagged,
            training_distance=distance,
            training_percentile=percentile,
            reconstruction_error=error,
            reconstruction_percentile=worse,
        )


def _nearest(
    latents: NDArray[np.float32], known: NDArray[np.float32], squares: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Distance (N,) of each latent to the nearest known one."""
    found = np.empty(len(latents), np.float32)
    for row, latent in enumerate(latents):
        # The nearest is found by a product, whose rounding does not matter; its distance by a difference.
        nearest = int((squares - 2.0 * (known @ latent)).argmin())
        found[row] = np.sqrt(np.square(latent - known[nearest]).sum())
    return found


def _spacing(latents: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sorted distances (K,) of latents to their nearest others."""
    squares = np.square(latents).sum(axis=1)
    found = np.empty(len(latents), np.float32)
    for start in range(0, len(latents), _ROWS_AT_ONCE):
        block = latents[start : start + _ROWS_AT_ONCE]
        rows = np.arange(len(block))
        distances = squares - 2.0 * (block @ latents.T)
        distances[rows, start + rows] = np.inf
        nearest = distances.argmin(axis=1)
        found[start + rows] = np.sqrt(np.square(block - latents[nearest]).sum(axis=1))
    return np.sort(found)


def _share_below(values: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share (N,) of sorted known numbers below each value [%]."""
    return np.asarray(100.0 * np.searchsorted(known, values) / len(known), np.float32)
