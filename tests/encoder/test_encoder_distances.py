from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import hypothesis.extra.numpy as stnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from morphsim.encoder.distances import cosine, euclidean, mahalanobis, whitening_matrix
from morphsim.errors import InputError

Distance = Callable[[Any, Any], NDArray[np.float32]]

vectors = stnp.arrays(np.float32, (5, 3), elements=st.floats(-1e3, 1e3, width=32))
MATRIX = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.25], [0.0, -0.25, 3.0]], np.float32)


def whitened(first: Any, second: Any) -> NDArray[np.float32]:
    return mahalanobis(first, second, whitening=MATRIX)


@pytest.mark.parametrize("distance", [euclidean, cosine, whitened])
@settings(max_examples=50, deadline=None)
@given(a=vectors, b=vectors)
def test_distances_are_zero_for_equals_positive_and_symmetric(
    distance: Distance, a: NDArray[Any], b: NDArray[Any]
) -> None:
    assert (distance(a, a) == 0).all()
    found = distance(a, b)
    assert found.dtype == np.float32 and found.shape == (5,)
    assert (found >= 0).all() and np.isfinite(found).all()
    assert np.array_equal(found, distance(b, a))


@settings(max_examples=50, deadline=None)
@given(a=vectors, b=vectors, c=vectors)
def test_the_whitened_distance_keeps_the_triangle(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any]) -> None:
    assert (whitened(a, c) <= (whitened(a, b) + whitened(b, c)) * (1 + 1e-5) + 1e-4).all()


@pytest.mark.parametrize("size", [1, 3, 16, 129])
@pytest.mark.parametrize("name", ["euclidean", "cosine", "mahalanobis"])
def test_a_pair_has_the_bits_that_it_has_in_any_batch(name: str, size: int) -> None:
    generator = np.random.default_rng(size)
    a = generator.normal(size=(37, size)).astype(np.float32)
    b = generator.normal(size=(11, size)).astype(np.float32)
    matrix = generator.normal(size=(size, size)).astype(np.float32)

    def distance(first: Any, second: Any) -> NDArray[np.float32]:
        if name == "mahalanobis":
            return mahalanobis(first, second, whitening=matrix)
        return {"euclidean": euclidean, "cosine": cosine}[name](first, second)

    whole = distance(a[:, None], b)
    assert whole.shape == (37, 11)
    assert all(distance(a[i], b[j]) == whole[i, j] for i in range(37) for j in range(11))
    assert np.array_equal(whole[5], distance(a[5], b))
    # The layout in memory makes no difference either.
    assert np.array_equal(distance(np.asfortranarray(a)[:11], np.asfortranarray(b)), np.diag(whole))
    assert np.array_equal(distance(np.repeat(a, 2, axis=1)[:, ::2], a), np.zeros(37))


def test_cosine_by_hand() -> None:
    assert cosine([1.0, 0.0], [0.0, 2.0]) == pytest.approx(1.0, abs=1e-6)
    assert cosine([1.0, 1.0], [-3.0, -3.0]) == pytest.approx(2.0, abs=1e-6)
    assert cosine([3.0, 4.0], [4.0, 3.0]) == pytest.approx(1.0 - 24.0 / 25.0, rel=1e-5)
    assert cosine([5.0, 0.0], [7.0, 0.0]) == 0.0
    # Far below the single-precision resolution at 1.
    assert cosine([1.0, 0.0], [1.0, 1e-5]) == pytest.approx(0.5e-10, rel=1e-3)
    assert cosine([0.0, 0.0], [0.0, 0.0]) == 0.0
    assert cosine([[0.0, 0.0], [1e-3, 2.0]], [[1.0, 2.0], [0.0, 0.0]]).tolist() == [1.0, 1.0]
    assert cosine([1e30, 0.0], [1e-30, 1e-30]) == pytest.approx(1.0 - math.sqrt(0.5), rel=1e-5)


