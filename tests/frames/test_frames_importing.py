from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from morphsim.errors import FrameWarning, InputError
from morphsim.frames import (
    ImportConfig,
    import_frames,
    read_any,
    read_frames,
    read_target_frames,
    write_frames,
)

FRAME = np.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0], [0, 0, 0, 1, 1]], np.uint8)


def text_of(frame: np.ndarray) -> str:
    """GraSPI's text; the donor is 1 in frames and 0 in it."""
    return "\n".join(" ".join(map(str, row)) for row in 1 - frame) + "\n"


@pytest.fixture
def run(tmp_path):
    """Import the folder `source`, and give the report and the frames."""

    def run(**options):
        options = {"source": tmp_path / "source", "out": tmp_path / "out.h5", **options}
        report = import_frames(ImportConfig(**options))
        return report, read_frames(options["out"])

    (tmp_path / "source").mkdir()
    return run


def test_a_folder_of_published_names(tmp_path, run):
    source = tmp_path / "source"
    frames = {time: np.roll(FRAME, time, axis=1) for time in (20, 100, 3)}
    for time, frame in frames.items():
        (source / f"data_0.514_2.4_{time:06d}.txt").write_text(text_of(frame))
    (source / "data_0.528_2.8_000007.txt").write_text(f"5 3\n{text_of(FRAME)}")
    (source / "data_0.528_2.8_000008.txt").write_text("5 3 2\n" + "0 " * 30)
    (source / "README.txt").write_text("What these frames are.\n")
    (source / "table.csv").write_text("a,b\n")
    (source / ".hidden").write_text("")
    report, frame_set = run(boundary="periodic", process="annealing")
    assert frame_set.trajectories == report.trajectories == 2
    assert frame_set.columns["time"].tolist() == [3, 20, 100, 7]
    assert frame_set.trajectory.tolist() == [0, 0, 0, 1]
    for row, time in enumerate((3, 20, 100)):
        np.testing.assert_array_equal(frame_set.frames[row], frames[time])
    assert frame_set.recipes["blend_ratio"].tolist() == [0.486, 0.472]
    assert frame_set.recipes["chi"].tolist() == [2.4, 2.8]
    assert frame_set.recipes["film"].tolist() == ["data_0.514_2.4", "data_0.528_2.8"]
    assert frame_set.columns["source"][0] == "data_0.514_2.4_000003.txt"
    assert (frame_set.boundary, frame_set.process) == ("periodic", "annealing")
    reasons = dict(report.dropped)
    assert set(reasons) == {"README.txt", "table.csv", "data_0.528_2.8_000008.txt"}
    assert "2 layers" in reasons["data_0.528_2.8_000008.txt"]
    assert ".csv" in reasons["table.csv"]
    assert (report.files, report.frames, report.shape) == (7, 4, (3, 5))
    assert json.loads(json.dumps(report.to_dict()))["frames"] == 4
    assert str(tmp_path).encode() not in (tmp_path / "out.h5").read_bytes()


# A film before it demixes has one phase alone.
@pytest.mark.filterwarnings("ignore::morphsim.errors.FrameWarning")
@pytest.mark.parametrize(
    ("zeros", "named", "stored", "inverted"),
    [
        (0.5, "0.514", 0.486, 0.514),
        (0.45, "0.55", 0.45, 0.55),
        (0.3, "0.7", 0.3, 0.7),
        # The number is clearly the share of 0.
        (0.3, "0.3", 0.3, 0.7),
        (0.7, "0.7", 0.7, 0.3),
        # A film before it demixes, whose frames say little.
        (0.0, "0.6", 0.4, 0.6),
    ],
)
def test_the_donor_of_graspi_is_0_and_blend_ratios_are_of_the_donor(
    tmp_path, run, zeros, named, stored, inverted
):
    values = np.ones((10, 20), int)
    values.flat[: round(zeros * values.size)] = 0
    path = tmp_path / "source" / f"data_{named}_2.4_000220.txt"
    path.write_text("\n".join(" ".join(map(str, row)) for row in values))
    _, frame_set = run()
    np.testing.assert_array_equal(frame_set.frames[0], 1 - values)
    assert frame_set.frames.mean() == pytest.approx(zeros)
    assert frame_set.recipes["blend_ratio"].tolist() == [stored]
    np.testing.assert_array_equal(read_target_frames(path)[0], 1 - values)
    _, frame_set = run(overwrite=True, invert=True)
    np.testing.assert_array_equal(frame_set.frames[0], values)
    assert frame_set.recipes["blend_ratio"].tolist() == [inverted]


