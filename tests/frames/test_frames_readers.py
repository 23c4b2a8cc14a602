"""Files of every kind are read as frames, or refused with a reason."""

from __future__ import annotations

from contextlib import nullcontext

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from morphsim.errors import FrameWarning, InputError
from morphsim.frames import (
    read_any,
    read_target_frames,
)
from tests.frames.frames_helpers import FRAME, text_of

MODES = {
    **{suffix: ["1", "L", "RGB", "P", "RGBA", "LA"] for suffix in ("png", "tif", "gif")},
    "bmp": ["1", "L", "RGB", "P"],
}


@pytest.mark.parametrize(("suffix", "mode"), [(suffix, mode) for suffix in MODES for mode in MODES[suffix]])
def test_image_kinds_without_loss(tmp_path, suffix, mode):
    Image.fromarray(FRAME * 255).convert(mode).save(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(read_any(tmp_path / f"a.{suffix}").frames, FRAME[None])


def test_jpeg_colour_and_depth(tmp_path):
    large = FRAME.repeat(16, axis=0).repeat(16, axis=1)
    Image.fromarray(large * 255).save(tmp_path / "a.jpg", quality=90)
    np.testing.assert_array_equal(read_any(tmp_path / "a.jpg").frames[0], large)
    colours = np.array([[20, 40, 120], [250, 200, 80]], np.uint8)[FRAME]
    Image.fromarray(colours).save(tmp_path / "colour.png")
    np.testing.assert_array_equal(read_any(tmp_path / "colour.png").frames[0], FRAME)
    Image.fromarray((20000 + 20000 * FRAME.astype(np.uint16)).astype(np.uint16)).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read_any(tmp_path / "deep.png").frames[0], FRAME)
    with pytest.warns(FrameWarning, match="every pixel is acceptor"):
        np.testing.assert_array_equal(read_any(tmp_path / "deep.png", threshold=0.7).frames[0], 0 * FRAME)
    Image.fromarray(FRAME.astype(np.int32) * (2**31 - 1)).save(tmp_path / "deeper.tif")
    np.testing.assert_array_equal(read_any(tmp_path / "deeper.tif").frames[0], FRAME)
    Image.fromarray(FRAME.astype(np.float32) * 0.8).save(tmp_path / "float.tif")
    np.testing.assert_array_equal(read_any(tmp_path / "float.tif").frames[0], FRAME)
    Image.fromarray(FRAME).save(tmp_path / "labels.png")
    np.testing.assert_array_equal(read_any(tmp_path / "labels.png").frames[0], FRAME)


def test_arrays(tmp_path):
    stack = np.stack([FRAME, 1 - FRAME])
    for number, values in enumerate(
        [stack, stack * 255, stack.astype(bool), stack * 0.9, stack * np.float16(1.005)]
    ):
        np.save(tmp_path / f"{number}.npy", values)
        np.testing.assert_array_equal(read_any(tmp_path / f"{number}.npy").frames, stack)
    np.testing.assert_array_equal(read_any(tmp_path / "1.npy", invert=True).frames, 1 - stack)
    np.savez(tmp_path / "named.npz", frames=stack, other=np.zeros(3))
    np.testing.assert_array_equal(read_any(tmp_path / "named.npz").frames, stack)
    np.savez(tmp_path / "single.npz", FRAME)
    np.testing.assert_array_equal(read_any(tmp_path / "single.npz").frames, FRAME[None])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((2, 2), np.nan), "NaN"),
        (np.full((2, 2), 1.5), "from 0 to 1"),
        (np.full((2, 2), -1.0), "from 0 to 1"),
        (np.full((2, 2), 300), "0 to 255"),
        (np.full((2, 2), -1), "0 to 255"),
        (np.zeros((2, 0)), "shape"),
        (np.zeros(4), "shape"),
        (np.zeros((1, 2, 2, 2)), "shape"),
        (np.full((2, 2), "a"), "bool, integers or floats"),
        (np.full((2, 2), 1j), "bool, integers or floats"),
    ],
)
def test_arrays_that_are_not_frames(tmp_path, values, words):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(InputError, match=words):
        read_any(tmp_path / "a.npy")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = values.astype("S1") if values.dtype.kind == "U" else values
    with pytest.raises(InputError, match=words):
        read_any(tmp_path / "a.h5")


LABELS = np.array([[0, 1, 2, 0], [2, 2, 1, 1]], np.uint8)


def save_values(path, values):
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["frames"] = values
    else:
        Image.fromarray(values).save(path)