def test_mahalanobis_by_hand() -> None:
    whitening = np.diag([2.0, 0.5])
    assert mahalanobis([1.0, 4.0], [0.0, 0.0], whitening=whitening) == pytest.approx(math.sqrt(8.0))
    assert mahalanobis([1.0, 2.0], [3.0, 2.0], whitening=whitening) == 4.0
    # Rows of vectors times the matrix: (1, 1) @ [[0, 3], [4, 0]] = (4, 3).
    assert mahalanobis([1.0, 1.0], [0.0, 0.0], whitening=[[0.0, 3.0], [4.0, 0.0]]) == 5.0
    a = np.random.default_rng(0).normal(size=(6, 3))
    np.testing.assert_allclose(
        whitened(a[:3], a[3:]), np.linalg.norm((a[:3] - a[3:]) @ MATRIX, axis=1), rtol=1e-5
    )
    assert np.array_equal(
        mahalanobis(a[:3], a[3:], whitening=np.eye(3)), euclidean(a[:3].astype(np.float32), a[3:])
    )


def test_the_whitening_matrix_by_hand() -> None:
    # Two groups, deviations (±1, 0) in one and (0, ±2) in the other: C = diag(2, 8) / (4 - 2).
    latents = [[11.0, 5.0], [9.0, 5.0], [0.0, 2.0], [0.0, -2.0]]
    found = whitening_matrix(latents, [7, 7, 3, 3], shrinkage=0.5)
    # Half of diag(1, 4) and half of its mean eigenvalue 2.5.
    np.testing.assert_allclose(found, np.diag([1.75**-0.5, 3.25**-0.5]), rtol=1e-6)
    assert found.dtype == np.float32
    np.testing.assert_allclose(whitening_matrix([[0.0], [2.0], [4.0]], shrinkage=1.0), [[0.5]], rtol=1e-6)


def test_whitened_latents_have_unit_covariance_within_groups() -> None:
    generator = np.random.default_rng(1)
    mixing = generator.normal(size=(6, 6)) + 2.0 * np.eye(6)
    groups = np.repeat(np.arange(400), 5)
    centres = 30.0 * generator.normal(size=(400, 6))
    latents = centres[groups] + generator.normal(size=(2000, 6)) @ mixing
    matrix = whitening_matrix(latents, groups, shrinkage=1e-9)
    assert np.array_equal(matrix, matrix.T)
    white = latents @ matrix
    means = np.stack([white[groups == group].mean(axis=0) for group in range(400)])
    within = white - means[groups]
    np.testing.assert_allclose(within.T @ within / 1600, np.eye(6), atol=1e-3)
    total = latents @ whitening_matrix(latents, shrinkage=1e-9)
    np.testing.assert_allclose(np.cov(total.T), np.eye(6), atol=1e-3)
    # The order of latents and the names of groups do not matter.
    order = generator.permutation(2000)
    np.testing.assert_allclose(
        whitening_matrix(latents[order], 1000 - groups[order], shrinkage=1e-9), matrix, rtol=1e-4, atol=1e-6
    )


def test_a_direction_without_scatter_gets_a_finite_weight() -> None:
    found = whitening_matrix([[0.0, 1.0], [2.0, 1.0]])
    # C = diag(2, 0), whose mean eigenvalue is 1.
    np.testing.assert_allclose(found, np.diag([1.99**-0.5, 0.01**-0.5]), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cosine(np.zeros(3), np.zeros(4)), "shapes"),
        (lambda: cosine(np.zeros((2, 3)), np.zeros((4, 3))), "broadcast"),
        (lambda: mahalanobis(np.zeros((2, 3)), np.zeros((4, 3)), whitening=np.eye(3)), "broadcast"),
        (lambda: mahalanobis(np.zeros(3), np.zeros(3), whitening=np.eye(2)), r"whitening is \(2, 2\)"),
        (lambda: whitening_matrix(np.zeros(3)), r"latents are \(3,\)"),
        (lambda: whitening_matrix([[0.0], [math.nan]]), "NaN"),
        (lambda: whitening_matrix([[0.0], [1.0]], [0, 1]), "differ within groups"),
        (lambda: whitening_matrix([[0.1], [0.1], [0.1]]), "differ within groups"),
        (lambda: whitening_matrix([[0.0], [1.0]], [0, 0, 0]), r"groups are \(3,\)"),
        (lambda: whitening_matrix([[0.0], [1.0]], shrinkage=0.0), "shrinkage is 0.0"),
        (lambda: whitening_matrix([[0.0], [1.0]], shrinkage=1.5), "shrinkage is 1.5"),
    ],
)
def test_what_does_not_fit_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
