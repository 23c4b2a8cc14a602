"""Regret, its interval, and the screening of targets."""

from __future__ import annotations

import numpy as np
import pytest

from morphsim.errors import InputError
from morphsim.similarity.regret import bootstrap_difference, bootstrap_regret, regret, screen_targets


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


def test_the_difference_of_two_policies() -> None:
    # Regrets 0.5 and 1 of the first policy, 0.25 and 0 of the second.
    found = bootstrap_difference(
        [[3.0, 3.0], [5.0]], [[2.0, 2.0], [1.0]], [[1.0], [1.0, 1.0]], [[5.0], [5.0, 5.0]]
    )
    assert found.by_target.tolist() == [0.25, 1.0]
    assert (found.value, found.low, found.high) == (0.625, 0.25, 1.0)
    assert found.to_dict() == {"value": 0.625, "low": 0.25, "high": 1.0}


def test_what_films_of_both_policies_share_falls_out_of_their_difference() -> None:
    generator = np.random.default_rng(0)
    shared = generator.normal(3.0, 1.0, (12, 5))
    own, chance = np.ones((12, 4)), np.full((12, 4), 5.0)
    found = bootstrap_difference(shared + 0.4, shared, own, chance)
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    single = bootstrap_regret(shared, own, chance)
    assert single.high - single.low > 0.1
    swapped = bootstrap_difference(shared, shared + 0.4, own, chance)
    assert swapped.value == pytest.approx(-found.value)
    with pytest.raises(InputError, match="target 1 has 2 films of the first policy and 1 of the second"):
        bootstrap_difference([[1.0], [1.0, 2.0]], [[1.0], [1.0]], [[0.0]] * 2, [[2.0]] * 2)
    undefined = bootstrap_difference([[1.0]], [[2.0]], [[3.0]], [[2.0]])
    assert np.isnan([undefined.value, undefined.low, undefined.high]).all()


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
        (lambda: bootstrap_difference([[1.0]], [[1.0]], [[1.0]], []), "there are 1, 1, 1, 0 targets"),
        (lambda: bootstrap_regret([[1.0]], [[]], [[1.0]]), "own of target 0"),
        (lambda: bootstrap_regret([[1.0]], [[1.0]], [[np.nan]]), "random of target 0"),
        (lambda: screen_targets([[1.0]], [[[1.0]]]), "random of target 0"),
        (lambda: screen_targets([[1.0]], []), "own has 1 targets and random 0"),
        (lambda: screen_targets([[1.0]], [[1.0]], most=0.0), "most is 0.0"),
    ):
        with pytest.raises(InputError, match=found):
            call()
