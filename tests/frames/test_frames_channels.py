"""Frames of several channels, one for each phase or material."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from morphsim.errors import InputError
from morphsim.frames import (
    FrameSet,
    animate,
    as_binary_frames,
    binarise,
    frame_strip,
    mirror,
    read_any,
    read_frame,
    read_frames,
    read_target_frames,
    resize,
    roll,
    to_rgb,
    write_frames,
)
from morphsim.frames.binary import one_channel
from morphsim.frames.store import frames_shape, merge_frames, read_rows

FRAMES = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=4, max_dims=4, max_side=5), elements=st.integers(0, 1)
)


def channelled(seed: int = 0, *, channels: int = 3, shape: tuple[int, int] = (6, 9)) -> FrameSet:
    rng = np.random.default_rng(seed)
    return FrameSet(
        frames=rng.integers(0, 2, (8, channels, *shape), dtype=np.uint8),
        columns={"trajectory": np.repeat([0, 1], 4), "time": rng.random(8)},
        recipes={"chi": np.array([2.0, 3.0])},
        boundary="periodic",
    )


def test_shape_and_channels(make_set):
    frame_set = channelled()
    assert (len(frame_set), frame_set.channels, frame_set.shape) == (8, 3, (6, 9))
    assert "8 frames of 6 x 9 in 3 channels" in repr(frame_set)
    assert (make_set().channels, make_set().shape) == (1, (6, 9))
    assert "channels" not in repr(make_set())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=FRAMES, data=st.data())
def test_what_is_written_is_read_again(tmp_path, frames, data):
    trajectory = data.draw(hnp.arrays(np.int64, len(frames), elements=st.integers(0, 2)))
    frame_set = FrameSet(
        frames=frames, columns={"trajectory": trajectory}, recipes={"chi": np.array([1.0, 2.0, np.nan])}
    )
    write_frames(tmp_path / "a.h5", frame_set)
    back = read_frames(tmp_path / "a.h5")
    np.testing.assert_array_equal(back.frames, frames)
    assert (back.channels, back.shape) == (frames.shape[1], frames.shape[2:])
    np.testing.assert_array_equal(back.trajectory, trajectory)
    assert frames_shape(tmp_path / "a.h5") == frames.shape
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["frames"].chunks == (1, *frames.shape[1:])
    rows = data.draw(st.lists(st.integers(0, len(frames) - 1), min_size=1, max_size=4))
    np.testing.assert_array_equal(read_rows(tmp_path / "a.h5", rows), frames[rows])
    np.testing.assert_array_equal(read_rows(tmp_path / "a.h5", None), frames)


def test_select_and_concatenate_keep_the_channels():
    one, other = channelled(1), channelled(2)
    joined = FrameSet.concatenate([one, other])
    assert joined.frames.shape == (16, 3, 6, 9)
    back = joined.select(np.arange(8, 16))
    np.testing.assert_array_equal(back.frames, other.frames)
    assert back.recipes["chi"].tolist() == [2.0, 3.0]


def test_only_equal_channels_are_joined(tmp_path, make_set):
    for other in (channelled(channels=2), channelled(channels=1)):
        with pytest.raises(InputError, match=r"\(8, \d, 6, 9\).*\(8, 3, 6, 9\)"):
            FrameSet.concatenate([channelled(), other])
    # A channel axis of length 1 differs from no channel axis.
    with pytest.raises(InputError, match=r"\(N, H, W\).*\(N, C, H, W\)"):
        FrameSet.concatenate([channelled(channels=1), make_set(units={})])


def test_merged_files_are_the_concatenation_or_refused(tmp_path, make_set):
    sets = [channelled(seed) for seed in range(3)]
    paths = [tmp_path / f"{number}.h5" for number in range(3)]
    for path, frame_set in zip(paths, sets, strict=True):
        write_frames(path, frame_set)
    merge_frames(tmp_path / "all.h5", paths)
    np.testing.assert_array_equal(read_frames(tmp_path / "all.h5").frames, FrameSet.concatenate(sets).frames)
    for odd in (channelled(channels=1), channelled(shape=(1, 9)), make_set(units={})):
        write_frames(tmp_path / "odd.h5", odd)
        with pytest.raises(InputError, match=r"odd.h5 holds frames of the shape"):
            merge_frames(tmp_path / "b.h5", [paths[0], tmp_path / "odd.h5"])
    assert not (tmp_path / "b.h5").exists()


def test_binary_frames_of_other_scales(tmp_path):
    frames = channelled().frames
    np.testing.assert_array_equal(as_binary_frames(255.0 * frames), frames)
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["frames"] = 255 * frames
    np.testing.assert_array_equal(read_frames(tmp_path / "foreign.h5").frames, frames)
    np.testing.assert_array_equal(binarise(frames.astype(float)), frames)


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3, 4, 5), (2, 0, 3, 4)])
def test_other_shapes_are_refused(tmp_path, shape):
    with pytest.raises(InputError, match=r"\(N, C, H, W\)|at least one pixel"):
        FrameSet(frames=np.zeros(shape, np.uint8), columns={"trajectory": np.zeros(shape[0], int)})
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = np.zeros(shape, np.uint8)
    with pytest.raises(InputError, match=r"\(N, C, H, W\)"):
        read_frames(tmp_path / "a.h5")


@given(frames=FRAMES, shift=st.integers(-9, 9))
def test_mirrored_and_rolled_channel_by_channel(frames, shift):
    for channel in range(frames.shape[1]):
        np.testing.assert_array_equal(mirror(frames)[:, channel], mirror(frames[:, channel]))
        np.testing.assert_array_equal(
            roll(frames, shift, boundary="periodic")[:, channel],
            roll(frames[:, channel], shift, boundary="periodic"),
        )


def test_functions_that_need_one_channel_report_the_shape(tmp_path):
    frame_set = channelled()
    write_frames(tmp_path / "a.h5", frame_set)
    shape = r"\(8, 3, 6, 9\)"
    with pytest.raises(InputError, match=f"a.h5: its frames have the shape {shape}"):
        read_target_frames(tmp_path / "a.h5")
    with pytest.raises(InputError, match=r"\(1, 3, 6, 9\)"):
        read_frame(f"{tmp_path / 'a.h5'}:2")
    with pytest.raises(InputError, match=shape):
        read_any(tmp_path / "a.h5")
    with pytest.raises(InputError, match=shape):
        animate(frame_set.frames, tmp_path / "a.gif")
    with pytest.raises(InputError, match=r"the shape \(3, 6, 9\)"):
        frame_strip(frame_set.frames, tmp_path / "a.png")
    with pytest.raises(InputError, match=shape):
        resize(frame_set.frames, (3, 4))
    assert to_rgb(frame_set.frames).shape == (8, 3, 6, 9, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_a_single_channel_axis_is_accepted(tmp_path):
    frame_set = channelled(channels=1)
    write_frames(tmp_path / "a.h5", frame_set)
    np.testing.assert_array_equal(read_target_frames(tmp_path / "a.h5"), frame_set.frames[:, 0])
    np.testing.assert_array_equal(read_frame(f"{tmp_path / 'a.h5'}:2"), frame_set.frames[2, 0])
    assert one_channel(frame_set.frames[:, 0]).base is frame_set.frames
    with pytest.raises(InputError, match=r"the shape \(6, 9\)"):
        one_channel(frame_set.frames[0, 0])
