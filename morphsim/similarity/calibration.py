"""Calibration of latent distances: percentiles among the distances of random training frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

DistanceName = Literal["euclidean", "cosine", "mahalanobis"]


def percentile_of_distance(
    distance: ArrayLike, metadata: Mapping[str, Any], *, kind: DistanceName = "euclidean"
) -> NDArray[np.float32]:
    """Return the percentage of random pairs of training frames that are closer together than `distance`.

    Args:
        distance: (...) latent distances.
        metadata: metadata of the encoder; `distances` holds the 0 to 100 % quantiles of each kind.
        kind: kind of distance.

    Returns:
        (...) float32, 0 to 100, non-decreasing in the distance.
    """
    known = np.asarray(metadata["distances"][kind]["quantiles"], np.float32)
    # Of equal quantiles the first one counts, since those pairs are not closer.
    quantiles, first = np.unique(known, return_index=True)
    share = np.interp(np.asarray(distance, np.float32), quantiles, first.astype(float), right=100.0)
    return np.asarray(share, np.float32)
