from __future__ import annotations

import time

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from morphsim.errors import InputError
from morphsim.frames import FrameSet, read_frames, read_notes, write_frames
from morphsim.frames.store import frames_shape, merge_frames

ALLOW_SHARED_FOLDER = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def assert_equal(one: FrameSet, other: FrameSet) -> None:
    np.testing.assert_array_equal(one.frames, other.frames)
    for mine, yours in ((one.columns, other.columns), (one.recipes, other.recipes)):
        assert mine.keys() == yours.keys()
        for name in mine:
            np.testing.assert_array_equal(mine[name], yours[name])
            assert mine[name].dtype.kind == yours[name].dtype.kind
    assert (one.process, one.boundary, one.threshold) == (other.process, other.boundary, other.threshold)
    assert one.units == other.units


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


@ALLOW_SHARED_FOLDER
@given(
    frames=hnp.arrays(
        np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.integers(0, 1)
    ),
    data=st.data(),
)
def test_what_is_written_is_read_again(tmp_path, frames, data):
    count = len(frames)
    films = data.draw(st.integers(1, 3))
    numbers = st.floats(allow_infinity=False, width=64)
    frame_set = FrameSet(
        frames=frames,
        columns={
            "trajectory": data.draw(hnp.arrays(np.int64, count, elements=st.integers(0, films - 1))),
            "time": data.draw(hnp.arrays(np.float64, count, elements=numbers)),
            "source": np.array(data.draw(st.lists(TEXTS, min_size=count, max_size=count)), np.str_),
        },
        recipes={
            "chi": data.draw(hnp.arrays(np.float32, films, elements=st.floats(-9, 9, width=32))),
            "name of it": np.array(data.draw(st.lists(TEXTS, min_size=films, max_size=films)), np.str_),
        },
        process=data.draw(st.sampled_from(["annealing", "drying", "unknown"])),
        boundary=data.draw(st.sampled_from(["periodic", "no-flux"])),
        threshold=data.draw(st.floats(0.01, 0.99)),
        units=data.draw(st.dictionaries(TEXTS, TEXTS, max_size=2)),
    )
    write_frames(tmp_path / "set.h5", frame_set)
    assert_equal(read_frames(tmp_path / "set.h5"), frame_set)


def test_equal_content_gives_equal_bytes_at_any_time(tmp_path, make_set):
    write_frames(tmp_path / "a.h5", make_set(), notes={"plan": "{}"})
    time.sleep(1.1)
    write_frames(tmp_path / "b.h5", make_set(), notes={"plan": "{}"})
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    assert read_notes(tmp_path / "a.h5") == {"plan": "{}"}


def test_layout_is_the_documented_one(tmp_path, make_set):
    write_frames(tmp_path / "a.h5", make_set())
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["frames"].chunks == (1, 6, 9)
        assert file["frames"].compression == "gzip"
        assert file["trajectory"].dtype == np.int64
        assert set(file["recipes"]) == {"chi", "mobility"}
        assert file.attrs["version"] == 3
        assert file.attrs["cells"] == "unknown"
        assert file.attrs["units"] == '{"time": "s"}'
    assert frames_shape(tmp_path / "a.h5") == (12, 6, 9)


def test_merge_equals_the_concatenation(tmp_path, make_set):
    sets = [make_set(seed=seed) for seed in range(3)]
    for number, frame_set in enumerate(sets):
        write_frames(tmp_path / f"{number}.h5", frame_set)
    merge_frames(tmp_path / "all.h5", [tmp_path / f"{number}.h5" for number in range(3)])
    assert_equal(read_frames(tmp_path / "all.h5"), FrameSet.concatenate(sets))


