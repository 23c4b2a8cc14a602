"""The distance between latents in units frozen from the encoder's training data."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.similarity import cosine, euclidean, mahalanobis, percentile_of_distance
from morphsim.similarity.calibration import DistanceName


class LatentMetric:
    """A distance of latents, 1.0 being the median of random pairs of training frames.

    Every number is computed over the last axis alone, so that it is the same to the last bit in any batch.

    Args:
        encoder: whose latents.
        kind: "euclidean", "cosine" or "mahalanobis" (whitened with the covariance within recipes, where the
            encoder knows them).

    Raises:
        InputError: an unknown distance, or an encoder to which all training frames are one.
    """

    def __init__(self, encoder: Encoder, kind: DistanceName = "euclidean") -> None:
        if kind not in get_args(DistanceName):
            raise InputError(f"distance is {kind!r}; use one of {', '.join(get_args(DistanceName))}")
        calibration: dict[str, Any] = encoder.metadata["distances"][kind]
        scale = float(calibration["scale"])
        if not scale > 0:
            raise InputError(
                f"the encoder's distance scale is {scale}: to it all training frames are one; train it longer"
            )
        self.kind: DistanceName = kind
        self.scale = np.float32(scale)
        self._metadata = {"distances": {kind: calibration}}
        self._whitening = np.asarray(calibration.get("whitening", 0.0), np.float32)

    def __call__(self, first: ArrayLike, second: ArrayLike) -> NDArray[np.float32]:
        """Distance (...) of latents (..., D); the other axes broadcast."""
        if self.kind == "mahalanobis":
            return mahalanobis(first, second, whitening=self._whitening) / self.scale
        plain = cosine if self.kind == "cosine" else euclidean
        return plain(first, second) / self.scale

    def percentile(self, distance: ArrayLike) -> NDArray[np.float32]:
        """Share of random pairs of training frames that are closer than `distance` (...) [%]."""
        raw = np.asarray(distance, np.float32) * self.scale
        return percentile_of_distance(raw, self._metadata, kind=self.kind)

    def at_percentile(self, percentile: float) -> float:
        """The distance below which `percentile` of the random pairs of training frames lie.

        Raises:
            InputError: it is not above 0 and at most 100.
        """
        if not 0.0 < percentile <= 100.0:
            raise InputError(f"success_percentile is {percentile!r}; it must lie above 0 and up to 100")
        quantiles = self._metadata["distances"][self.kind]["quantiles"]
        return float(np.interp(percentile, np.linspace(0.0, 100.0, len(quantiles)), quantiles) / self.scale)


def latent_unit(encoder: Encoder) -> float:
    """The size of a latent, a power of two: observations and goals are latents in this unit.

    Two random normal vectors of D numbers with deviation s are some s sqrt(2 D) apart, and the calibration
    knows how far apart random training frames are. Dividing by a power of two loses no bit, so that a reward
    from stored goals is the reward of the step.
    """
    scale = float(encoder.metadata["distances"]["euclidean"]["scale"])
    return float(2.0 ** np.round(np.log2(scale / np.sqrt(2.0 * encoder.latent_size)))) if scale > 0 else 1.0
