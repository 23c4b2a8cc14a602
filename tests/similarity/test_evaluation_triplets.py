"""Triplets, the intervals of their shares, and their ceiling, against hand-made cases."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from evaluation_frames import knowing, labelled_frames, noise
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.similarity.evaluation import (
    EvaluationFrames,
    FisherScaling,
    bootstrap_difference,
    has_both_phases,
    recipe_triplets,
    triplet_ceiling,
)
from morphsim.similarity.evaluation.bootstrap import bootstrap_mean
from morphsim.similarity.evaluation.frames import halves

# Triplets


@pytest.mark.parametrize("negative", ["recipe", "moment"])
@pytest.mark.parametrize("moments", ["all", "last"])
def test_labels_as_vectors_order_every_triplet(negative: Any, moments: Any):
    labelled = labelled_frames()
    share = recipe_triplets(knowing(labelled), labelled, negative=negative, moments=moments)
    if (negative, moments) == ("moment", "last"):
        # Among last frames there is no other moment.
        assert np.isnan(share.value) and share.frames == 0 and share.left_out == 12
    else:
        assert (share.value, share.low, share.high) == (1.0, 1.0, 1.0)
        assert share.frames == (36 if moments == "all" else 12)


def test_noise_orders_half_of_the_triplets_and_equal_vectors_exactly_half():
    labelled = labelled_frames(recipes=6, films=6, moments=4)
    for negative in ("recipe", "moment"):
        share = recipe_triplets(noise(labelled), labelled, negative=negative)  # type: ignore[arg-type]
        assert share.value == pytest.approx(0.5, abs=0.03)
        assert share.low < share.value < share.high
        equal = recipe_triplets(np.ones((len(labelled), 3)), labelled, negative=negative)  # type: ignore[arg-type]
        assert equal.value == 0.5


def test_vectors_that_see_the_film_alone_fail():
    labelled = labelled_frames()
    films = np.eye(labelled.trajectory.max() + 1)[labelled.trajectory]
    # All other films are equally far away.
    assert recipe_triplets(films, labelled, negative="recipe").value == 0.5
    # The anchor's own film at another moment is nearer than any positive.
    share = recipe_triplets(films, labelled, negative="moment")
    assert share.value == pytest.approx(0.5 * 2 / 3)


def by_hand(vectors: Any, labelled: EvaluationFrames, negative: str) -> tuple[float, int]:
    scores, count = [], 0
    for a in range(len(labelled)):
        held = []
        for p in range(len(labelled)):
            same = (
                labelled.recipe[p] == labelled.recipe[a]
                and labelled.moment[p] == labelled.moment[a]
                and labelled.trajectory[p] != labelled.trajectory[a]
            )
            for n in range(len(labelled)) if same else ():
                if negative == "recipe":
                    good = (
                        labelled.recipe[n] != labelled.recipe[a] and labelled.moment[n] == labelled.moment[a]
                    )
                else:
                    good = (
                        labelled.recipe[n] == labelled.recipe[a] and labelled.moment[n] != labelled.moment[a]
                    )
                if good:
                    near = np.linalg.norm(vectors[a] - vectors[p])
                    far = np.linalg.norm(vectors[a] - vectors[n])
                    held.append(0.5 if abs(near - far) < 1e-9 else float(near < far))
        if held:
            scores.append(np.mean(held))
            count += len(held)
    return float(np.mean(scores)), count


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["recipe", "moment"]))
def test_triplets_are_those_of_three_nested_loops(seed: int, negative: Any):
    labelled = labelled_frames(recipes=3, films=2, moments=2, seed=seed)
    random = np.random.default_rng(seed)
    # Whole numbers, among which there are ties.
    vectors = random.integers(0, 3, (len(labelled), 2)).astype(float)
    share = recipe_triplets(vectors, labelled, negative=negative)
    value, count = by_hand(vectors, labelled, negative)
    assert share.value == pytest.approx(value)
    assert share.comparisons == count


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100.0), st.floats(-10.0, 10.0))
def test_triplets_do_not_change_by_similarity_transformations(seed: int, scale: float, shift: float):
    labelled = labelled_frames(recipes=3, films=3, moments=2)
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((len(labelled), 3))
    turn, _ = np.linalg.qr(random.standard_normal((3, 3)))
    order = random.permutation(len(labelled))
    value = recipe_triplets(vectors, labelled).value
    assert recipe_triplets(scale * vectors @ turn + shift, labelled).value == pytest.approx(value, abs=0.01)
    assert recipe_triplets(vectors[order], labelled.select(order)).value == pytest.approx(value)


def test_frames_of_a_single_phase_are_left_out():
    labelled = labelled_frames()
    frames = labelled.frames.copy()
    frames[::3] = 1
    vectors = knowing(labelled)
    vectors[::3] = 99.0
    share = recipe_triplets(vectors, dataclasses.replace(labelled, frames=frames))
    assert share.value == 1.0
    assert share.left_out == 12
    assert has_both_phases(frames).sum() == 24


def test_vectors_that_do_not_fit_are_refused():
    labelled = labelled_frames()
    with pytest.raises(InputError, match=r"shape \(35, 2\); they must be \(36, D\)"):
        recipe_triplets(knowing(labelled)[1:], labelled)
    bad = knowing(labelled)
    bad[3, 1] = np.nan
    with pytest.raises(InputError, match="NaN or infinity"):
        recipe_triplets(bad, labelled)
    with pytest.raises(InputError, match=r"recipe has the shape \(3,\)"):
        dataclasses.replace(labelled, recipe=np.zeros(3, int))


# Intervals


def test_the_interval_is_that_of_means_of_recipes():
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(200), 10)
    values = random.random(200)[groups]
    share = bootstrap_mean(values, groups)
    expected = values[::10].std() / np.sqrt(200)
    assert (share.high - share.low) / (2 * 1.96) == pytest.approx(expected, rel=0.1)
    # Frames of one recipe are alike: as independent ones they would give a third of that.
    single = bootstrap_mean(values, np.arange(2000))
    assert single.high - single.low < 0.4 * (share.high - share.low)


def test_a_difference_is_resampled_in_pairs():
    groups = np.repeat(np.arange(30), 5)
    values = np.random.default_rng(0).random(30)[groups]
    first, second = bootstrap_mean(values + 0.1, groups), bootstrap_mean(values, groups)
    apart, low, high = bootstrap_difference(first, second)
    assert (apart, low, high) == pytest.approx((0.1, 0.1, 0.1))
    assert first.high - first.low > 0.1


# The ceiling


def test_the_ceiling_finds_the_one_feature_that_tells():
    labelled = labelled_frames(recipes=5, films=16, moments=3)
    random = np.random.default_rng(0)
    features = 5.0 * random.standard_normal((len(labelled), 20))
    features[:, 7] = labelled.recipe + 0.05 * random.standard_normal(len(labelled))
    assert recipe_triplets(features, labelled).value < 0.7
    assert triplet_ceiling({"all": features}, labelled).value > 0.97


def test_the_ceiling_of_noise_is_chance():
    labelled = labelled_frames(recipes=5, films=8, moments=3)
    share = triplet_ceiling({"noise": noise(labelled, 10)}, labelled)
    assert share.value == pytest.approx(0.5, abs=0.06)
    assert share.frames == len(labelled)


def test_the_ceiling_is_learnt_from_other_films():
    labelled = labelled_frames(recipes=3, films=2, moments=1)
    # Half of two films leaves one of each recipe, of which nothing can be learnt or ordered.
    assert triplet_ceiling({"a": knowing(labelled)}, labelled).frames == 0
    first, second = halves(labelled_frames(recipes=2, films=5))
    assert (first.sum(), second.sum()) == (18, 12)


def test_fisher_s_scaling_whitens_within_classes_and_silences_noise():
    random = np.random.default_rng(0)
    classes = np.repeat(np.arange(20), 100)
    telling_feature = 10.0 * random.standard_normal(20)[classes] + 3.0 * random.standard_normal(2000)
    features = np.stack([telling_feature, random.standard_normal(2000)], axis=1)
    scaling = FisherScaling.fit(features, classes, np.zeros(2000, int), shrinkage=0.0)
    vectors = scaling(features)
    spread = [np.mean([vectors[classes == c, k].var() for c in range(20)]) for k in range(2)]
    silent, telling = sorted(spread)
    assert telling == pytest.approx(1.0, abs=0.15)
    assert silent < 0.01