def test_published_texts_are_read_as_their_donor_nodes_say(tmp_path, shared_data, run):
    with h5py.File(shared_data / "opv_frames.h5") as file:
        values, nodes = file["frames"][::30], file["descriptors/STAT_n_D"][::30]
        names = zip(file["blend_ratio"][::30], file["chi"][::30], file["time"][::30], strict=True)
        for frame, (blend, chi, time) in zip(values, names, strict=True):
            path = tmp_path / "source" / f"data_{blend:.3f}_{chi:.1f}_{int(time):06d}.txt"
            np.savetxt(path, frame, fmt="%d")
    _, frame_set = run()
    assert len(frame_set) == len(values)
    assert sorted(frame_set.frames.sum((1, 2))) == sorted(nodes)
    share = [frame_set.frames[frame_set.trajectory == film].mean() for film in range(frame_set.trajectories)]
    np.testing.assert_allclose(share, frame_set.recipes["blend_ratio"], atol=0.025)


def test_folders_of_images(tmp_path, run):
    for folder in ("BR0.54-CHI2.4", "BR0.50-CHI3", "other"):
        (tmp_path / "source" / folder).mkdir()
        for time in (10, 9, 2):
            image = Image.fromarray(np.roll(FRAME, time, axis=1) * 255)
            image.save(tmp_path / "source" / folder / f"{time}.png")
    _, frame_set = run()
    assert frame_set.recipes["film"].tolist() == ["BR0.50-CHI3", "BR0.54-CHI2.4", "other"]
    np.testing.assert_array_equal(frame_set.recipes["chi"], [3.0, 2.4, np.nan])
    assert frame_set.columns["time"].tolist() == [2, 9, 10] * 3
    np.testing.assert_array_equal(frame_set.frames[1], np.roll(FRAME, 9, axis=1))


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


def test_pages_are_frames_of_one_film(tmp_path, run):
    pages = [Image.fromarray(np.roll(FRAME, k, axis=1) * 255) for k in range(3)]
    pages[0].save(tmp_path / "source" / "BR.tif", save_all=True, append_images=pages[1:])
    _, frame_set = run()
    assert frame_set.columns["time"].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(frame_set.frames[2], np.roll(FRAME, 2, axis=1))
    Image.fromarray(FRAME).save(
        tmp_path / "odd.tif", save_all=True, append_images=[Image.fromarray(FRAME[:2])]
    )
    with pytest.raises(InputError, match="differ in size"):
        read_any(tmp_path / "odd.tif")


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
def test_arrays_that_are_no_frames(tmp_path, values, words):
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
def test_labels_of_several_phases_are_no_frames(tmp_path, run, kind, values):
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
    # Dark, but the threshold that was asked for cuts it.
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


# What is left of the pixels is often of one phase or has colours.
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


def test_hdf5_brings_its_films_along(tmp_path, run, make_set):
    write_frames(tmp_path / "source" / "set.h5", make_set())
    with h5py.File(tmp_path / "source" / "field.h5", "w") as file:
        file["frames"] = np.full((1, 6, 9), 0.7)
    _, frame_set = run()
    assert frame_set.trajectories == 4
    assert frame_set.recipes["film"].tolist() == ["field.h5", "set.h5#0", "set.h5#1", "set.h5#2"]
    np.testing.assert_array_equal(frame_set.recipes["chi"], [np.nan, 2, 3, 4])
    one = frame_set.trajectory == 2
    mine = make_set().select(make_set().trajectory == 1)
    order = np.argsort(mine.columns["time"])
    np.testing.assert_array_equal(frame_set.frames[one], mine.frames[order])
    np.testing.assert_array_equal(frame_set.columns["time"][one], mine.columns["time"][order])


def test_a_frame_file_keeps_what_it_says(tmp_path, run, make_set):
    mine = replace(make_set(), threshold=0.4)
    write_frames(tmp_path / "source" / "set.h5", mine)
    assert (mine.boundary, mine.process) == ("periodic", "drying")
    for source in (tmp_path / "source", tmp_path / "source" / "set.h5"):
        _, frame_set = run(source=source, overwrite=True)
        assert (frame_set.boundary, frame_set.process, frame_set.threshold) == ("periodic", "drying", 0.4)
        assert set(mine.columns) <= set(frame_set.columns) and set(mine.recipes) < set(frame_set.recipes)
        assert frame_set.units == mine.units
    # What is said on the command line wins.
    _, frame_set = run(overwrite=True, boundary="no-flux", process="annealing", threshold=0.7)
    assert (frame_set.boundary, frame_set.process, frame_set.threshold) == ("no-flux", "annealing", 0.7)


