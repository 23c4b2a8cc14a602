"""Frames of another shape keep their proportions, and lengths stay known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.frames import Preparation, read_notes, read_target_frames
from morphsim.frames.aspect import resize_parts, tiles, window
from morphsim.frames.binarisation import Binarisation, stated_binarisation
from tests.frames.micrographs import pattern

SIDES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(SIDES, SIDES)
def test_a_window_has_the_right_proportions_and_is_the_largest(size, shape):
    height, width = window(size, shape)
    assert 1 <= height <= size[0] and 1 <= width <= size[1]
    assert height == size[0] or width == size[1]
    # To half a pixel, or as narrow as possible.
    exact = (width * shape[0] / shape[1], height * shape[1] / shape[0])
    assert abs(height - exact[0]) <= 0.5 or abs(width - exact[1]) <= 0.5 or 1 in (height, width)


@given(SIDES, SIDES)
def test_tiles_do_not_overlap_and_leave_less_than_a_tile(size, shape):
    covered = np.zeros(size, int)
    parts = tiles(size, shape, "tile")
    for part in parts:
        assert covered[part].shape == window(size, shape)
        covered[part] += 1
    assert covered.max() == 1
    assert (covered == 0).sum() * (len(parts) + 1) < covered.size + len(parts) * (covered == 0).sum()
    (centre,) = tiles(size, shape, "crop")
    for side, kept in zip(size, centre, strict=True):
        assert abs(kept.start - (side - kept.stop)) <= 1
    assert tiles(size, shape, "stretch") == [(slice(0, size[0]), slice(0, size[1]))]


@settings(max_examples=40, deadline=None)
@given(SIDES, st.integers(1, 3), st.integers(0, 99))
def test_tiles_of_whole_pixels_are_the_parts_themselves(shape, count, seed):
    frames = np.random.default_rng(seed).integers(0, 2, (2, shape[0] * count, shape[1]), np.uint8)
    found = resize_parts(frames, shape, "tile")
    np.testing.assert_array_equal(found, frames.reshape(2 * count, *shape))


def test_domains_are_not_squashed(tmp_path, run):
    """Discs stay round unless they are to be stretched."""
    rows, columns = np.mgrid[:120, :120]
    disc = ((rows - 60) ** 2 + (columns - 60) ** 2 < 25**2).astype(np.uint8)
    np.save(tmp_path / "source" / "disc.npy", disc)
    sides = {}
    for aspect in ("crop", "tile", "stretch"):
        _, found = run(shape=(40, 80), aspect=aspect, overwrite=True)
        sides[aspect] = [found.frames.any(axis=(0, axis)).sum() for axis in (2, 1)]
        assert len(found) == (2 if aspect == "tile" else 1)
    assert sides["crop"][0] == pytest.approx(sides["crop"][1], abs=1)
    assert sides["stretch"][1] == pytest.approx(2 * sides["stretch"][0], abs=2)
    # The default is to crop.
    _, found = run(shape=(40, 80), overwrite=True)
    assert [found.frames.any(axis=(0, axis)).sum() for axis in (2, 1)] == sides["crop"]
    with pytest.raises(InputError, match="squash"):
        run(shape=(40, 80), aspect="squash", overwrite=True)


def test_tiles_of_one_picture_belong_to_one_film(tmp_path, run):
    for number in range(2):
        np.save(tmp_path / "source" / f"{number}.npy", pattern((64, 32), 3, number))
    report, found = run(shape=(16, 32), aspect="tile", overwrite=True)
    assert (report.frames, report.trajectories) == (8, 1)
    assert found.columns["tile"].tolist() == [0, 1, 2, 3] * 2
    np.testing.assert_array_equal(found.frames[4:].reshape(64, 32), pattern((64, 32), 3, 1))


def test_the_size_of_a_pixel_is_stored(tmp_path, run):
    np.save(tmp_path / "source" / "a.npy", pattern((120, 200), 5, 0))
    _, found = run(pixel_size=2.0)
    assert found.units == {"pixel_height": "nm", "pixel_width": "nm"}
    assert found.columns["pixel_height"].tolist() == found.columns["pixel_width"].tolist() == [2.0]
    _, found = run(pixel_size=2.0, mask="0,0,40,120", shape=(30, 60), overwrite=True)
    # 160 x 120 pixels are left, of which 160 x 80 have the right proportions.
    assert found.columns["pixel_width"] == pytest.approx([160 * 2.0 / 60])
    assert found.columns["pixel_height"] == pytest.approx([80 * 2.0 / 30])
    _, found = run(pixel_size=2.0, shape=(30, 60), aspect="stretch", transpose=True, overwrite=True)
    assert found.columns["pixel_width"] == pytest.approx([120 * 2.0 / 60])
    assert found.columns["pixel_height"] == pytest.approx([200 * 2.0 / 30])
    # They follow the frames into another import.
    _, again = run(source=tmp_path / "out.h5", out=tmp_path / "again.h5", shape=(15, 30))
    assert again.columns["pixel_width"] == pytest.approx([2 * 120 * 2.0 / 60])
    with pytest.raises(InputError, match="positive length in nm"):
        run(pixel_size=0.0, overwrite=True)


def test_targets_get_the_crop_and_the_steps_of_the_import(tmp_path, run):
    picture = np.random.default_rng(0).random((40, 60)) + pattern((40, 60), 3, 0)
    np.save(tmp_path / "source" / "a.npy", picture)
    options = {"shape": (20, 20), "mask": "0,30,60,10", "flatten": "plane", "denoise": 3}
    report, found = run(**options, threshold="otsu", invert=True)
    assert report.warnings == ()
    made = stated_binarisation(read_notes(report.out), found.threshold)
    assert (made.threshold, made.invert, made.original_shape, made.aspect) == (0.5, True, (30, 60), "crop")
    assert (made.preparation.mask, made.preparation.rule) == ((0, 30, 60, 10), "otsu")
    assert Binarisation.from_dict(made.to_dict()) == made
    target = made.fit(read_target_frames(tmp_path / "source" / "a.npy", binarisation=made), (20, 20))
    np.testing.assert_array_equal(target, found.frames)
    # A fixed threshold replaces the rule.
    changed = made.changed(threshold=0.7, invert=None)
    assert (changed.threshold, changed.preparation.rule, changed.invert) == (0.7, None, True)


def test_pictures_of_an_environment_are_prepared_but_not_cropped():
    frame = pattern((40, 60), 4, 0)
    tilt = np.linspace(-60, 60, 60)
    picture = (110 + 40 * frame.astype(float) + tilt).astype(np.uint8)
    steps = Preparation(mask=(0, 0, 60, 5), flatten="plane", rule="otsu")
    made = Binarisation(preparation=steps)
    assert (made.cut(picture) == frame).mean() > 0.97
    assert (Binarisation().cut(picture) == frame).mean() < 0.8
    np.testing.assert_array_equal(made.cut(np.stack([picture, picture]))[1], made.cut(picture))
    np.testing.assert_array_equal(made.cut(frame), frame)
    # A single value shows no two levels: one half decides.
    assert (
        made.cut(np.full((4, 5), 200, np.uint8)).all() and not made.cut(np.full((4, 5), 50, np.uint8)).any()
    )