@pytest.mark.parametrize("kind", ["npy", "h5", "png", "tif", "bmp"])
@pytest.mark.parametrize("values", [LABELS, 0 * LABELS + 2, LABELS * 63], ids=["0/1/2", "all 2", "dark"])
def test_labels_of_several_phases_are_not_frames(tmp_path, run, kind, values):
    path = tmp_path / "source" / f"a.{kind}"
    save_values(path, values)
    words = rf"whole numbers up to {values.max()}, of which none is above the middle of 0 to 255; give 0/1"
    for invert in (False, True):
        with pytest.raises(InputError, match=words):
            read_any(path, invert=invert)
    with pytest.raises(InputError, match=r"not one of 1 files.*none is above the middle"):
        run()
    if kind != "h5":
        with pytest.raises(InputError, match=rf"a\.{kind}: it holds {words}"):
            read_target_frames(path)


@pytest.mark.parametrize(("kind", "full"), [("png", 65535), ("tif", 65535), ("tif", 2**31 - 1)])
def test_labels_in_deep_images(tmp_path, kind, full):
    deep = np.uint16 if full == 65535 else np.int32
    save_values(tmp_path / f"a.{kind}", LABELS.astype(deep))
    with pytest.raises(InputError, match=f"up to 2, of which none is above the middle of 0 to {full}"):
        read_any(tmp_path / f"a.{kind}")
    save_values(tmp_path / f"b.{kind}", FRAME.astype(deep))
    np.testing.assert_array_equal(read_any(tmp_path / f"b.{kind}").frames[0], FRAME)


@pytest.mark.parametrize("kind", ["npy", "h5", "png"])
def test_one_phase_two_values_and_greys_are_frames(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    for values, expected in [
        (0 * LABELS, 0),
        (0 * LABELS + 1, 1),
        (0 * LABELS + 255, 1),
        (0 * LABELS + 128, 1),
        (FRAME, FRAME),
        (FRAME * 255, FRAME),
        (FRAME * 128, FRAME),
        (100 + 40 * FRAME, FRAME),
    ]:
        path.unlink(missing_ok=True)
        save_values(path, values)
        one_phase = np.ndim(expected) == 0
        for invert in (False, True):
            with pytest.warns(FrameWarning, match="every pixel is") if one_phase else nullcontext():
                found = read_any(path, invert=invert).frames[0]
            np.testing.assert_array_equal(found, np.broadcast_to(expected, found.shape) != invert)
    # Dark, but the given threshold separates two phases.
    path.unlink()
    save_values(path, FRAME * 100)
    np.testing.assert_array_equal(read_any(path, threshold=0.3).frames[0], FRAME)


class Trap:
    """Unpickling it would leave a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (str(self.mark), "w")


def test_pickles_are_never_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([Trap(tmp_path / "mark")], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", frames=np.array([Trap(tmp_path / "mark")], dtype=object))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(InputError, match="not a NumPy file of numbers"):
            read_any(tmp_path / name)
    assert not (tmp_path / "mark").exists()


# The remaining pixels often have a single phase or colours.
@pytest.mark.filterwarnings("ignore::morphsim.errors.FrameWarning")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["png", "tif", "jpg", "bmp", "gif", "npy", "npz", "h5", "txt"]),
    share=st.floats(0, 1),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8),
)
def test_damaged_files_give_frames_or_a_reason(tmp_path, kind, share, changes):
    path = tmp_path / f"a.{kind}"
    if kind == "npy":
        np.save(path, FRAME)
    elif kind == "npz":
        np.savez(path, FRAME)
    elif kind == "h5":
        with h5py.File(path, "w") as file:
            file["frames"] = FRAME
    elif kind == "txt":
        path.write_text(text_of(FRAME))
    else:
        Image.fromarray(FRAME * 255).save(path)
    content = bytearray(path.read_bytes()[: int(share * path.stat().st_size)])
    for place, value in changes:
        if content:
            content[place % len(content)] = value
    path.write_bytes(bytes(content))
    try:
        frames = read_any(path).frames
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert frames.max() <= 1


def test_a_field_is_cut_at_the_threshold_of_its_file(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = np.array([[[0.3, 0.6, 0.8]]])
        file.attrs["threshold"] = 0.7
    for threshold, expected in ((None, [0, 0, 1]), (0.5, [0, 1, 1])):
        found = read_any(tmp_path / "a.h5", threshold=threshold)
        assert found.frames[0, 0].tolist() == expected
        assert found.threshold == (threshold or 0.7)