def test_files_that_disagree_are_joined_with_care(tmp_path, run, make_set):
    write_frames(tmp_path / "source" / "set.h5", make_set())
    Image.fromarray(make_set().frames[0] * 255).save(tmp_path / "source" / "a.png")
    _, frame_set = run()
    # Not all of the frames may be rolled.
    assert (frame_set.boundary, frame_set.process) == ("no-flux", "unknown")
    _, frame_set = run(overwrite=True, boundary="periodic", process="drying")
    assert (frame_set.boundary, frame_set.process) == ("periodic", "drying")
    write_frames(tmp_path / "source" / "set.h5", replace(make_set(), threshold=0.4))
    with pytest.raises(InputError, match=r"set\.h5 at 0\.4 and a\.png at 0\.5; --threshold"):
        run(overwrite=True)
    assert run(overwrite=True, threshold=0.5)[1].threshold == 0.5


def test_a_field_is_cut_at_the_threshold_of_its_file(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = np.array([[[0.3, 0.6, 0.8]]])
        file.attrs["threshold"] = 0.7
    for threshold, expected in ((None, [0, 0, 1]), (0.5, [0, 1, 1])):
        found = read_any(tmp_path / "a.h5", threshold=threshold)
        assert found.frames[0, 0].tolist() == expected
        assert found.threshold == (threshold or 0.7)


def test_the_published_frames_are_imported(tmp_path, shared_data, run):
    report, frame_set = run(source=shared_data / "opv_frames.h5", shape=(50, 200))
    whole = read_frames(shared_data / "opv_frames.h5")
    assert (report.frames, report.trajectories) == (277, whole.trajectories)
    np.testing.assert_array_equal(frame_set.recipes["chi"], whole.recipes["chi"])
    for film in range(whole.trajectories):
        mine, theirs = frame_set.frames[frame_set.trajectory == film], whole.frames[whole.trajectory == film]
        np.testing.assert_allclose(mine.mean(), theirs.mean(), atol=0.003)


def test_another_dataset_name(tmp_path, run):
    with h5py.File(tmp_path / "source" / "a.h5", "w") as file:
        file["phi"] = FRAME.astype(float)
    with pytest.raises(InputError, match=r"only phi; choose with --dataset"):
        run()
    np.testing.assert_array_equal(run(dataset="phi")[1].frames, FRAME[None])


def test_shapes_transpose_and_invert(tmp_path, run):
    for number in range(3):
        (tmp_path / "source" / f"{number}.txt").write_text(text_of(FRAME))
    (tmp_path / "source" / "odd.txt").write_text(text_of(np.ones((4, 5), int)))
    report, frame_set = run()
    assert frame_set.shape == (3, 5)
    assert len(frame_set) == 3
    ((name, reason),) = report.dropped
    assert name == "odd.txt"
    assert "(4, 5)" in reason
    report, frame_set = run(overwrite=True, shape=(6, 10))
    assert len(frame_set) == 4
    assert report.dropped == ()
    np.testing.assert_array_equal(frame_set.frames[0], FRAME.repeat(2, 0).repeat(2, 1))
    _, frame_set = run(overwrite=True, transpose=True, invert=True)
    np.testing.assert_array_equal(frame_set.frames[0], 1 - FRAME.T)


def test_one_file_and_an_output_inside_the_source(tmp_path, run):
    path = tmp_path / "source" / "one.txt"
    path.write_text(text_of(FRAME))
    out = tmp_path / "source" / "out.h5"
    assert run(source=path, out=out)[0].files == 1
    before = out.read_bytes()
    assert run(out=out, overwrite=True)[0].files == 1
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threshold": 0.0}, "threshold"),
        ({"shape": (0, 4)}, "shape"),
        ({"source": None}, "without files"),
        ({"boundary": "open"}, "open"),
        ({"process": "boiling"}, "boiling"),
    ],
)
def test_bad_options(tmp_path, run, options, words):
    if "source" in options:
        (tmp_path / "empty").mkdir()
        options = {"source": tmp_path / "empty"}
    else:
        (tmp_path / "source" / "one.txt").write_text(text_of(FRAME))
    with pytest.raises(InputError, match=words):
        run(**options)
    assert not (tmp_path / "out.h5").exists()


def test_nothing_to_keep_and_an_output_that_exists(tmp_path, run):
    (tmp_path / "source" / "a.txt").write_text("")
    with pytest.raises(InputError, match=r"not one of 1 files.*a\.txt: it is empty"):
        run()
    with pytest.raises(InputError, match="does not exist"):
        run(source=tmp_path / "none")
    (tmp_path / "out.h5").write_bytes(b"mine")
    with pytest.raises(InputError, match="--overwrite"):
        run()
    assert (tmp_path / "out.h5").read_bytes() == b"mine"
