"""Regret, its interval, and the screening of targets."""

from __future__ import annotations

import numpy as np
import pytest

from morphsim.errors import InputError
from morphsim.similarity.regret import bootstrap_regret, regret, screen_targets


def test_regret_lies_between_repeats_and_chance() -> None:
    found = regret([[1.0, 2.0, 3.0, 4.0, 0.5]], 1.0, [3.0])
    np.testing.assert_allclose(found, [[0.0, 0.5, 1.0, 1.5, -0.25]])


def test_there_is_no_regret_where_repeats_do_not_come_nearer_than_chance() -> None:
    found = regret(2.0, [1.0, 3.0, 3.0], [3.0, 3.0, 1.0])
    np.testing.assert_array_equal(found, [0.5, np.nan, np.nan])
    assert np.isnan(regret(1.0, 1.0, 1.0))


def test_the_median_over_targets_and_its_interval() -> None:
    # Regrets 0 and 1 with films that do not differ: of two draws the median is 0, 1/2 or 1.
    found = bootstrap_regret([[1.0, 1.0], [5.0]], [[1.0], [1.0, 1.0, 1.0]], [[5.0], [5.0]])
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)
    assert (found.targets, found.undefined) == (2, 0)
    assert found.by_target.tolist() == [0.0, 1.0]


def test_films_within_a_target_are_resampled_too() -> None:
    found = bootstrap_regret([[1.0, 3.0, 5.0]], [[1.0]], [[5.0]])
    assert found.value == 0.5
    assert (found.low, found.high) == (0.0, 1.0)
    # Of three films the outer one is the median in 7 of 27 draws, so films without it can't reach it.
    assert bootstrap_regret([[3.0, 3.0, 5.0]], [[1.0]], [[5.0]]).low == 0.5


def test_targets_without_a_regret_are_counted_and_left_out() -> None:
    found = bootstrap_regret([[2.0], [2.0], [9.0]], [[1.0], [1.0], [4.0]], [[3.0], [3.0], [4.0]])
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    assert found.to_dict() == {"value": 0.5, "low": 0.5, "high": 0.5, "targets": 2, "undefined": 1}
    none = bootstrap_regret([[1.0]], [[3.0]], [[2.0]])
    assert none.targets == 0 and np.isnan([none.value, none.low, none.high]).all()


def test_the_interval_covers_the_true_regret_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for seed in range(40):
        own, chance = (generator.normal(mean, 0.3, (24, 5)) for mean in (1.0, 5.0))
        true = generator.normal(0.5, 0.2, 24)
        judged = 1.0 + 4.0 * true[:, None] + generator.normal(0.0, 0.3, (24, 5))
        found = bootstrap_regret(judged, own, chance, seed=seed)
        covered += found.low <= 0.5 <= found.high
    assert covered >= 35


def test_the_same_seed_gives_the_same_interval() -> None:
    generator = np.random.default_rng(0)
    given = [generator.random((6, 3)) + offset for offset in (1.0, 0.0, 3.0)]
    first, again, other = (bootstrap_regret(*given, seed=seed) for seed in (1, 1, 2))
    assert (first.low, first.high) == (again.low, again.high)
    assert first.value == other.value
    assert (first.low, first.high) != (other.low, other.high)


def test_targets_are_screened_by_their_repeats() -> None:
    found = screen_targets(
        [[1.0, 1.0, 9.0], [2.0, 2.0], [2.5], [0.0]], [[4.0], [4.0, 4.0], [4.0], [0.0, 0.0]]
    )
    assert found.reproducible.tolist() == [True, True, False, False]
    assert found.ratio.tolist() == [0.25, 0.5, 0.625, np.inf]
    assert (found.kept, found.dropped) == (2, 2)
    assert screen_targets([[2.5]], [[4.0]], most=0.7).kept == 1


def test_bad_distances_are_named() -> None:
    for call, found in (
        (lambda: bootstrap_regret([], [], []), "there are 0, 0, 0 targets"),
        (lambda: bootstrap_regret([[1.0]], [[1.0], [1.0]], [[1.0]]), "there are 1, 2, 1 targets"),
        (lambda: bootstrap_regret([[1.0]], [[]], [[1.0]]), "own of target 0"),
        (lambda: bootstrap_regret([[1.0]], [[1.0]], [[np.nan]]), "random of target 0"),
        (lambda: screen_targets([[1.0]], [[[1.0]]]), "random of target 0"),
        (lambda: screen_targets([[1.0]], []), "own has 1 targets and random 0"),
        (lambda: screen_targets([[1.0]], [[1.0]], most=0.0), "most is 0.0"),
    ):
        with pytest.raises(InputError, match=found):
            call()
