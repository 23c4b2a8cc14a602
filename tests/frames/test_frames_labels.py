from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from morphsim.errors import InputError
from morphsim.frames import FrameSet, frame_labels, moment_labels, recipe_labels, split_by_recipe

VALUES = st.sampled_from([0.0, -0.0, 1.0, 2.5, np.nan])


def set_of(trajectory, *, process="annealing", recipes=None, **columns) -> FrameSet:
    trajectory = np.asarray(trajectory)
    return FrameSet(
        frames=np.zeros((len(trajectory), 2, 3), np.uint8),
        columns={"trajectory": trajectory, **{name: np.asarray(v) for name, v in columns.items()}},
        recipes={name: np.asarray(values) for name, values in (recipes or {}).items()},
        process=process,
    )


def same(one: object, other: object) -> bool:
    return one == other or (one != one and other != other)


def test_replicas_share_their_recipe():
    recipes = {
        "chi": [3.0, 2.4, 3.0, np.nan, np.nan, 3.0],
        "mobility": ["wodo", "wodo", "wodo", "", "", "negi"],
    }
    labels = recipe_labels(set_of(range(6), recipes=recipes))
    assert labels.tolist() == [0, 1, 0, 2, 2, 3]
    assert labels.dtype == np.int64


def test_without_recipes_each_trajectory_is_its_own():
    frame_set = set_of([0, 0, 2, 1])
    assert recipe_labels(frame_set).tolist() == [0, 1, 2]
    assert recipe_labels(frame_set).dtype == np.int64


@given(
    table=hnp.arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(1, 3)), elements=VALUES),
    texts=st.booleans(),
)
def test_recipes_are_equal_where_all_their_columns_are(table, texts):
    recipes = {f"p{k}": table[:, k].astype(str) if texts else table[:, k] for k in range(table.shape[1])}
    frame_set = set_of(range(len(table)), recipes=recipes)
    labels = recipe_labels(frame_set)
    columns = list(frame_set.recipes.values())
    for i in range(len(table)):
        for j in range(len(table)):
            equal = all(same(column[i], column[j]) for column in columns)
            assert (labels[i] == labels[j]) == equal
    # From 0, in the order of appearance.
    assert list(dict.fromkeys(labels.tolist())) == list(range(labels.max() + 1))


@given(data=st.data())
def test_moments_are_ranks_within_the_film(data):
    count = data.draw(st.integers(1, 20))
    trajectory = data.draw(hnp.arrays(np.int64, count, elements=st.integers(0, 3)))
    times = data.draw(hnp.arrays(np.float64, count, elements=VALUES))
    ranks = moment_labels(set_of(trajectory, time=times))
    assert ranks.dtype == np.int64
    for film in np.unique(trajectory):
        rows = [row for row in range(count) if trajectory[row] == film]
        ordered = sorted(rows, key=lambda row: (bool(np.isnan(times[row])), np.nan_to_num(times[row]), row))
        assert [int(ranks[row]) for row in ordered] == list(range(len(rows)))


def test_dryness_ranks_drying_films_and_time_all_others():
    columns = {"dryness": [0.9, 0.1, 0.5, 0.2], "time": [4.0, 3.0, 2.0, 1.0]}
    assert moment_labels(set_of([0] * 4, process="drying", **columns)).tolist() == [3, 0, 2, 1]
    assert moment_labels(set_of([0] * 4, process="annealing", **columns)).tolist() == [3, 2, 1, 0]
    assert moment_labels(set_of([0] * 4, process="drying", time=columns["time"])).tolist() == [3, 2, 1, 0]


@pytest.mark.parametrize("columns", [{}, {"time": ["b", "a", "d", "c"]}, {"time": [np.nan] * 4}])
def test_without_numbers_the_order_of_the_file_counts(columns):
    assert moment_labels(set_of([1, 0, 1, 0], **columns)).tolist() == [0, 0, 1, 1]


def test_frames_of_replicas_at_one_moment_share_their_label():
    recipes = {"chi": [3.0, 2.4, 3.0]}
    trajectory = np.repeat([0, 1, 2], 3)
    times = np.array([1.0, 2.0, 3.0, 1.5, 2.5, 3.5, 3.1, 1.1, 2.1])
    frame_set = set_of(trajectory, recipes=recipes, time=times)
    assert frame_labels(frame_set).tolist() == [0, 1, 2, 3, 4, 5, 2, 0, 1]


@given(data=st.data())
def test_frame_labels_are_the_pairs_of_recipe_and_moment(data):
    count = data.draw(st.integers(1, 16))
    trajectory = data.draw(hnp.arrays(np.int64, count, elements=st.integers(0, 2)))
    chi = data.draw(hnp.arrays(np.float64, 3, elements=VALUES))
    frame_set = set_of(trajectory, recipes={"chi": chi})
    pairs = list(zip(recipe_labels(frame_set)[trajectory], moment_labels(frame_set), strict=True))
    numbers = {pair: number for number, pair in enumerate(sorted(set(pairs)))}
    assert frame_labels(frame_set).tolist() == [numbers[pair] for pair in pairs]


@given(
    labels=st.lists(st.integers(0, 4), min_size=2, max_size=12).filter(lambda chi: len(set(chi)) > 1),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 5),
)
def test_whole_recipes_are_held_out(labels, share, seed):
    trajectory = np.repeat(np.arange(len(labels)), 2)
    frame_set = set_of(trajectory, recipes={"chi": np.array(labels, float)})
    training, held_out = split_by_recipe(frame_set, held_out=share, seed=seed)
    assert sorted([*training, *held_out]) == list(range(len(trajectory)))
    chi = frame_set.recipes["chi"][trajectory]
    assert not set(chi[training]) & set(chi[held_out])
    recipes = len(set(labels))
    assert len(set(chi[held_out])) == min(max(round(share * recipes), 1), recipes - 1)
    again = split_by_recipe(frame_set, held_out=share, seed=seed)
    assert (again[0] == training).all()
    assert (again[1] == held_out).all()


def test_recipes_without_frames_are_not_counted():
    frame_set = set_of([0, 0, 1], recipes={"chi": [2.0, 2.0, 3.0]})
    with pytest.raises(InputError, match="1 recipe can't be split"):
        split_by_recipe(frame_set, held_out=0.5, seed=0)
    with pytest.raises(InputError, match="held_out is 0"):
        split_by_recipe(set_of([0, 1]), held_out=0.0, seed=0)


def test_a_column_of_moments_is_taken_as_it_is() -> None:
    frames = np.zeros((4, 2, 3), np.uint8)
    columns = {"trajectory": np.array([0, 0, 1, 1]), "moment": np.array([1, 3, 3, 2])}
    frame_set = FrameSet(frames=frames, columns=columns, recipes={"chi": np.array([2.0, 2.0])})
    assert moment_labels(frame_set).tolist() == [1, 3, 3, 2]
    assert frame_labels(frame_set).tolist() == [0, 2, 2, 1]
