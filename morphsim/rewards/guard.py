"""Frames on which an encoder means nothing: an agent must not be paid for them."""

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


@dataclass(frozen=True, eq=False, kw_only=True)
class GuardReport:
    """What the guard found of N frames."""

    out_of_distribution: NDArray[np.bool_]
    """(N,) whether a frame is flagged."""
    values: Mapping[str, NDArray[np.float32]]
    """By measure, (N,)."""
    percentiles: Mapping[str, NDArray[np.float32]]
    """By measure, (N,) share of the frames held out in training that have less of it [%]."""

    def row(self, row: int) -> dict[str, Any]:
        """What `info` tells of one frame."""
        told: dict[str, Any] = {"out_of_distribution": bool(self.out_of_distribution[row])}
        return told | {name: float(values[row]) for name, values in self.values.items()}


class OutOfDistributionGuard:
    """Flags frames that are unlike all that an encoder was trained on.

    Three measures, each beside what it is on the frames that the encoder's training held out:

    | measure | what it is |
    |---|---|
    | `training_distance` | distance to the nearest training latent, 1.0 = median of random pairs |
    | `statistics_residual` | what the components of training frames' statistics leave of the frame's own |
    | `reconstruction_error` | cross-entropy of the frame with what the decoder paints [nats a pixel] |

    The second does not look at the latent, so that a frame whose latent was forced near a target without
    being a film gives itself away. A frame is flagged where one of them exceeds `factor` times the largest
    value of the frames held out.

    Args:
        encoder: that knows some of these of its training, as encoders of `train_encoder` do.
        factor: how far beyond the largest known value a measure may go.
        measures: which of them count; those that the encoder knows by default.

    Attributes:
        limits: the largest value that is not flagged, by measure.
        needs_reconstruction: whether `check` wants codes with their reconstruction.

    Raises:
        InputError: a measure that the encoder does not know, none at all, or an impossible factor.
    """

    def __init__(
        self, encoder: Encoder, *, factor: float = 1.5, measures: tuple[str, ...] | None = None
    ) -> None:
        if not (math.isfinite(factor) and factor > 0):
            raise InputError(f"factor is {factor!r}; it must be a finite number above 0")
        held_out = encoder.metadata.get("held_out", {})
        known = [name for name in MEASURES if name in held_out and _remembers(encoder, name)]
        chosen = known if measures is None else list(measures)
        for name in chosen:
            if name not in MEASURES:
                raise InputError(f"measure {name!r} is unknown; use some of {', '.join(MEASURES)}")
            if name not in known:
                raise InputError(
                    f"the encoder does not know the {name} of its training; train it again, or leave it out"
                )
        if not chosen:
            raise InputError(
                "the encoder remembers nothing of its training frames, so that nothing can be called strange "
                "to it; train it again, or use guard=False"
            )
        self.encoder = encoder
        scale = float(encoder.metadata["distances"]["euclidean"]["scale"]) or 1.0
        self._scales = {name: scale if name == "training_distance" else 1.0 for name in chosen}
        self._known = {
            name: np.asarray(held_out[name], np.float32) / np.float32(self._scales[name]) for name in chosen
        }
        self.limits = {name: float(factor * known[-1]) for name, known in self._known.items()}
        self.needs_reconstruction = "reconstruction_error" in chosen

    def check(self, frames: ArrayLike, codes: EncodedFrames) -> GuardReport:
        """Measure frames.

        Args:
            frames: (N, H, W), or (N, C, H, W), as `Encoder.encode` takes them.
            codes: of these frames, with their reconstruction where `needs_reconstruction`.

        Raises:
            InputError: frames that the encoder does not take.
        """
        encoder = self.encoder
        pictures = check_frames(frames, encoder.frame_shape, channels=encoder.channels)
        values = {name: self._measure(name, pictures, codes) for name in self._known}
        return GuardReport(
            out_of_distribution=np.any([values[name] > self.limits[name] for name in values], axis=0),
            values=values,
            percentiles={name: _share_below(found, self._known[name]) for name, found in values.items()},
        )

    def training_distance(
        self, latents: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The first measure of latents (N, D), and its percentiles [%]."""
        known = self.encoder.training_latents
        assert known is not None
        found = nearest_distance(latents, known) / np.float32(self._scales["training_distance"])
        return found, _share_below(found, self._known["training_distance"])

    def _measure(self, name: str, frames: NDArray[Any], codes: EncodedFrames) -> NDArray[np.float32]:
        encoder = self.encoder
        if name == "training_distance":
            return self.training_distance(codes.content)[0]
        if name == "statistics_residual":
            assert encoder.training_statistics is not None
            measured = codes.statistics
            if measured is None:
                measured = frame_statistics(frames, boundary=encoder.boundary)
            return encoder.training_statistics.residual(measured)
        assert codes.reconstruction is not None
        return reconstruction_errors(frames, codes.reconstruction)


def _remembers(encoder: Encoder, measure: str) -> bool:
    if measure == "training_distance":
        return encoder.training_latents is not None
    return measure != "statistics_residual" or encoder.training_statistics is not None


def _share_below(values: NDArray[np.float32], quantiles: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share (N,) of what the quantiles (101,) are of that lies below each value [%]."""
    known, first = np.unique(quantiles, return_index=True)
    share = np.interp(values, known, first.astype(float), left=0.0, right=100.0)
    return np.asarray(share, np.float32)