def test_a_foreign_file_gets_trajectories_from_its_columns(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = np.array([[[0, 255]]] * 6, np.uint8)
        file["chi"] = [3.0, 3.0, 2.0, 2.0, 2.0, np.nan]
        file["seed"] = [1, 1, 1, 1, 2, 1]
        file["time"] = [0, 1, 0, 1, 0, 0]
        file["field"] = np.zeros((6, 2))
        file["scalar"] = 1.0
        file["other length"] = np.zeros(5)
        file["descriptors/JSC"] = np.zeros(6)
    frame_set = read_frames(tmp_path / "a.h5")
    assert frame_set.trajectory.tolist() == [0, 0, 1, 1, 2, 3]
    np.testing.assert_array_equal(frame_set.recipes["chi"], [3.0, 2.0, 2.0, np.nan])
    assert set(frame_set.columns) == {"trajectory", "time", "seed"}
    assert (frame_set.boundary, frame_set.process, frame_set.threshold) == ("no-flux", "unknown", 0.5)
    assert frame_set.frames.max() == 1
    assert read_notes(tmp_path / "a.h5") == {}


def test_a_file_of_frames_alone_is_one_trajectory(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = np.ones((3, 2, 2), bool)
    frame_set = read_frames(tmp_path / "a.h5")
    assert frame_set.trajectory.tolist() == [0, 0, 0]
    assert frame_set.recipes == {}


def test_the_published_frames(shared_data):
    frame_set = read_frames(shared_data / "opv_frames.h5")
    assert (len(frame_set), frame_set.shape) == (277, (101, 401))
    pairs = set(zip(frame_set.recipes["blend_ratio"], frame_set.recipes["chi"], strict=True))
    assert len(pairs) == frame_set.trajectories == len(frame_set.recipes["chi"])
    assert {chi for _, chi in pairs} == {2.4, 2.8, 3.4, 3.8}
    assert frame_set.boundary == "no-flux"
    assert abs(frame_set.frames.mean() - frame_set.recipes["blend_ratio"][frame_set.trajectory].mean()) < 0.01


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "nothing at all"),
        ({"pictures": np.zeros((1, 2, 2))}, "only pictures"),
        ({"frames/a": np.zeros(1)}, "no dataset"),
        ({"frames": np.zeros((2, 2))}, r"\(2, 2\)"),
        ({"frames": np.zeros((0, 2, 2))}, "none of them 0"),
        ({"frames": np.full((1, 2, 2), 0.3)}, "morphsim import"),
        ({"frames": np.full((1, 2, 2), np.nan)}, "nan"),
        ({"frames": np.full((1, 2, 2), b"text")}, "numbers 0 and 1"),
        ({"frames": np.zeros((1, 2, 2)), "trajectory": np.array([1.5])}, "integers"),
        (
            {"frames": np.zeros((1, 2, 2)), "trajectory": np.array([7]), "recipes/chi": np.ones(1)},
            "no recipe",
        ),
        ({"frames": np.zeros((1, 2, 2)), "time": np.array([np.inf])}, "infinite"),
    ],
)
def test_files_without_frames_are_refused(tmp_path, content, words):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, values in content.items():
            file[name] = values
    with pytest.raises(InputError, match=words) as caught:
        read_frames(tmp_path / "a.h5")
    assert "a.h5" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 4),
        ("cells", "[50, 400]"),
        ("process", "boiling"),
        ("boundary", "open"),
        ("threshold", 7.0),
        ("units", "[]"),
        ("units", "{"),
    ],
)
def test_attributes_are_checked(tmp_path, make_set, name, value):
    write_frames(tmp_path / "a.h5", make_set())
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file.attrs[name] = value
    with pytest.raises(InputError):
        read_frames(tmp_path / "a.h5")


