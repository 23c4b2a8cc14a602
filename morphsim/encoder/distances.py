"""Distances between latent vectors.

All are computed in float32 with operations whose result for a pair does not depend on the rest of a batch, so
that one pair and a batch of pairs give the same bits. The distance of equal vectors is exactly 0.0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.errors import InputError

Distances = NDArray[np.float32]


def euclidean(first: ArrayLike, second: ArrayLike) -> Distances:
    """Return the Euclidean distance over the last axis; the other axes broadcast.

    Args:
        first: (..., D).
        second: (..., D).

    Returns:
        (...) float32; exactly 0.0 for equal vectors.

    Raises:
        InputError: shapes that do not broadcast, or no axis to sum over.
    """
    return _length(_difference(*_vectors(first, second)))


def cosine(first: ArrayLike, second: ArrayLike) -> Distances:
    """Return 1 minus the cosine of the angle between vectors over the last axis; the other axes broadcast.

    It is computed as half the squared distance of the unit vectors, |u - v|²/2 = 1 - u·v, which is accurate
    for small angles.

    Args:
        first: (..., D).
        second: (..., D).

    Returns:
        (...) float32, 0 to 2; exactly 0.0 for equal vectors, also for two zero vectors, and 1.0 if one of
        them is zero.

    Raises:
        InputError: shapes that do not broadcast, or no axis to sum over.
    """
    a, b = _vectors(first, second)
    difference = _difference(_unit(a), _unit(b))
    distance = np.float32(0.5) * np.square(difference).sum(axis=-1)
    one_is_zero = a.any(axis=-1) != b.any(axis=-1)
    return np.asarray(np.where(one_is_zero, np.float32(1.0), distance), np.float32)


def mahalanobis(first: ArrayLike, second: ArrayLike, *, whitening: ArrayLike) -> Distances:
    """Return the length of the whitened difference, |(a - b) W|, over the last axis; other axes broadcast.

    Args:
        first: (..., D).
        second: (..., D).
        whitening: (D, D), see `whitening_matrix`.

    Returns:
        (...) float32; exactly 0.0 for equal vectors.

    Raises:
        InputError: shapes that do not broadcast, no axis to sum over, or a matrix of another shape.
    """
    difference = _difference(*_vectors(first, second))
    matrix = np.asarray(whitening, np.float32)
    size = difference.shape[-1]
    if matrix.shape != (size, size):
        raise InputError(
            f"whitening is {matrix.shape}; it must be ({size}, {size}) for vectors of {size} numbers"
        )
    # A matrix product may round differently for one vector and for many; a sum of rows in order does not.
    white = np.zeros(difference.shape, np.float32)
    for number in range(size):
        white += difference[..., number, None] * matrix[number]
    return _length(white)


def whitening_matrix(
    latents: ArrayLike, groups: ArrayLike | None = None, *, shrinkage: float = 0.01
) -> NDArray[np.float32]:
    """Return the inverse square root of the covariance of latents, within groups if groups are given.

    With groups of frames that should be alike (one recipe, one moment, different noise) the metric becomes
    Fisher's: directions in which such frames differ have little weight (Fisher, Ann. Eugen. 7 (1936) 179,
    doi 10.1111/j.1469-1809.1936.tb02137.x). The covariance C within groups is pooled: the sum over all
    latents of the squared deviation from the mean of their group, over the number of latents less that of
    groups. It is shrunk towards its mean eigenvalue m = tr C / D, C' = (1 - s) C + s m, so that a direction
    without any scatter gets a finite weight (Ledoit and Wolf, J. Multivariate Anal. 88 (2004) 365,
    doi 10.1016/S0047-259X(03)00096-4; here with a fixed s).

    Args:
        latents: (N, D).
        groups: (N,) whole numbers, the group of each latent; None for the total covariance.
        shrinkage: s, greater than 0 and at most 1.

    Returns:
        (D, D) float32, symmetric, for `mahalanobis`.

    Raises:
        InputError: other shapes, values that are not finite, a shrinkage outside its range, or latents
            without scatter (each group a single latent, or all equal).
    """
    values = np.asarray(latents, np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(f"latents are {values.shape}; they must be (N, D)")
    if not np.isfinite(values).all():
        raise InputError("latents hold NaN or infinite values; they must be finite")
    if not 0.0 < shrinkage <= 1.0:
        raise InputError(f"shrinkage is {shrinkage!r}; it must be greater than 0 and at most 1")
    labels = np.zeros(len(values), np.int64) if groups is None else np.asarray(groups)
    if labels.shape != (len(values),):
        raise InputError(
            f"groups are {labels.shape}; they must be ({len(values)},) for {len(values)} latents"
        )
    _, member, count = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(count), values.shape[1]))
    np.add.at(means, member, values)
    deviation = values - (means / count[:, None])[member]
    # Rounding errors of equal latents must not pass for scatter.
    rounding = 1e-12 * np.abs(values).max()
    if len(values) == len(count) or np.abs(deviation).max() <= rounding:
        raise InputError("latents do not differ within groups; give several different ones of a group")
    covariance = deviation.T @ deviation / (len(values) - len(count))
    eigenvalues, directions = np.linalg.eigh(covariance)
    eigenvalues = (1.0 - shrinkage) * np.maximum(eigenvalues, 0.0) + shrinkage * eigenvalues.mean()
    matrix: NDArray[np.float32] = ((directions / np.sqrt(eigenvalues)) @ directions.T).astype(np.float32)
    return np.asarray(0.5 * (matrix + matrix.T), np.float32)


def _vectors(first: ArrayLike, second: ArrayLike) -> tuple[Distances, Distances]:
    a, b = np.asarray(first, np.float32), np.asarray(second, np.float32)
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-1]:
        raise InputError(
            f"vectors of shapes {a.shape} and {b.shape} have no distance; their last axes must agree"
        )
    return a, b


def _difference(a: Distances, b: Distances) -> Distances:
    try:
        # Sums over the last axis depend on its place in memory.
        return np.ascontiguousarray(a - b)
    except ValueError as error:
        raise InputError(
            f"vectors of shapes {a.shape} and {b.shape} do not broadcast; give (N, 1, D) and (K, D)"
        ) from error


def _length(vectors: Distances) -> Distances:
    length: Distances = np.sqrt(np.square(vectors).sum(axis=-1))
    return length


def _unit(vectors: Distances) -> Distances:
    """Return unit vectors, or zero for zero vectors; scaled first, so that no square over- or underflows."""
    contiguous = np.ascontiguousarray(vectors)
    largest = np.abs(contiguous).max(axis=-1, keepdims=True, initial=0.0)
    scaled = np.asarray(contiguous / np.where(largest > 0.0, largest, np.float32(1.0)), np.float32)
    length = _length(scaled)[..., None]
    return np.asarray(scaled / np.where(length > 0.0, length, np.float32(1.0)), np.float32)
