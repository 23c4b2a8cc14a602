"""Untrusted HDF5 files: nothing outside the file is read, and size limits hold."""

from __future__ import annotations

import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morphsim.errors import FrameWarning, InputError
from morphsim.frames import (
    ImportConfig,
    import_frames,
    read_any,
    read_frames,
    read_target_frames,
    stated_boundary,
)
from morphsim.frames.hdf5 import find_dataset, open_hdf5
from morphsim.limits import MOST_GIB
from morphsim.similarity.evaluation.published import read_published

FRAMES = np.eye(8, dtype=np.uint8)[None].repeat(3, 0)


def refused(path: Path, words: str, *, by_rows: bool = True) -> None:
    """Every reader refuses the file in one line, or all except the one that reads only frames."""
    for reader in (read_frames, read_any, *([read_target_frames] if by_rows else [])):
        with pytest.raises(InputError, match=words) as caught:
            reader(path)
        assert "\n" not in str(caught.value)
    out = path.with_name("out.h5")
    with pytest.raises(InputError, match=words):
        import_frames(ImportConfig(source=path, out=out))
    assert not out.exists()


@pytest.fixture
def secret(tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.txt").write_bytes(b"a line that nobody gave away" + bytes(192))
    with h5py.File(tmp_path / "secret" / "a.h5", "w") as file:
        file["frames"] = FRAMES
    return tmp_path / "secret"


@pytest.mark.parametrize("name", ["frames", "time", "recipes/info"])
def test_external_storage_is_refused(tmp_path, secret, name):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        if name != "frames":
            file["frames"] = FRAMES
        shape, dtype = {"frames": ((3, 8, 8), "u1"), "time": ((3,), "f8")}.get(name, ((1,), "S28"))
        file.create_dataset(name, shape, dtype, external=[(str(secret / "a.txt"), 0, h5py.h5f.UNLIMITED)])
    for reader in (read_frames, read_any):
        with pytest.raises(InputError, match=rf"{name} lie elsewhere \(external storage\)"):
            reader(tmp_path / "a.h5")
    with pytest.raises(InputError, match="external storage"):
        import_frames(ImportConfig(source=tmp_path / "a.h5", out=tmp_path / "out.h5"))
    assert not (tmp_path / "out.h5").exists()


def test_external_links_are_refused_also_behind_soft_links(tmp_path, secret):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["outside"] = h5py.ExternalLink(str(secret / "a.h5"), "/")
        file["frames"] = h5py.SoftLink("/outside/frames")
    refused(tmp_path / "a.h5", "'outside' lies in another file")
    with pytest.raises(InputError, match="lies in another file"):
        read_published(tmp_path / "a.h5")


def test_soft_links_inside_of_a_file_are_followed(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data/films/phase"] = FRAMES
        file["data/there"] = h5py.SoftLink("films/./phase")
        file["frames"] = h5py.SoftLink("/data/there")
        file["nowhere"] = h5py.SoftLink("/data/nothing")
    np.testing.assert_array_equal(read_frames(tmp_path / "a.h5").frames, FRAMES)
    np.testing.assert_array_equal(read_any(tmp_path / "a.h5", array="data/there").frames, FRAMES)


def test_loops_of_links_end(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = h5py.SoftLink("/b")
        file["b"] = h5py.SoftLink("/frames")
        file["group/group"] = file["/"]
    refused(tmp_path / "a.h5", "leads back to itself")
    with open_hdf5(tmp_path / "a.h5") as file:
        assert find_dataset(file, "group/group/group/group/nothing") is None


@pytest.mark.parametrize("source", [".", "secret/a.h5", "missing.h5"])
def test_virtual_datasets_are_refused(tmp_path, secret, source):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        layout = h5py.VirtualLayout((3, 8, 8), "u1")
        layout[:] = h5py.VirtualSource(source, "frames", (3, 8, 8))
        file.create_virtual_dataset("frames", layout)
    # One that refers to itself would crash the process.
    code = f"from morphsim.frames import read_frames; read_frames({str(tmp_path / 'a.h5')!r})"
    if source == ".":
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (done.returncode, "lie elsewhere (virtual dataset)" in done.stderr) == (1, True)
        return
    refused(tmp_path / "a.h5", r"lie elsewhere \(virtual dataset\)")


COMPOUND = np.zeros(3, [("a", "u1"), ("b", "f4")])


@pytest.mark.parametrize(
    "values",
    [
        COMPOUND,
        np.zeros((3, 8, 8), [("a", "u1")]),
        np.zeros((3, 8, 8), "V3"),
        np.full((3, 8, 8), b"x"),
        np.zeros((3, 8, 8), np.complex64),
        np.array([[["text"] * 8] * 8] * 3, object),
        h5py.Empty("u1"),
    ],
)
def test_frames_of_other_types_are_refused(tmp_path, values):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        if isinstance(values, np.ndarray) and values.dtype == object:
            file.create_dataset("frames", data=values, dtype=h5py.string_dtype())
        else:
            file.create_dataset("frames", data=values)
        file["time"] = np.arange(3.0)
    for reader in (read_frames, read_any):
        with pytest.raises(InputError):
            reader(tmp_path / "a.h5")


def test_references_groups_and_named_types_are_not_frames(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["other"] = FRAMES
        reference = file["other"].ref
        file.create_dataset("frames", data=np.full((3, 8, 8), reference, object), dtype=h5py.ref_dtype)
        file.create_dataset("region", (3,), h5py.regionref_dtype)[:] = file["other"].regionref[0]
        file["ragged"] = np.array([np.arange(2), np.arange(3), np.arange(1)], h5py.vlen_dtype(int))
        file["type"] = np.dtype("u1")
        file.create_group("group")
    for name in ("frames", "region", "ragged", "type", "group", "other/a"):
        with pytest.raises(InputError):
            read_any(tmp_path / "a.h5", array=name)
    # They do not affect the frames beside them.
    assert read_any(tmp_path / "a.h5", array="other").trajectories == 1


def test_booleans_and_enumerations_are_numbers(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = FRAMES.astype(bool)
        kind = h5py.enum_dtype({"acceptor": 0, "donor": 1}, np.uint8)
        file.create_dataset("phase", data=FRAMES, dtype=kind)
        file["named"] = np.dtype("i4")
        file.create_dataset("typed", data=FRAMES, dtype=file["named"])
    for name in ("frames", "phase", "typed"):
        np.testing.assert_array_equal(read_any(tmp_path / "a.h5", array=name).frames, FRAMES)


def test_a_filter_that_needs_a_plugin_is_refused(tmp_path):
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((1, 8, 8))
    properties.set_filter(32008, h5py.h5z.FLAG_OPTIONAL, (1, 2))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        space = h5py.h5s.create_simple((3, 8, 8))
        dataset = h5py.h5d.create(file.id, b"frames", h5py.h5t.NATIVE_UINT8, space, properties)
        for row in range(3):
            dataset.write_direct_chunk((row, 0, 0), bytes(64))
    refused(tmp_path / "a.h5", "the filter 32008, which needs a plugin; write it with gzip")


def test_values_that_were_never_written_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("frames", (10**5, 8, 8), "u1", chunks=(1, 8, 8))[3] = 1
    refused(tmp_path / "a.h5", "holds 1 of its 100000 chunks")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("frames", (3, 8, 8), "u1")
    refused(tmp_path / "a.h5", "was never written")


def test_a_file_that_unfolds_to_more_than_is_allowed(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset(
            "frames", data=np.tile(np.eye(100, dtype="u1"), (300, 1, 1)), chunks=(30, 100, 100), compression=9
        )
    assert (tmp_path / "a.h5").stat().st_size < 20_000
    monkeypatch.setenv(MOST_GIB, "0.002")
    refused(
        tmp_path / "a.h5", r"/frames needs 0\.00279\d* GiB .* 0\.002 GiB are allowed; .* MORPHSIM_MOST_GIB"
    )
    assert read_target_frames(f"{tmp_path / 'a.h5'}:1,2").shape == (2, 100, 100)
    monkeypatch.setenv(MOST_GIB, "0.01")
    assert len(read_target_frames(tmp_path / "a.h5")) == 300
    for odd in ("many", "-1", "0", "nan", "inf", "1e300"):
        monkeypatch.setenv(MOST_GIB, odd)
        with pytest.raises(InputError, match=f"MORPHSIM_MOST_GIB is '{odd}'"):
            read_frames(tmp_path / "a.h5")


def test_a_chunk_that_unfolds_to_more_than_it_claims(tmp_path, monkeypatch):
    monkeypatch.setattr("morphsim.frames.hdf5_values._HARMLESS", 2**20)
    packed = zlib.compress(bytes(2**22), 9)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        dataset = file.create_dataset("frames", (1, 8, 8), "u1", chunks=(1, 8, 8), compression="gzip")
        dataset.id.write_direct_chunk((0, 0, 0), packed)
    refused(tmp_path / "a.h5", "expands beyond the 64 bytes")
    honest = np.random.default_rng(0).integers(0, 2, (1, 300, 400), np.uint8)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("frames", data=honest, chunks=(1, 300, 400), compression="gzip", fletcher32=True)
    np.testing.assert_array_equal(read_frames(tmp_path / "b.h5").frames, honest)


def test_long_texts_are_counted_before_they_are_spread(tmp_path, monkeypatch):
    monkeypatch.setenv(MOST_GIB, "0.01")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = np.zeros((1000, 2, 2), bool)
        file.create_dataset(
            "label", data=np.array(["a" * 20_000] + ["b"] * 999, object), dtype=h5py.string_dtype()
        )
    refused(tmp_path / "a.h5", "its column /label needs", by_rows=False)


def test_many_columns_count_together(tmp_path, monkeypatch):
    monkeypatch.setenv(MOST_GIB, "0.001")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = np.zeros((10_000, 2, 2), bool)
        for number in range(20):
            file[f"column {number}"] = np.zeros(10_000)
    refused(tmp_path / "a.h5", "its group /, with its columns together, needs", by_rows=False)


@pytest.mark.parametrize("number", [10**15, -(10**15), 1e300, 2**64 - 1])
def test_impossible_numbers_are_refused(tmp_path, number):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = FRAMES
        file["trajectory"] = np.array([number, 3, 3], np.uint64 if number == 2**64 - 1 else None)
    refused(tmp_path / "a.h5", "its column trajectory runs from .*: number them from 0", by_rows=False)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([0, 1, 10**9], [0, 1, 2]),
        ([-4, 5, -4], [0, 1, 0]),
        ([7, 7, 2], [1, 1, 0]),
        ([1.0, 0.0, 1.0], [1, 0, 1]),
        (["b", "a", "b"], [1, 0, 1]),
        ([0, 2, 2], [0, 2, 2]),
    ],
)
def test_numbers_of_films_of_other_programs(tmp_path, numbers, expected):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = FRAMES
        file["trajectory"] = numbers
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FrameWarning)
        assert read_frames(tmp_path / "a.h5").trajectory.tolist() == expected
    report = import_frames(ImportConfig(source=tmp_path / "a.h5", out=tmp_path / "out.h5"))
    assert report.trajectories == len(set(expected))
    assert bool(report.warnings) == (expected != np.array(numbers, object).tolist())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", "1.3.0"),
        ("version", 7),
        ("cells", "hexagonal"),
        ("units", "nm"),
        ("units", "[" * 10**4),
        ("process", "spinodal"),
        ("threshold", 128),
        ("threshold", np.nan),
        ("boundary", "neumann"),
        ("boundary", np.bytes_(b"\xff\xfe")),
        ("boundary", np.zeros((2, 2))),
        ("process", h5py.Empty("f4")),
        ("threshold", 0.5j),
        ("units", np.zeros(2, [("a", "u1")])),
    ],
)
def test_attributes_of_other_programs_are_ignored_with_a_warning(tmp_path, name, value):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["frames"] = FRAMES
        file.attrs[name] = value
    with pytest.warns(FrameWarning, match=rf"a\.h5: its attribute `{name}` is not morphsim's"):
        found = read_frames(path)
    assert (found.boundary, found.process, found.threshold) == ("no-flux", "unknown", 0.5)
    assert stated_boundary(path, strict=False) is None
    report = import_frames(ImportConfig(source=path, out=tmp_path / "out.h5"))
    assert report.frames == 3
    assert f"a.h5: its attribute `{name}` is not morphsim's" in " ".join(report.warnings)
    assert stated_boundary(tmp_path / "out.h5") is None


def test_attributes_of_other_programs_that_are_understood_count(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = FRAMES
        file.attrs["boundary"] = np.array(["periodic"], "S")
        file.attrs["threshold"] = np.array([0.25])
    found = read_frames(tmp_path / "a.h5")
    assert (found.boundary, found.threshold) == ("periodic", 0.25)
    assert stated_boundary(tmp_path / "a.h5") == "periodic"


def test_texts_of_other_programs_need_not_be_utf8(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = FRAMES
        file["label"] = np.array([b"\xb5m", b"nm", b"\xb5m"])
        file["time"] = np.array([b"noon", b"one", b"two"])
    with pytest.warns(FrameWarning) as caught:
        found = read_frames(tmp_path / "a.h5")
    said = " ".join(str(warning.message) for warning in caught)
    assert "label holds texts that are not UTF-8" in said
    assert "time holds text and is left out" in said
    assert found.recipes["label"].tolist() == ["µm", "nm"]
    assert found.trajectory.tolist() == [0, 1, 0]


def test_a_file_of_a_later_version_is_refused(tmp_path, make_set):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = FRAMES
        file.attrs.update(version=4, process="vapour", boundary="open", threshold=0.5, units="{}")
    refused(tmp_path / "a.h5", "format version is 4, and this morphsim reads versions up to 3; update")


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.int64, np.float32, np.float64])
def test_masks_of_any_type(tmp_path, kind):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = FRAMES.astype(kind) * kind(255)
    np.save(tmp_path / "a.npy", FRAMES.astype(kind) * kind(255))
    for path in (tmp_path / "a.h5", tmp_path / "a.npy"):
        np.testing.assert_array_equal(read_any(path).frames, FRAMES)
        np.testing.assert_array_equal(read_any(path, invert=True).frames, 1 - FRAMES)
        np.testing.assert_array_equal(read_target_frames(path), FRAMES)


NAMES = st.sampled_from(
    ["frames", "trajectory", "time", "seed", "recipes", "notes", "label", ".x", "recipes/chi"]
)
SHAPES = st.sampled_from([(), (1,), (3,), (3, 4, 5), (3, 1, 4, 5), (0,), (3, 0, 2)])
DTYPES = st.sampled_from(["u1", "i8", "u8", "f2", "f4", "f8", "?", "c8", "S3", "V2", "vlen", "ragged"])
VALUES = st.sampled_from([0, 1, 255, -1, 10**15, 0.5, np.nan, np.inf])
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["version", "process", "boundary", "threshold", "units", "cells", "sha256"]),
    st.one_of(
        st.text(max_size=4).filter(lambda text: "\0" not in text),
        st.floats(),
        st.binary(min_size=1, max_size=3),
        st.sampled_from(["drying", "periodic", "{}", "[]", 1, 2, 0.5, [1, 2], b"\xff"]),
    ),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    objects=st.dictionaries(NAMES, st.tuples(SHAPES, DTYPES, VALUES), max_size=5),
    attributes=ATTRIBUTES,
)
def test_odd_files_give_frames_or_one_line(tmp_path, objects, attributes):
    path = tmp_path / "odd.h5"
    with h5py.File(path, "w") as file:
        for name, (shape, kind, value) in {"frames": ((3, 4, 5), "u1", 1), **objects}.items():
            dtype = {"vlen": h5py.string_dtype(), "ragged": h5py.vlen_dtype(int)}.get(kind, kind)
            if name in file or (
                name.startswith("recipes/") and isinstance(file.get("recipes"), h5py.Dataset)
            ):
                continue
            item = file.create_dataset(name, shape, dtype)
            if kind in ["u1", "i8", "u8", "f2", "f4", "f8", "?", "c8"] and 0 not in shape:
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    item[...] = np.full(shape, value).astype(kind)
            elif kind == "vlen" and 0 not in shape:
                item[...] = np.full(shape, str(value), object)
        for name, value in attributes.items():
            file.attrs[name] = np.bytes_(value) if isinstance(value, bytes) else value
    for reader in (read_frames, read_any, read_target_frames, stated_boundary):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FrameWarning)
                reader(path)
        except InputError as error:
            assert "\n" not in str(error)
            assert len(str(error)) < 600