def test_the_solver_s_grid_is_stored_and_joined(tmp_path, make_set):
    fine, coarse = make_set(cells=(6, 9)), make_set(cells=[3, 9])
    assert (fine.cells, coarse.cells) == ((6, 9), (3, 9))
    write_frames(tmp_path / "a.h5", coarse)
    assert read_frames(tmp_path / "a.h5").cells == (3, 9)
    assert coarse.select([0, 5]).cells == (3, 9)
    assert FrameSet.concatenate([coarse, coarse]).cells == (3, 9)
    assert FrameSet.concatenate([coarse, fine]).cells is None
    merge_frames(tmp_path / "b.h5", [tmp_path / "a.h5"])
    assert read_frames(tmp_path / "b.h5").cells == (3, 9)
    with pytest.raises(InputError, match="height of cells is 0"):
        make_set(cells=(0, 9))


def as_version_1(path, **attributes):
    """Make of a file what an earlier version wrote, with some attributes changed."""
    with h5py.File(path, "a") as file:
        for name in ("cells", "sha256"):
            del file.attrs[name]
        file.attrs.update(version=1, **attributes)


def test_films_of_earlier_versions_had_as_many_cells_as_pixels(tmp_path, make_set):
    write_frames(tmp_path / "a.h5", make_set(cells=(3, 9)))
    as_version_1(tmp_path / "a.h5")
    assert read_frames(tmp_path / "a.h5").cells == (6, 9)
    write_frames(tmp_path / "b.h5", make_set())
    as_version_1(tmp_path / "b.h5", process="unknown")
    assert read_frames(tmp_path / "b.h5").cells is None


@pytest.mark.parametrize("value", ["[50]", "[0, 9]", "[3, 9", "50 x 400", '{"h": 3}', "[" * 100_000])
def test_invalid_cells_are_named(tmp_path, make_set, value):
    write_frames(tmp_path / "a.h5", make_set(cells=(3, 9)))
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file.attrs["cells"] = value[:60_000]
        del file.attrs["sha256"]
    with pytest.raises(
        InputError, match=r"attribute `cells` is .* it must be a JSON list of a height and a width"
    ):
        read_frames(tmp_path / "a.h5")


def test_missing_and_not_hdf5(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_frames(tmp_path / "none.h5")
    for content in (b"", b"text", b"\x89HDF\r\n\x1a\n"):
        (tmp_path / "bad.h5").write_bytes(content)
        with pytest.raises(InputError, match="truncated"):
            read_frames(tmp_path / "bad.h5")
    with pytest.raises(InputError):
        read_frames(tmp_path)


@ALLOW_SHARED_FOLDER
@given(share=st.floats(0, 0.999))
def test_a_truncated_file_is_refused(tmp_path, make_set, share):
    write_frames(tmp_path / "whole.h5", make_set())
    content = (tmp_path / "whole.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError):
        read_frames(tmp_path / "cut.h5")


@ALLOW_SHARED_FOLDER
@given(changes=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 255)), min_size=1, max_size=30))
def test_a_damaged_file_gives_frames_or_one_line(tmp_path, make_set, changes):
    write_frames(tmp_path / "whole.h5", make_set())
    content = bytearray((tmp_path / "whole.h5").read_bytes())
    for place, value in changes:
        content[place % len(content)] = value
    (tmp_path / "bad.h5").write_bytes(bytes(content))
    try:
        frame_set = read_frames(tmp_path / "bad.h5")
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert frame_set.frames.max() <= 1


def test_a_file_that_claims_too_much_is_refused(tmp_path):
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("frames", shape=(10**5, 1000, 1000), dtype=np.uint8, chunks=(1, 100, 100))
    with pytest.raises(InputError, match="needs"):
        read_frames(tmp_path / "huge.h5")


def test_a_failed_write_leaves_the_old_file(tmp_path, make_set):
    write_frames(tmp_path / "a.h5", make_set())
    before = (tmp_path / "a.h5").read_bytes()
    with pytest.raises(AttributeError):
        write_frames(tmp_path / "a.h5", make_set(), notes={"plan": object().missing})  # type: ignore[attr-defined]
    with pytest.raises(InputError):
        merge_frames(tmp_path / "a.h5", [tmp_path / "none.h5"])
    assert (tmp_path / "a.h5").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
