"""The distance between latents, in a unit fixed by the encoder's training data."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.similarity import cosine, euclidean, mahalanobis, percentile_of_distance
from morphsim.similarity.calibration import DistanceName


class LatentMetric:
    """A distance between latents; 1.0 is the median of random pairs of training frames.

    It is computed over the last axis alone, so that it is the same to the last bit in any batch.

    Args:
        encoder: holds the calibration of the distance.
        kind: "euclidean", "cosine" or "mahalanobis" (whitened by the covariance within recipes, if the
            encoder stores it).

    Raises:
        InputError: the distance is unknown, or the encoder gives all training frames the same latent.
    """

    def __init__(self, encoder: Encoder, kind: DistanceName = "euclidean") -> None:
        if kind not in get_args(DistanceName):
            raise InputError(f"distance is {kind!r}; use one of {', '.join(get_args(DistanceName))}")
        calibration: dict[str, Any] = encoder.metadata["distances"][kind]
        scale = float(calibration["scale"])
        if not scale > 0:
            raise InputError(
                f"the encoder's distance scale is {scale}: all training frames have the same latent; train "
                "it longer"
            )
        self.kind: DistanceName = kind
        self.scale = np.float32(scale)
        self._metadata = {"distances": {kind: calibration}}
        self._whitening = np.asarray(calibration.get("whitening", 0.0), np.float32)

    def __call__(self, first: ArrayLike, second: ArrayLike) -> NDArray[np.float32]:
        """Distances (...) between latents (..., D), broadcast over the leading axes."""
        if self.kind == "mahalanobis":
            return mahalanobis(first, second, whitening=self._whitening) / self.scale
        plain = cosine if self.kind == "cosine" else euclidean
        return plain(first, second) / self.scale

    def percentile(self, distance: ArrayLike) -> NDArray[np.float32]:
        """Percentage (...) of random pairs of training frames that are closer than `distance` (...) [%]."""
        raw = np.asarray(distance, np.float32) * self.scale
        return percentile_of_distance(raw, self._metadata, kind=self.kind)

    def at_percentile(self, percentile: float) -> float:
        """The distance below which `percentile` of the random pairs of training frames lie.

        Raises:
            InputError: `percentile` is not above 0 and at most 100.
        """
        if not 0.0 < percentile <= 100.0:
            raise InputError(f"success_percentile is {percentile!r}; it must lie above 0 and up to 100")
        quantiles = self._metadata["distances"][self.kind]["quantiles"]
        return float(np.interp(percentile, np.linspace(0.0, 100.0, len(quantiles)), quantiles) / self.scale)


def latent_unit(encoder: Encoder) -> float:
    """The typical size of a latent, a power of two; observations and goals are latents in this unit.

    Two normal random vectors of D numbers with standard deviation s are about s sqrt(2 D) apart, and the
    calibration gives the distance of random training frames. Division by a power of two is exact, so the
    reward of a stored goal is exactly that of the step.
    """
    scale = float(encoder.metadata["distances"]["euclidean"]["scale"])
    return float(2.0 ** np.round(np.log2(scale / np.sqrt(2.0 * encoder.latent_size)))) if scale > 0 else 1.0
