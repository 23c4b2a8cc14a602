"""Latent distances read as percentiles: how they compare with those between random frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def percentile_of_distance(distance: ArrayLike, metadata: Mapping[str, Any]) -> NDArray[np.float32]:
    """Tell which share of random pairs of training frames lie closer together than `distance`.

    Args:
        distance: (...) latent distances.
        metadata: of the encoder; `distance_quantiles` holds the 0 to 100 % quantiles.

    Returns:
        (...) float32, 0 to 100, never falling with the distance.
    """
    # Of equal quantiles the first one counts, since those pairs are not closer.
    quantiles, first = np.unique(np.asarray(metadata["distance_quantiles"], np.float32), return_index=True)
    share = np.interp(np.asarray(distance, np.float32), quantiles, first.astype(float), right=100.0)
    return np.asarray(share, np.float32)
