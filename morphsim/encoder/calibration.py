"""Distances between random training frames, so that a distance can be read without knowing the encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.encoder.distances import cosine, euclidean, whitening_matrix
from morphsim.encoder.encoder import Encoder
from morphsim.encoder.out_of_distribution import (
    MEASURES,
    frame_statistics,
    nearest_distance,
    reconstruction_errors,
)
from morphsim.errors import InputError

_PAIRS = 100_000
_LATENTS_KEPT = 4096
_LARGEST_HALF = float(np.finfo(np.float16).max)


def calibrate_distances(
    latents: NDArray[np.float32], groups: NDArray[np.int64] | None, *, seed: int
) -> dict[str, Any]:
    """Measure every distance between random pairs of latents.

    Args:
        latents: (N, D) of training frames, at least two.
        groups: (N,) labels; frames of one label should be alike. If some frames share a label, the
            Mahalanobis distance uses the covariance within groups, else the total covariance.
        seed: of the 100,000 pairs of different frames.

    Returns:
        For `euclidean`, `cosine` and `mahalanobis` the median as `scale` and the 0 to 100 % `quantiles`; for
        `mahalanobis` also the matrix `whitening` (D, D).
    """
    whitening = _whitening(latents, groups)
    generator = np.random.default_rng(seed)
    first = generator.integers(len(latents), size=_PAIRS)
    second = (first + generator.integers(1, len(latents), size=_PAIRS)) % len(latents)
    white = latents @ whitening
    return {
        "euclidean": _summary(euclidean(latents[first], latents[second])),
        "cosine": _summary(cosine(latents[first], latents[second])),
        "mahalanobis": {
            **_summary(euclidean(white[first], white[second])),
            "whitening": [[float(value) for value in row] for row in whitening],
        },
    }


def sample_rows(latents: NDArray[np.float32], *, seed: int) -> NDArray[np.float16]:
    """Choose up to 4096 latents at random, to be stored with the encoder.

    Args:
        latents: (N, D).
        seed: of the choice.

    Returns:
        (K, D), in the order of the frames.
    """
    generator = np.random.default_rng(seed)
    chosen = np.sort(generator.choice(len(latents), size=min(len(latents), _LATENTS_KEPT), replace=False))
    return latents[chosen].clip(-_LARGEST_HALF, _LARGEST_HALF).astype(np.float16)


def measure_held_out(encoder: Encoder, frames: NDArray[np.uint8]) -> dict[str, list[float]]:
    """Measure how far held-out frames are out of distribution.

    Args:
        encoder: with the latents and the statistics of its training frames.
        frames: (N, H, W), or (N, C, H, W), 0/1.

    Returns:
        The 0 to 100 % quantiles of each of `MEASURES`.
    """
    assert encoder.training_latents is not None
    assert encoder.training_statistics is not None
    encoded = encoder.encode_all(frames, reconstruct=True)
    assert encoded.reconstruction is not None
    found = (
        nearest_distance(encoded.content, encoder.training_latents),
        encoder.training_statistics.residual(frame_statistics(frames, boundary=encoder.boundary)),
        reconstruction_errors(frames, encoded.reconstruction),
    )
    return {name: _quantiles(values) for name, values in zip(MEASURES, found, strict=True)}


def _whitening(latents: NDArray[np.float32], groups: NDArray[np.int64] | None) -> NDArray[np.float32]:
    alike = groups is not None and len(np.unique(groups)) < len(groups)
    for choice in (groups, None) if alike else (None,):
        try:
            return whitening_matrix(latents, choice)
        except InputError:
            # No scatter within groups, or none at all if the network encodes all frames alike.
            continue
    return np.eye(latents.shape[1], dtype=np.float32)


def _summary(distances: NDArray[np.float32]) -> dict[str, Any]:
    quantiles = _quantiles(distances)
    return {"scale": quantiles[50], "quantiles": quantiles}


def _quantiles(values: NDArray[np.float32]) -> list[float]:
    quantiles = np.quantile(values, np.linspace(0.0, 1.0, 101)).astype(np.float32)
    # Rounding may make neighbouring quantiles fall slightly.
    return [float(value) for value in np.maximum.accumulate(quantiles)]
