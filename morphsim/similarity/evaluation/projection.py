"""Fixed linear scalings of feature vectors: standardisation and principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.errors import InputError

Vectors = NDArray[np.float64]

# Relative to the size of the values: a smaller deviation is rounding, which must not become a feature.
_CONSTANT = 1e-9
_COLUMNS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class Standardisation:
    """Subtracts the mean and divides by the standard deviation of each feature.

    Attributes:
        mean: (D,).
        deviation: (D,), 1 for a feature that does not vary.
    """

    mean: Vectors
    deviation: Vectors

    @classmethod
    def fit(cls, values: ArrayLike) -> Self:
        """Compute mean and standard deviation of (N, D)."""
        array = checked_vectors(values)
        mean, deviation = array.mean(axis=0), array.std(axis=0)
        constant = deviation <= _CONSTANT * np.maximum(np.abs(array).max(axis=0), 1e-300)
        return cls(mean, np.where(constant, 1.0, deviation))

    def __call__(self, values: ArrayLike) -> Vectors:
        """Scale (N, D)."""
        return np.asarray((np.asarray(values, np.float64) - self.mean) / self.deviation)


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Coordinates along the directions of largest variance.

    Attributes:
        mean: (D,).
        directions: (D, K) unit vectors, the largest variance first; the sign makes the entry of largest
            magnitude positive.
    """

    mean: Vectors
    directions: Vectors

    @classmethod
    def fit(cls, values: NDArray[Any], *, components: int) -> Self:
        """Find the principal components of (N, D) from the (N, N) Gram matrix.

        That is cheap if features outnumber frames, as pixels do. A few thousand columns are read at a time.

        Args:
            values: (N, D) numbers of any type.
            components: largest K; fewer if N or D is smaller.

        Raises:
            InputError: another shape, or fewer than two vectors.
        """
        if values.ndim != 2 or len(values) < 2:
            raise InputError(f"components need at least two vectors (N, D); the shape is {values.shape}")
        count, features = values.shape
        mean = values.mean(axis=0, dtype=np.float64)
        blocks = [slice(start, start + _COLUMNS_AT_ONCE) for start in range(0, features, _COLUMNS_AT_ONCE)]
        products = np.zeros((count, count))
        for block in blocks:
            centred = values[:, block] - mean[block]
            products += centred @ centred.T
        sizes, vectors = np.linalg.eigh(products)
        kept = np.argsort(sizes)[::-1][: min(components, count - 1, features)]
        kept = kept[sizes[kept] > 1e-12 * max(float(sizes[-1]), 1e-300)]
        if not len(kept):
            kept = np.array([count - 1])
        scores = vectors[:, kept]
        directions = np.concatenate([(values[:, b] - mean[b]).T @ scores for b in blocks])
        directions /= np.maximum(np.linalg.norm(directions, axis=0), 1e-300)
        largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=0)[None], axis=0)
        return cls(mean, directions * np.where(largest < 0.0, -1.0, 1.0))

    def __call__(self, values: NDArray[Any]) -> Vectors:
        """Project (N, D) to (N, K), in blocks of rows."""
        offset = self.mean @ self.directions
        rows = max(1, 2**24 // max(1, values.shape[1]))
        found = [
            values[start : start + rows].astype(np.float64) @ self.directions - offset
            for start in range(0, len(values), rows)
        ]
        return np.concatenate(found) if found else np.empty((0, self.directions.shape[1]))


def checked_vectors(values: ArrayLike, *, count: int | None = None) -> Vectors:
    """Return (N, D) float64.

    Raises:
        InputError: another shape, another N than `count`, NaN or infinity.
    """
    array = np.asarray(values, np.float64)
    if array.ndim != 2 or (count is not None and len(array) != count):
        wanted = "(N, D)" if count is None else f"({count}, D)"
        raise InputError(f"vectors have the shape {array.shape}; they must be {wanted}, one for each frame")
    if not np.isfinite(array).all():
        raise InputError("vectors hold NaN or infinity; an embedding must give finite numbers")
    return array
