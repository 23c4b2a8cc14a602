"""Micrographs become two phases: crop, flatten, denoise, and thresholds found by a rule."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from morphsim.errors import FrameWarning, InputError
from morphsim.frames import Preparation, read_any
from morphsim.frames.preparation import otsu, read_mask, without_plane, without_row_offsets
from morphsim.frames.scale_bar import find_bar
from tests.frames.micrographs import afm_phase, agreement, height_map, pattern, place, sem, tem

FRAME = pattern((120, 160), 5, 0)
STEPS = {
    "afm": Preparation(flatten="rows", denoise=3, rule="otsu"),
    "tem": Preparation(mask="bar", flatten="plane", denoise=5, rule="otsu"),
    "heights": Preparation(flatten="plane", denoise=3, rule="otsu"),
}
SMALL = arrays(np.float64, st.tuples(st.integers(2, 9), st.integers(2, 9)), elements=st.floats(-1e3, 1e3))


def save(folder, name):
    """A micrograph of FRAME in a file."""
    if name == "afm":
        np.savetxt(folder / "afm.csv", afm_phase(FRAME, 1), delimiter=",")
        return folder / "afm.csv"
    if name == "tem":
        Image.fromarray(tem(FRAME, 2)).save(folder / "tem.png")
        return folder / "tem.png"
    np.save(folder / "heights.npy", height_map(FRAME, 3))
    return folder / "heights.npy"


@pytest.mark.parametrize("name", STEPS)
def test_the_pattern_of_a_micrograph_is_found(tmp_path, name):
    found = read_any(save(tmp_path, name), preparation=STEPS[name]).frames[0]
    wanted = FRAME[: len(found)]
    assert len(wanted) > 0.75 * len(FRAME)
    assert agreement(found, wanted) > 0.96
    # Without the steps the tilt, not the pattern, decides.
    with_rule = Preparation(rule="otsu")
    assert agreement(read_any(save(tmp_path, name), preparation=with_rule).frames[0], FRAME) < 0.85


@pytest.mark.parametrize("name", ["afm", "tem"])
def test_inversion_exchanges_the_phases(tmp_path, name):
    path = save(tmp_path, name)
    frames = [read_any(path, preparation=STEPS[name], invert=invert).frames for invert in (False, True)]
    # A value at the threshold itself is donor both times.
    assert (frames[0] != frames[1]).mean() > 0.999


def test_steps_leave_pictures_of_two_values_as_they_are(tmp_path):
    np.save(tmp_path / "a.npy", FRAME)
    Image.fromarray(FRAME * 255).save(tmp_path / "a.png")
    for name in ("a.npy", "a.png"):
        for flatten in ("plane", "rows"):
            steps = Preparation(flatten=flatten, rule="median")
            np.testing.assert_array_equal(read_any(tmp_path / name, preparation=steps).frames[0], FRAME)
    speckled = FRAME ^ (np.random.default_rng(0).random(FRAME.shape) < 0.03).astype(np.uint8)
    np.save(tmp_path / "b.npy", speckled)
    cleaned = read_any(tmp_path / "b.npy", preparation=Preparation(denoise=5)).frames[0]
    assert agreement(cleaned, FRAME) > agreement(speckled, FRAME) + 0.01


@settings(deadline=None, max_examples=60)
@given(SMALL, st.floats(-50, 50), st.floats(-50, 50), st.floats(-50, 50))
def test_a_plane_is_removed_exactly_and_once(picture, offset, down, across):
    rows, columns = place(picture.shape)
    tilted = picture + offset + down * rows + across * columns
    level = without_plane(picture)
    np.testing.assert_allclose(without_plane(tilted), level + (tilted.mean() - picture.mean()), atol=1e-8)
    np.testing.assert_allclose(without_plane(level), level, atol=1e-9)
    assert level.mean() == pytest.approx(picture.mean(), abs=1e-9)
    # Least squares: the rest is orthogonal to both slopes.
    for slope in (rows - rows.mean(), columns - columns.mean()):
        assert abs((slope * level).sum()) < 1e-6


@settings(deadline=None, max_examples=60)
@given(SMALL, st.integers(0, 2**31))
def test_offsets_of_rows_don_t_change_the_result(picture, seed):
    offsets = np.random.default_rng(seed).normal(0, 100, len(picture))
    level = without_row_offsets(picture)
    shifted = without_row_offsets(picture + (offsets - offsets.mean())[:, None])
    np.testing.assert_allclose(shifted, level, atol=1e-9)
    np.testing.assert_allclose(np.median(np.diff(level, axis=0), axis=1), 0, atol=1e-9)


def test_rows_of_one_phase_are_not_lost():
    """The median of each row would turn a layer into the level of the other rows."""
    picture = np.zeros((40, 60))
    picture[10:20, :40] = 1.0
    offsets = np.random.default_rng(0).normal(0, 5, 40)
    level = without_row_offsets(picture + offsets[:, None])
    # Where most of a row changes phase, so does the level: only smooth layers can be told from an offset.
    assert np.ptp(level[10:20, :40] - level[10:20, 40:].mean()) < 1e-9
    assert level[15, 0] - level[15, 59] == pytest.approx(1.0)


@given(arrays(np.float64, st.integers(2, 60), elements=st.integers(-(10**6), 10**6)), st.integers(-30, 30))
def test_otsu_separates_and_scales(values, power):
    threshold = otsu(values)
    if values.min() < values.max():
        assert values.min() < threshold <= values.max()
    # Powers of two round nothing.
    assert otsu(values * 2.0**power) == threshold * 2.0**power


def test_otsu_maximises_the_variance_between_classes():
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(0, 1, 3000), random.normal(6, 1, 1000)])

    def between(cut):
        low, high = values[values < cut], values[values >= cut]
        return len(low) * len(high) * (low.mean() - high.mean()) ** 2

    best = max(map(between, np.linspace(values.min() + 0.1, values.max(), 500)))
    assert between(otsu(values)) > 0.999 * best
    # Equally good cuts lie between two levels.
    assert otsu(np.array([2.0, 2.0, 10.0])) == pytest.approx(6.0, abs=0.1)


def test_half_of_the_pixels_are_donor_by_the_median(tmp_path):
    np.save(tmp_path / "a.npy", np.stack([height_map(FRAME, 3), 2 * height_map(FRAME, 4)]))
    frames = read_any(tmp_path / "a.npy", preparation=Preparation(rule="median")).frames
    # Each picture has a threshold of its own.
    assert frames.mean(axis=(1, 2)) == pytest.approx([0.5, 0.5], abs=0.001)


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_the_largest_rectangle_free_of_the_mask_is_kept(data):
    height, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    across, down = data.draw(st.integers(1, 14)), data.draw(st.integers(1, 14))
    pictures = np.arange(height * width).reshape(1, height, width)
    steps = Preparation(mask=(x, y, across, down))
    masked = set(pictures[0, y : y + down, x : x + across].ravel().tolist())
    best = max(
        y * width,
        max(0, height - y - down) * width,
        x * height,
        max(0, width - x - across) * height,
    )
    if best == 0:
        with pytest.raises(InputError, match="leaves nothing"):
            steps.crop(pictures)
        return
    kept = steps.crop(pictures)
    assert kept.size == best
    assert not masked & set(kept.ravel().tolist())
    # It is a rectangle of the picture.
    start = int(kept.flat[0])
    rows, columns = start // width, start % width
    wanted = pictures[:, rows : rows + kept.shape[1], columns : columns + kept.shape[2]]
    np.testing.assert_array_equal(kept, wanted)


@pytest.mark.parametrize("quality", [None, 85])
def test_bars_at_the_bottom_are_found(tmp_path, quality):
    name = "a.png" if quality is None else "a.jpg"
    options = {} if quality is None else {"quality": quality}
    Image.fromarray(sem(FRAME, 0, rows=30)).save(tmp_path / name, **options)
    found = read_any(tmp_path / name, preparation=Preparation(mask="bar", rule="otsu")).frames
    # JPEG mixes the line above the bar with the picture.
    assert found.shape == (1, 120 if quality is None else found.shape[1], 160)
    assert 118 <= found.shape[1] <= 122
    Image.fromarray(tem(FRAME, 0)).save(tmp_path / name, **options)
    found = read_any(tmp_path / name, preparation=Preparation(mask="bar", rule="otsu")).frames
    # The bar and its text, which starts 27 pixels above the edge.
    assert 85 <= found.shape[1] <= 95 and found.shape[2] == 160
    dark = 255 - tem(FRAME, 0)
    Image.fromarray(dark).save(tmp_path / name, **options)
    assert read_any(tmp_path / name, preparation=Preparation(mask="bar", rule="otsu")).shape[0] <= 95


@settings(deadline=None, max_examples=80)
@given(
    arrays(
        st.sampled_from([np.uint8, np.int16, np.float32]),
        st.tuples(st.integers(1, 24), st.integers(1, 24)),
        elements=st.sampled_from([0, 1, 100, 127]),
    )
)
def test_bars_lie_in_the_lowest_third_of_any_picture(picture):
    found = find_bar(picture)
    if found is not None:
        x, y, width, height = found
        assert x >= 0 and x + width <= picture.shape[1]
        assert y >= 0 and y + height <= picture.shape[0]
        # With the line above a data bar, and the margin around a scale bar.
        assert y >= 2 / 3 * len(picture) - 4


def test_a_picture_without_a_bar_is_kept_and_warned_of(tmp_path):
    Image.fromarray(tem(FRAME, 0, bar=False)).save(tmp_path / "a.png")
    with pytest.warns(FrameWarning, match="no scale bar or data bar .* --mask X,Y,WIDTH,HEIGHT"):
        assert read_any(tmp_path / "a.png", preparation=Preparation(mask="bar")).shape == (120, 160)


def test_a_layer_is_not_taken_for_a_data_bar(tmp_path):
    """A film of two phases whose donor covers the substrate."""
    layers = FRAME.copy()
    layers[100:] = 1
    np.save(tmp_path / "a.npy", layers)
    with pytest.warns(FrameWarning, match="two values"):
        found = read_any(tmp_path / "a.npy", preparation=Preparation(mask="bar")).frames[0]
    np.testing.assert_array_equal(found, layers)
    # A given rectangle is left out of any picture.
    found = read_any(tmp_path / "a.npy", preparation=Preparation(mask=(0, 100, 160, 20))).frames[0]
    np.testing.assert_array_equal(found, FRAME[:100])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"flatten": "parabola"}, "parabola"),
        ({"rule": "mean"}, "mean"),
        ({"denoise": 4}, "odd"),
        ({"denoise": 1}, "at least 3"),
        ({"denoise": 1001}, "at most"),
        ({"mask": (0, 0, 0, 4)}, "at least 1"),
        ({"mask": (0, 0, 4)}, "width and height"),
        ({"mask": "top"}, "bar"),
    ],
)
def test_bad_steps(options, words):
    with pytest.raises(InputError, match=words):
        Preparation(**options)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,x", "-1,0,3,4", "", "0,0,0,3", "1 2 3 4", "²,0,3,4"])
def test_masks_that_are_none(text):
    with pytest.raises(InputError, match="mask"):
        read_mask(text)


def test_a_mask_outside_the_picture(tmp_path):
    np.save(tmp_path / "a.npy", FRAME)
    with pytest.raises(InputError, match="lies outside its 160 x 120 pixels"):
        read_any(tmp_path / "a.npy", preparation=Preparation(mask=(160, 0, 3, 3)))


@given(
    st.builds(
        Preparation,
        mask=st.none() | st.just("bar") | st.tuples(*[st.integers(1, 2**31 - 1)] * 4),
        flatten=st.sampled_from([None, "plane", "rows"]),
        denoise=st.sampled_from([None, 3, 51]),
        rule=st.sampled_from([None, "otsu", "median"]),
    )
)
def test_steps_survive_json(steps):
    assert Preparation.from_dict(json.loads(json.dumps(steps.to_dict()))) == steps


@pytest.mark.parametrize("values", [None, [], {"blur": 3}, {"mask": [1]}, {"denoise": "3"}, {"mask": {}}])
def test_broken_steps_are_refused(values):
    with pytest.raises(InputError):
        Preparation.from_dict(values)
