"""Retrieval, nuisance, correlation, prediction and the choice of frames, against hand-made cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from evaluation_frames import knowing, labelled_frames
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.similarity.evaluation import (
    EvaluationFrames,
    known_differences,
    known_features,
    leave_one_out,
    nuisance_frames,
    nuisance_ratio,
    r_squared,
    rank_correlation,
    retrieval,
    subsample_films,
)

# Retrieval


def average_precision(
    vectors: Any, labelled: EvaluationFrames, query: int, *, moment: bool
) -> tuple[float, float]:
    """MAP@R of one query, from its definition."""
    index = [i for i in range(len(labelled)) if labelled.trajectory[i] != labelled.trajectory[query]]
    index.sort(key=lambda i: np.linalg.norm(vectors[i] - vectors[query]))
    good = [
        labelled.recipe[i] == labelled.recipe[query]
        and (not moment or labelled.moment[i] == labelled.moment[query])
        for i in index
    ]
    relevant = sum(good)
    total = sum(sum(good[: k + 1]) / (k + 1) for k in range(relevant) if good[k])
    return float(good[0]), total / relevant


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_retrieval_is_that_of_its_definition(seed: int, moment: bool):
    labelled = labelled_frames(recipes=3, films=4, moments=2)
    vectors = knowing(labelled, noise=0.4, seed=seed)
    found = retrieval(vectors, labelled, relevant="recipe_and_moment" if moment else "recipe")
    expected = [average_precision(vectors, labelled, query, moment=moment) for query in range(len(labelled))]
    assert found.precision_at_1.value == pytest.approx(np.mean([first for first, _ in expected]))
    assert found.mean_average_precision.value == pytest.approx(np.mean([average for _, average in expected]))


def test_retrieval_with_labels_and_without():
    labelled = labelled_frames(recipes=5, films=4, moments=4)
    assert retrieval(knowing(labelled), labelled).mean_average_precision.value == 1.0
    # Of 76 frames of other films 3 are relevant.
    equal = retrieval(np.ones((len(labelled), 2)), labelled)
    assert equal.precision_at_1.value == pytest.approx(3 / 76, abs=0.07)
    films = retrieval(np.eye(20)[labelled.trajectory], labelled, relevant="recipe")
    # The own film, which would be found first, is left out.
    assert films.precision_at_1.value < 0.5


def test_retrieval_of_frames_without_a_like():
    labelled = labelled_frames(films=1)
    found = retrieval(knowing(labelled), labelled)
    assert np.isnan(found.precision_at_1.value)
    assert found.precision_at_1.frames == 0


# Nuisance


def test_nuisance_ratios_of_the_donor_share_and_of_pixels():
    labelled = labelled_frames(recipes=4, films=4, moments=4)
    posed = nuisance_frames(labelled, count=50)
    assert posed.rolled is not None

    def share(frames: Any) -> Any:
        return frames.mean(axis=(1, 2))[:, None]

    ratio = nuisance_ratio(share(posed.frames), share(posed.mirrored), share(posed.rolled), posed.pairs)
    assert ratio.mirror == pytest.approx(0.0, abs=1e-12)
    assert ratio.roll == pytest.approx(0.0, abs=1e-12)

    def pixels(frames: Any) -> Any:
        return frames.reshape(len(frames), -1)

    ratio = nuisance_ratio(pixels(posed.frames), pixels(posed.mirrored), pixels(posed.rolled), posed.pairs)
    assert ratio.mirror > 0.5
    assert ratio.roll is not None and ratio.roll > 0.5


def test_rolled_frames_are_rolled():
    posed = nuisance_frames(labelled_frames(), count=10, seed=3)
    assert posed.rolled is not None
    for frame, mirrored, rolled in zip(posed.frames, posed.mirrored, posed.rolled, strict=True):
        np.testing.assert_array_equal(mirrored, frame[:, ::-1])
        shifts = [s for s in range(1, 12) if np.array_equal(np.roll(frame, s, axis=1), rolled)]
        assert len(shifts) == 1
    assert (posed.pairs[:, 0] != posed.pairs[:, 1]).all()
    again = nuisance_frames(labelled_frames(), count=10, seed=3)
    np.testing.assert_array_equal(posed.rolled, again.rolled)


def test_films_between_walls_are_not_rolled():
    posed = nuisance_frames(labelled_frames(boundary="no-flux"))
    assert posed.rolled is None
    vectors = np.arange(36.0)[:, None]
    assert nuisance_ratio(vectors, vectors, None, posed.pairs).roll is None
    assert np.isnan(nuisance_ratio(np.ones((36, 1)), np.ones((36, 1)), None, posed.pairs).mirror)


# Correlation


def test_rank_correlation_of_a_growing_function_is_one():
    frames = labelled_frames(recipes=3, films=3, moments=3).frames
    features = known_features(frames, boundary="periodic")
    pairs, differences = known_differences(features, pairs=500)
    assert set(features) == {"two_point_statistics", "interface_length", "phase_fraction", "domain_size"}
    # Rounding parts some of the equal differences of shares.
    found = rank_correlation(features["phase_fraction"] * 7.0, differences["phase_fraction"], pairs)
    assert found == pytest.approx(1.0, abs=1e-3)
    apart = differences["interface_length"]
    assert rank_correlation(features["interface_length"], -np.exp(apart), pairs) == pytest.approx(
        -1, abs=1e-3
    )
    assert np.isnan(rank_correlation(np.ones((27, 1)), apart, pairs))
    unrelated = np.random.default_rng(0).random((27, 40))
    assert abs(rank_correlation(unrelated, apart, pairs)) < 0.4


def test_rank_correlation_is_spearman_s():
    from scipy.stats import spearmanr

    random = np.random.default_rng(0)
    vectors, values = random.random((20, 2)), random.integers(0, 4, 100).astype(float)
    pairs = random.integers(0, 20, (100, 2))
    apart = np.linalg.norm(vectors[pairs[:, 0]] - vectors[pairs[:, 1]], axis=1)
    assert rank_correlation(vectors, values, pairs) == pytest.approx(spearmanr(apart, values).statistic)


def test_features_of_a_single_phase_are_refused():
    with pytest.raises(InputError, match="single phase"):
        known_features(np.ones((2, 4, 4), np.uint8), boundary="periodic")


# Prediction


def test_true_values_predict_themselves():
    random = np.random.default_rng(0)
    values = random.random(200)
    folds = np.arange(200) % 4
    vectors = np.stack([values, np.full(200, 3.0)], axis=1)
    ridge = leave_one_out(vectors, vectors, values, folds, method="ridge")
    assert ridge.r2 == pytest.approx(1.0, abs=1e-5)
    assert set(ridge.by_fold) == {"0", "1", "2", "3"}
    neighbours = leave_one_out(vectors, vectors, values, folds, method="neighbours")
    assert neighbours.r2 > 0.99
    chance = random.random((200, 3))
    assert leave_one_out(chance, chance, values, folds, method="ridge").r2 < 0.1
    assert r_squared(values, np.full(200, values.mean())) == pytest.approx(0.0)
    assert np.isnan(r_squared(np.ones(3), np.ones(3)))


def test_neighbours_and_ridge_by_hand():
    known = np.arange(10.0)[:, None]
    values, folds = np.arange(10.0) ** 2, np.array([0] * 9 + [1])
    found = leave_one_out(known, known, values, folds, method="neighbours")
    # The five nearest of 9 are 8, 7, 6, 5 and 4; a fold of one value has no spread.
    assert np.isnan(found.by_fold["1"])
    learnt = np.arange(9.0)
    spread = learnt.std()
    slope = ((learnt - 4) / spread) @ learnt**2 / (9 + 0.1)
    ridge = (9 - 4) / spread * slope + (learnt**2).mean()
    own = np.zeros(10)
    own[9] = np.mean([64, 49, 36, 25, 16])
    # The other fold has one frame to learn from.
    own[:9] = 81.0
    assert found.r2 == pytest.approx(r_squared(values, own))
    own[9] = ridge
    assert leave_one_out(known, known, values, folds, method="ridge").r2 == pytest.approx(
        r_squared(values, own)
    )


def test_what_is_left_out_is_not_learnt():
    # A label of the fold tells everything inside it and nothing outside.
    folds = np.repeat(np.arange(4), 25)
    values = folds + 0.01 * np.random.default_rng(0).standard_normal(100)
    vectors = np.eye(4)[folds]
    assert leave_one_out(vectors, vectors, values, folds, method="neighbours").r2 < 0.0
    with pytest.raises(InputError, match="1 fold; leaving one out needs at least two"):
        leave_one_out(vectors, vectors, values, np.zeros(100), method="ridge")


# Which frames


def test_fewer_films_keep_films_whole_and_recipes_alike():
    labelled = labelled_frames(recipes=4, films=6, moments=5)
    fewer = subsample_films(labelled, most=60)
    assert len(fewer) == 60
    assert [len(np.unique(fewer.trajectory[fewer.recipe == r])) for r in range(4)] == [3] * 4
    assert len(subsample_films(labelled, most=2)) == 4 * 2 * 5
    assert subsample_films(labelled, most=1000) is labelled


def test_the_last_frame_of_each_film():
    labelled = labelled_frames(recipes=2, films=2, moments=3)
    assert labelled.last.sum() == 4
    assert (labelled.moment[labelled.last] == 2).all()
    # A film that ended early has an earlier last moment.
    assert labelled.select(np.arange(len(labelled)) != 2).last.sum() == 4
