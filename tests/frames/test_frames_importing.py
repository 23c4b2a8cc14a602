"""Import of folders and files into one frame file."""

from __future__ import annotations

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
from PIL import Image

from morphsim.errors import InputError
from morphsim.frames import (
    read_any,
    read_frames,
    read_target_frames,
    write_frames,
)
from tests.frames.frames_helpers import FRAME, text_of


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
    assert "--table" in reasons["table.csv"]
    assert (report.files, report.frames, report.shape) == (7, 4, (3, 5))
    assert json.loads(json.dumps(report.to_dict()))["frames"] == 4
    assert str(tmp_path).encode() not in (tmp_path / "out.h5").read_bytes()


# A film has a single phase before it demixes.
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
        # A film before it demixes, whose frames don't decide.
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


def test_published_texts_have_as_many_donor_nodes_as_stated(tmp_path, shared_data, run):
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


def test_an_import_keeps_the_metadata_of_a_frame_file(tmp_path, run, make_set):
    mine = replace(make_set(), threshold=0.4)
    write_frames(tmp_path / "source" / "set.h5", mine)
    assert (mine.boundary, mine.process) == ("periodic", "drying")
    for source in (tmp_path / "source", tmp_path / "source" / "set.h5"):
        _, frame_set = run(source=source, overwrite=True)
        assert (frame_set.boundary, frame_set.process, frame_set.threshold) == ("periodic", "drying", 0.4)
        assert set(mine.columns) <= set(frame_set.columns) and set(mine.recipes) < set(frame_set.recipes)
        assert frame_set.units == mine.units
    # Options override the file.
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
    with pytest.raises(InputError, match=r"only phi; choose one with `morphsim import --array"):
        run()
    np.testing.assert_array_equal(run(array="phi")[1].frames, FRAME[None])


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
