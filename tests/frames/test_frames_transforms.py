from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from morphsim.errors import InputError
from morphsim.frames import binarise, mirror, resize, roll, split_by_trajectory

FRAMES = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=3, max_side=8), elements=st.integers(0, 1)
)


def smooth(seed: int, shape: tuple[int, int], *, count: int = 3) -> np.ndarray:
    """Frames of blobs whose size is about a twelfth of the height."""
    rng = np.random.default_rng(seed)
    field = np.fft.rfft2(rng.standard_normal((count, *shape)))
    size = shape[0] / 12
    z, x = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    field = np.fft.irfft2(field * np.exp(-2 * (np.pi * size) ** 2 * (z**2 + x**2)), s=shape)
    return (field > 0).astype(np.uint8)


@given(
    share=hnp.arrays(np.float32, (2, 3, 4), elements=st.floats(0, 1, width=32)), threshold=st.floats(0.1, 0.9)
)
def test_binarise_is_the_threshold(share, threshold):
    frames = binarise(share, threshold=threshold)
    assert frames.dtype == np.uint8
    np.testing.assert_array_equal(frames == 1, share >= threshold)


@pytest.mark.parametrize("threshold", [0.0, 1.0, -1, 2, float("nan")])
def test_thresholds_outside(threshold):
    with pytest.raises(InputError, match="threshold"):
        binarise(np.zeros((2, 2)), threshold=threshold)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_shares_that_are_not_numbers(value):
    with pytest.raises(InputError, match="NaN"):
        binarise(np.array([[0.0, value]]))
    with pytest.raises(InputError, match="numbers"):
        binarise(np.array([["a"]]))


@given(frames=FRAMES, shift=st.integers(-20, 20))
def test_mirror_and_roll_are_undone(frames, shift):
    np.testing.assert_array_equal(mirror(mirror(frames)), frames)
    np.testing.assert_array_equal(mirror(frames)[..., 0], frames[..., -1])
    rolled = roll(frames, shift, boundary="periodic")
    np.testing.assert_array_equal(roll(rolled, -shift, boundary="periodic"), frames)
    np.testing.assert_array_equal(rolled[..., shift % frames.shape[-1]], frames[..., 0])


def test_closed_films_are_not_rolled():
    with pytest.raises(InputError, match="no-flux"):
        roll(np.zeros((2, 2), np.uint8), 1, boundary="no-flux")


@given(frames=FRAMES, factors=st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_whole_factors_up_and_down_again(frames, factors):
    height, width = frames.shape[-2:]
    large = frames.repeat(factors[0], axis=-2).repeat(factors[1], axis=-1)
    np.testing.assert_array_equal(resize(large, (height, width)), frames)


@given(frames=FRAMES, shape=st.tuples(st.integers(1, 20), st.integers(1, 20)))
def test_resize_keeps_axes_symmetry_and_pure_films(frames, shape):
    small = resize(frames, shape)
    assert small.shape == (*frames.shape[:-2], *shape)
    assert small.dtype == np.uint8
    assert small.max() <= 1
    for value in (0, 1):
        assert (resize(np.full_like(frames, value), shape) == value).all()
    if frames.ndim == 3:
        np.testing.assert_array_equal(small[0], resize(frames[0], shape))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99))
@pytest.mark.parametrize("shape", [(101, 401), (60, 200), (99, 240), (150, 500), (120, 480), (50, 600)])
def test_resize_keeps_the_area_of_smooth_patterns(seed, shape):
    frames = smooth(seed, (120, 240))
    share = frames.mean((1, 2))
    np.testing.assert_allclose(resize(frames, shape).mean((1, 2)), share, atol=0.012)


def test_resize_there_and_back_changes_only_the_rim():
    frames = smooth(1, (100, 200))
    back = resize(resize(frames, (200, 333)), (100, 200))
    assert (back != frames).mean() < 0.01


def test_ties_favour_no_phase():
    stripes = np.tile(np.array([0, 1, 1, 0, 1, 0], np.uint8), (4, 5))
    assert resize(stripes, (4, 15)).mean() == pytest.approx(0.5, abs=0.2)
    np.testing.assert_array_equal(1 - resize(stripes, (4, 15)), resize(1 - stripes, (4, 15)))


@pytest.mark.parametrize("shape", [(0, 2), (2, -1), (2,)])
def test_shapes_without_pixels(shape):
    with pytest.raises(InputError, match="at least 1"):
        resize(np.zeros((3, 3), np.uint8), shape)
    with pytest.raises(InputError, match="H, W"):
        resize(np.zeros(3, np.uint8), (2, 2))


@given(
    trajectory=st.lists(st.integers(0, 9), min_size=2, max_size=60).filter(lambda films: len(set(films)) > 1),
    held_out=st.floats(0.01, 0.99),
    seed=st.integers(0, 5),
)
def test_no_film_is_on_both_sides(trajectory, held_out, seed):
    train, test = split_by_trajectory(trajectory, held_out=held_out, seed=seed)
    labels = np.array(trajectory)
    assert sorted([*train, *test]) == list(range(len(trajectory)))
    assert not set(labels[train]) & set(labels[test])
    assert len(train) and len(test)
    films = len(set(trajectory))
    assert abs(len(set(labels[test])) - held_out * films) <= 1
    again = split_by_trajectory(trajectory, held_out=held_out, seed=seed)
    np.testing.assert_array_equal(test, again[1])


def test_seeds_split_differently():
    films = np.arange(50)
    assert split_by_trajectory(films, seed=0)[1].tolist() != split_by_trajectory(films, seed=1)[1].tolist()


@pytest.mark.parametrize(
    ("trajectory", "held_out"),
    [([0, 0], 0.5), ([], 0.5), ([0, 1], 0.0), ([0, 1], 1.0), ([0, 1], float("nan"))],
)
def test_splits_that_can_not_be(trajectory, held_out):
    with pytest.raises(InputError):
        split_by_trajectory(trajectory, held_out=held_out, seed=0)
    with pytest.raises(InputError):
        split_by_trajectory([[0, 1]], seed=0)
