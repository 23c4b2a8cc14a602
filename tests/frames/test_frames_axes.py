from __future__ import annotations

import h5py
import numpy as np
import pytest
from PIL import Image

from morphsim.encoder import TrainingConfig
from morphsim.encoder.training.data import split_frames
from morphsim.errors import FrameWarning, InputError
from morphsim.frames import FrameSet, read_any, read_frames, read_target_frames, write_frames
from morphsim.frames.axes import channels_first, one_grey_channel
from morphsim.frames.store import frames_shape, read_rows

FRAMES = np.random.default_rng(0).integers(0, 2, (5, 8, 12), np.uint8)


def save(path, values):
    if path.suffix == ".npz":
        np.savez(path, frames=values)
    elif path.suffix == ".npy":
        np.save(path, values)
    else:
        with h5py.File(path, "w") as file:
            file["frames"] = values


@pytest.mark.parametrize("kind", ["npy", "npz", "h5"])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (FRAMES[..., None], FRAMES),
        (FRAMES[:, None] * 255, FRAMES),
        (FRAMES[0, :, :, None], FRAMES[:1]),
        (FRAMES[..., None] * 0.8, FRAMES),
        (np.repeat(FRAMES[..., None] * 255, 3, axis=-1), FRAMES),
        (np.insert(np.repeat(FRAMES[0, ..., None] * 255, 3, axis=-1), 3, 255, axis=-1), FRAMES[:1]),
        (np.repeat(FRAMES[:, None].astype(int) * 255, 3, axis=1), FRAMES),
        # Two colours, of which both are bright: the brighter is the donor.
        (np.array([[250, 190, 70], [255, 255, 255]], np.uint8)[FRAMES], FRAMES),
        # Narrow frames of 3 columns rather than colours.
        (FRAMES[..., :3], FRAMES[..., :3]),
        (FRAMES[:, :3, :4] * 255, FRAMES[:, :3, :4]),
    ],
)
def test_channels_last_and_colours_in_arrays(tmp_path, kind, values, expected):
    save(tmp_path / f"a.{kind}", values)
    np.testing.assert_array_equal(read_any(tmp_path / f"a.{kind}").frames, expected)


@pytest.mark.parametrize(
    "values",
    [
        FRAMES[:, :4, :3, None].swapaxes(1, 3) * 255,
        np.zeros((5, 3, 8, 4), np.uint8),
        np.random.default_rng(0).random((8, 12, 3)),
        np.random.default_rng(0).random((5, 8, 12, 3)),
        np.repeat(FRAMES[..., None], 3, axis=-1),
        # A mask in grey that was saved with its colours.
        np.repeat(FRAMES[0, ..., None], 3, axis=-1),
        np.repeat(FRAMES[0, ..., None], 4, axis=-1) == 1,
        np.repeat(FRAMES[:, None], 2, axis=1),
        np.zeros((2, 2, 8, 12, 1), np.uint8),
    ],
)
def test_axes_that_can_be_read_in_two_ways_are_refused(tmp_path, values):
    save(tmp_path / "a.npy", values)
    with pytest.raises(InputError, match="shape"):
        read_any(tmp_path / "a.npy")


def test_sets_of_other_programs_have_channels_last(tmp_path):
    save(tmp_path / "keras.h5", FRAMES[..., None])
    np.testing.assert_array_equal(read_frames(tmp_path / "keras.h5").frames, FRAMES)
    np.testing.assert_array_equal(read_rows(tmp_path / "keras.h5", [3, 1]), FRAMES[[3, 1]])
    np.testing.assert_array_equal(read_target_frames(f"{tmp_path}/keras.h5:2"), FRAMES[2:3])
    assert frames_shape(tmp_path / "keras.h5") == FRAMES.shape
    two = np.stack([FRAMES, 1 - FRAMES], axis=-1)
    save(tmp_path / "two.h5", two)
    np.testing.assert_array_equal(read_frames(tmp_path / "two.h5").frames, np.moveaxis(two, -1, 1))
    assert frames_shape(tmp_path / "two.h5") == (5, 2, 8, 12)


