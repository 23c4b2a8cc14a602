from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.frames import FrameSet, as_binary_frames


def test_shape_length_and_trajectories(make_set):
    frame_set = make_set()
    assert (len(frame_set), frame_set.shape, frame_set.trajectories) == (12, (6, 9), 3)
    assert frame_set.trajectory.dtype == np.int64
    assert "12 frames of 6 x 9" in repr(frame_set)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"frames": np.zeros((12, 6, 9), np.float32)}, "uint8"),
        ({"frames": np.zeros((12, 6), np.uint8)}, "N, H, W"),
        ({"frames": [[0]]}, "uint8"),
        ({"frames": np.zeros((0, 6, 9), np.uint8)}, "at least one"),
        ({"frames": np.full((12, 6, 9), 2, np.uint8)}, "value 2"),
        ({"columns": {}}, "trajectory"),
        ({"columns": {"trajectory": np.zeros(5, int)}}, r"\(12,\)"),
        ({"columns": {"trajectory": np.zeros(12)}}, "integers"),
        ({"columns": {"trajectory": np.full(12, -1)}}, "count from 0"),
        ({"columns": {"trajectory": np.full(12, 3)}}, "no recipe"),
        ({"columns": {"trajectory": np.zeros(12, int), "time": np.full(12, np.inf)}}, "infinite"),
        ({"columns": {"trajectory": np.zeros(12, int), "frames": np.zeros(12)}}, "named 'frames'"),
        ({"columns": {"trajectory": np.zeros(12, int), "a/b": np.zeros(12)}}, "named"),
        ({"columns": {"trajectory": np.zeros(12, int), "time": np.full(12, None)}}, "object"),
        ({"recipes": {"chi": np.zeros(3), "kappa": np.zeros(2)}}, "differ in length"),
        ({"recipes": {"chi": np.float64(1.0)}}, "differ in length"),
        ({"process": "boiling"}, "boiling"),
        ({"boundary": "open"}, "open"),
        ({"threshold": 1.0}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
    ],
)
def test_what_does_not_fit_is_refused(make_set, changes, words):
    with pytest.raises(InputError, match=words):
        make_set(**changes)


def test_select_keeps_each_frame_with_its_recipe(make_set):
    frame_set = make_set()
    chosen = frame_set.select([11, 4, 8])
    assert chosen.trajectory.tolist() == [1, 0, 1]
    assert chosen.recipes["chi"].tolist() == [3.0, 4.0]
    assert (chosen.frames == frame_set.frames[[11, 4, 8]]).all()
    assert chosen.columns["source"].tolist() == ["frame é 11", "frame é 4", "frame é 8"]
    mask = frame_set.trajectory == 1
    assert len(frame_set.select(mask)) == 4


@pytest.mark.parametrize("indices", [[], [12], [-1], [0.5], [[0]], np.zeros(3, bool), np.zeros(12, bool)])
def test_select_refuses_bad_indices(make_set, indices):
    with pytest.raises(InputError):
        make_set().select(indices)


@given(data=st.data())
def test_select_of_a_concatenation_gives_the_parts_back(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    sets = []
    for films in data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)):
        trajectory = np.repeat(np.arange(films), 2)
        sets.append(
            FrameSet(
                frames=rng.integers(0, 2, (2 * films, 3, 4), dtype=np.uint8),
                columns={"trajectory": trajectory, "time": rng.random(2 * films)},
                recipes={"chi": rng.random(films)},
            )
        )
    joined = FrameSet.concatenate(sets)
    assert joined.trajectories == sum(part.trajectories for part in sets)
    start = 0
    for part in sets:
        back = joined.select(np.arange(start, start + len(part)))
        start += len(part)
        assert (back.frames == part.frames).all()
        assert (back.trajectory == part.trajectory).all()
        assert (back.recipes["chi"] == part.recipes["chi"]).all()


def test_concatenate_fills_unknown_values_and_keeps_the_safe_boundary(make_set):
    other = make_set(
        process="annealing",
        boundary="no-flux",
        recipes={"width": np.ones(3)},
        columns={"trajectory": np.repeat(np.arange(3), 4), "seed": np.arange(12)},
    )
    joined = FrameSet.concatenate([make_set(), other])
    assert (joined.process, joined.boundary, joined.trajectories) == ("unknown", "no-flux", 6)
    assert np.isnan(joined.recipes["chi"][3:]).all()
    assert joined.recipes["mobility"][3:].tolist() == ["", "", ""]
    assert np.isnan(joined.columns["seed"][:12]).all()
    assert joined.columns["seed"][12:].tolist() == list(range(12))


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": (6, 8)},
        {"threshold": 0.4},
        {"units": {"time": "ms"}},
        {"recipes": {"chi": np.array(["a", "b", "c"])}},
    ],
)
def test_concatenate_refuses_sets_that_do_not_match(make_set, changes):
    with pytest.raises(InputError):
        FrameSet.concatenate([make_set(), make_set(**changes)])
    with pytest.raises(InputError, match="nothing"):
        FrameSet.concatenate([])


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.uint16, np.float32])
def test_binary_frames_of_any_type_become_uint8(dtype):
    frames = np.array([[[0, 1], [1, 0]]])
    for scale in (1, 1 if dtype is bool else 255):
        result = as_binary_frames((frames * scale).astype(dtype))
        assert result.dtype == np.uint8
        assert (result == frames).all()


@pytest.mark.parametrize(
    "values", [[0, 1, 255], [0, 128, 255], [0.0, 0.5, 1.0], [0.0, np.nan, 1.0], [-1, 0, 1], [0, 2]]
)
def test_anything_between_is_refused(values):
    with pytest.raises(InputError, match="holds the value"):
        as_binary_frames(np.array(values))


def test_texts_and_complex_numbers_are_not_frames():
    for values in (np.array(["0"]), np.array([1j])):
        with pytest.raises(InputError, match="numbers 0 and 1"):
            as_binary_frames(values)
