from __future__ import annotations

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from morphsim.errors import InputError
from morphsim.frames import (
    ImportConfig,
    import_frames,
    read_frame,
    read_frames,
    read_target_frames,
    stated_boundary,
    write_frames,
)


@pytest.fixture
def file(tmp_path, make_set):
    write_frames(tmp_path / "set.h5", make_set())
    return tmp_path / "set.h5"


def test_all_rows_one_row_and_several(file, make_set):
    frames = make_set().frames
    np.testing.assert_array_equal(read_target_frames(file), frames)
    np.testing.assert_array_equal(read_target_frames(f"{file}:10"), frames[[10]])
    np.testing.assert_array_equal(read_target_frames(f"{file}:10,2,2"), frames[[10, 2, 2]])
    np.testing.assert_array_equal(read_frame(f"{file}:11"), frames[11])
    np.testing.assert_array_equal(read_frame(file, index=3), frames[3])


def test_one_frame_needs_a_row(file):
    with pytest.raises(InputError, match=r"12 frames.*set\.h5:0"):
        read_frame(file)
    with pytest.raises(InputError, match=r"2 frames.*set\.h5:0"):
        read_frame(f"{file}:1,2")


@pytest.mark.parametrize("rows", ["12", "0,12", "-1", "a", "", "1,", "1-3", "1 2", "999999999999"])
def test_bad_rows(file, rows):
    with pytest.raises(InputError, match="row"):
        read_target_frames(f"{file}:{rows}")
    with pytest.raises(InputError, match="0 to 11"):
        read_frame(file, index=12)


def test_images_and_arrays(tmp_path):
    picture = np.array([[0, 255, 200], [10, 127, 128]], np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_frame(tmp_path / "a.png"), [[0, 1, 1], [0, 0, 1]])
    stack = np.random.default_rng(0).random((3, 4, 5))
    np.save(tmp_path / "b.npy", stack)
    np.testing.assert_array_equal(read_frame(f"{tmp_path / 'b.npy'}:2"), stack[2] >= 0.5)
    with pytest.raises(InputError, match="0 to 2"):
        read_frame(f"{tmp_path / 'b.npy'}:3")
    with pytest.raises(InputError, match="3 frames"):
        read_frame(tmp_path / "b.npy")


def test_a_name_with_a_colon_is_a_file_first(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(3))
    (tmp_path / "a.npy").rename(tmp_path / "a:1")
    with pytest.raises(InputError, match="kind"):
        read_frame(tmp_path / "a:1")


def test_folders_and_missing_files_have_different_errors(tmp_path):
    for name in ("runs", "runs.h5"):
        (tmp_path / name).mkdir()
        for spec in (tmp_path / name, f"{tmp_path / name}:3"):
            with pytest.raises(InputError, match=rf"{name} is a folder; name a file in it"):
                read_target_frames(spec)
    with pytest.raises(InputError, match=r"runs\.h5 is a folder; name an HDF5 file"):
        read_frames(tmp_path / "runs.h5")
    with pytest.raises(InputError, match="none does not exist"):
        read_target_frames(tmp_path / "none")


def test_only_files_with_a_boundary_state_it(tmp_path, make_set, file):
    write_frames(tmp_path / "walls.h5", make_set(boundary="no-flux"))
    np.save(tmp_path / "a.npy", make_set().frames)
    with h5py.File(tmp_path / "foreign.h5", "w") as foreign:
        foreign["frames"] = make_set().frames
    for spec, expected in (
        (file, "periodic"),
        (f"{file}:3,4", "periodic"),
        (tmp_path / "walls.h5", "no-flux"),
        (tmp_path / "foreign.h5", None),
        (tmp_path / "a.npy", None),
    ):
        assert stated_boundary(spec) == expected


@pytest.mark.parametrize("value", ["neumann", np.bytes_(b"\xff\xfe"), 3])
def test_a_boundary_that_means_nothing_here_is_refused_where_it_matters(tmp_path, make_set, value):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as foreign:
        foreign["frames"] = make_set().frames
        foreign.attrs["boundary"] = value
    assert stated_boundary(path, strict=False) is None
    with pytest.raises(InputError, match=r"its attribute `boundary` is not morphsim's.*--boundary"):
        stated_boundary(f"{path}:0")


@pytest.mark.parametrize("boundary", [None, "no-flux", "periodic"])
def test_an_import_states_only_a_given_boundary(tmp_path, make_set, file, boundary):
    np.save(tmp_path / "a.npy", make_set().frames)
    for source in ("a.npy", "imported.h5"):
        # An assumed boundary is still an assumption after another import.
        config = ImportConfig(
            source=tmp_path / source, out=tmp_path / "imported.h5", boundary=boundary, overwrite=True
        )
        import_frames(config)
        assert stated_boundary(tmp_path / "imported.h5") == boundary
        assert read_frames(tmp_path / "imported.h5").boundary == boundary or boundary is None
    import_frames(ImportConfig(source=file, out=tmp_path / "own.h5"))
    assert stated_boundary(tmp_path / "own.h5") == "periodic"
    (tmp_path / "several").mkdir()
    write_frames(tmp_path / "several" / "own.h5", make_set())
    np.save(tmp_path / "several" / "a.npy", make_set().frames)
    import_frames(ImportConfig(source=tmp_path / "several", out=tmp_path / "both.h5", boundary=boundary))
    assert stated_boundary(tmp_path / "both.h5") == boundary


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=st.text(max_size=20))
def test_any_other_text_is_one_line(tmp_path, spec):
    with pytest.raises(InputError):
        read_target_frames(f"{tmp_path}/no/{spec}")
    (tmp_path / "empty.npy").write_bytes(b"")
    with pytest.raises(InputError, match=r"empty\.npy"):
        read_target_frames(tmp_path / "empty.npy")
