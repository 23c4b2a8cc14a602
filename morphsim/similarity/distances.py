"""Distances between latent vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.errors import InputError


def euclidean(first: ArrayLike, second: ArrayLike) -> NDArray[np.float32]:
    """Euclidean distance over the last axis; the other axes broadcast.

    Args:
        first: (..., D).
        second: (..., D).

    Returns:
        (...) float32; 0.0 exactly where both vectors are equal.

    Raises:
        InputError: shapes that do not broadcast, or no axis to sum over.
    """
    a, b = np.asarray(first, np.float32), np.asarray(second, np.float32)
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-1]:
        raise InputError(
            f"vectors of shapes {a.shape} and {b.shape} have no distance; their last axes must agree"
        )
    try:
        difference = a - b
    except ValueError as error:
        raise InputError(
            f"vectors of shapes {a.shape} and {b.shape} do not broadcast; give (N, 1, D) and (K, D)"
        ) from error
    distance: NDArray[np.float32] = np.sqrt(np.square(difference).sum(axis=-1))
    return distance