@pytest.mark.parametrize("shape", [(5, 8, 1), (5, 3, 8, 2), (5, 32, 64, 32)])
def test_sets_of_unclear_axes_are_refused(tmp_path, shape):
    save(tmp_path / "a.h5", np.zeros(shape, np.uint8))
    for read in (read_frames, frames_shape, lambda path: read_rows(path, None)):
        with pytest.raises(InputError, match=r"the frames have the shape"):
            read(tmp_path / "a.h5")


def test_unambiguous_shapes_are_kept():
    for shape in [(5, 8, 12), (5, 1, 8, 12), (5, 2, 8, 12), (5, 1, 8, 1), (5, 1, 8, 3)]:
        assert channels_first(np.zeros(shape, np.uint8), own=False).shape == shape
    for shape in [(5, 8, 1), (5, 40, 8, 1), (5, 3, 8, 4)]:
        assert channels_first(np.zeros(shape, np.uint8), own=True).shape == shape
    for shape in [(8, 12), (5, 8, 12), (1, 8, 12), (8, 3), (0, 3)]:
        assert one_grey_channel(np.zeros(shape)).shape == shape


def test_colours_in_arrays_are_those_of_images(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    save(tmp_path / "a.npy", picture)
    Image.fromarray(picture).save(tmp_path / "a.png")
    with pytest.warns(FrameWarning, match="luminance"):
        found = [read_any(tmp_path / name).frames for name in ("a.npy", "a.png")]
    np.testing.assert_array_equal(*found)
    np.testing.assert_array_equal(found[0][0], np.asarray(Image.fromarray(picture).convert("L")) >= 128)


def test_frames_of_one_column_train_nothing(tmp_path):
    frames = np.random.default_rng(0).integers(0, 2, (6, 9, 1), np.uint8)
    frame_set = FrameSet(frames=frames, columns={"trajectory": np.arange(6)})
    config = TrainingConfig(frames=tmp_path / "a.h5", out=tmp_path / "encoder")
    with pytest.raises(InputError, match=r"are 9 x 1 pixels in 1 channels"):
        split_frames(config, frame_set)


def test_a_set_of_one_phase_is_warned_of_before_a_training(tmp_path):
    frame_set = FrameSet(frames=np.zeros((6, 8, 9), np.uint8), columns={"trajectory": np.arange(6)})
    config = TrainingConfig(frames=tmp_path / "a.h5", out=tmp_path / "encoder")
    with pytest.warns(FrameWarning, match=r"a\.h5: every pixel is acceptor"):
        split_frames(config, frame_set)


def test_a_grey_picture_of_0_and_1_is_not_taken_for_narrow_frames(tmp_path):
    picture = np.repeat(FRAMES[0, ..., None], 3, axis=-1)
    save(tmp_path / "a.h5", picture)
    for read in (read_frames, read_any, lambda path: read_rows(path, None)):
        with pytest.raises(InputError, match="equal colours"):
            read(tmp_path / "a.h5")
    # morphsim's own narrow films may have flat layers.
    write_frames(tmp_path / "own.h5", FrameSet(frames=picture, columns={"trajectory": np.zeros(8, np.int64)}))
    np.testing.assert_array_equal(read_any(tmp_path / "own.h5").frames, picture)
    np.testing.assert_array_equal(read_frames(tmp_path / "own.h5").frames, picture)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_pictures_are_read_as_viewers_turn_them(tmp_path, suffix):
    tags = Image.Exif()
    # After transposition the first row is the right side.
    tags[0x0112] = 6
    Image.fromarray(FRAMES[0] * 255).save(tmp_path / f"a.{suffix}", exif=tags, quality=100)
    np.testing.assert_array_equal(read_any(tmp_path / f"a.{suffix}").frames[0], np.rot90(FRAMES[0], -1))
