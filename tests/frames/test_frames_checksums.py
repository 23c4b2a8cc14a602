"""A flipped bit in a frame file is detected or harmless; other damage gives a one-line error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from morphsim.errors import InputError
from morphsim.frames import FrameSet, read_frames, read_notes, read_target_frames, write_frames
from morphsim.frames.tables import DIGEST

# In a separate process, since some damage may crash HDF5.
BATCH = """
import json, sys
from pathlib import Path
import numpy as np
from morphsim.errors import InputError
from morphsim.frames import read_frames, read_notes, read_target_frames, stated_boundary

def content(path):
    one = read_frames(path)
    tables = [{name: (values.dtype.str, values.tobytes().hex()) for name, values in table.items()}
              for table in (one.columns, one.recipes)]
    return [one.frames.tobytes().hex(), one.frames.shape, tables, one.process, one.boundary, one.threshold,
            dict(one.units), read_notes(path), stated_boundary(path),
            read_target_frames(f"{path}:2").tobytes().hex()]

path, count = Path(sys.argv[1]), int(sys.argv[2])
whole, good = path.read_bytes(), content(path)
rng = np.random.default_rng(7)
told = {"damaged": 0, "other": 0, "same": 0}
for number in range(2 * count):
    changed = bytearray(whole)
    if number < count:
        bit = int(len(whole) * 8 * (number + rng.random()) / count)
        changed[bit // 8] ^= 1 << bit % 8
    else:
        for place in rng.integers(0, len(whole), rng.integers(1, 20)):
            changed[place] = rng.integers(0, 256)
    bad = path.with_name("bad.h5")
    bad.write_bytes(bytes(changed))
    try:
        found = content(bad)
    except InputError as error:
        assert "bad.h5" in str(error) and "\\n" not in str(error), error
        told["damaged" if "is damaged (checksum)" in str(error) else "other"] += 1
    else:
        assert found == good, number
        told["same"] += 1
print(json.dumps(told))
"""


def test_flipped_bits_are_detected_or_change_nothing(tmp_path, make_set):
    write_frames(tmp_path / "a.h5", make_set(), notes={"plan": "{}" * 40})
    words = [sys.executable, "-c", BATCH, str(tmp_path / "a.h5"), "40"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["damaged"] > 20
    assert sum(told.values()) == 80


def flipped(path: Path, wanted: bytes) -> None:
    """Flip a bit within the bytes `wanted` of a file."""
    content = bytearray(path.read_bytes())
    content[content.index(wanted) + 1] ^= 4
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("place", [b"drying", b"no-flux", b'{"time"', b"a note to keep", b"wodo", b"recipes"])
def test_texts_numbers_and_names_have_checksums(tmp_path, make_set, place):
    write_frames(tmp_path / "a.h5", make_set(boundary="no-flux"), notes={"note": "a note to keep"})
    flipped(tmp_path / "a.h5", place)
    with pytest.raises(InputError, match=r"a\.h5.* is damaged \(checksum\)"):
        read_frames(tmp_path / "a.h5")


def test_pixels_have_checksums(tmp_path, make_set):
    write_frames(tmp_path / "a.h5", make_set())
    with h5py.File(tmp_path / "a.h5") as file:
        chunk = file["frames"].id.get_chunk_info(5)
    content = bytearray((tmp_path / "a.h5").read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 1
    (tmp_path / "a.h5").write_bytes(bytes(content))
    for spec in (tmp_path / "a.h5", f"{tmp_path / 'a.h5'}:5"):
        with pytest.raises(InputError, match=r"a\.h5 is damaged \(checksum\); restore it from a backup"):
            read_target_frames(spec)
    assert read_target_frames(f"{tmp_path / 'a.h5'}:4").shape == (1, 6, 9)


def test_attributes_can_be_changed_on_purpose(tmp_path, make_set):
    write_frames(tmp_path / "a.h5", make_set())
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file.attrs["boundary"] = "no-flux"
    with pytest.raises(InputError, match=f"delete its attribute `{DIGEST}`"):
        read_frames(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file.attrs[DIGEST]
    assert read_frames(tmp_path / "a.h5").boundary == "no-flux"


def write_as_before(path: Path, frame_set: FrameSet, notes: dict[str, str]) -> None:
    """A file as version 0.1.0 wrote it, without checksums."""
    with h5py.File(path, "w") as file:
        file.create_dataset("frames", data=frame_set.frames, chunks=(1, *frame_set.shape), compression="gzip")
        for group, table in ((file, frame_set.columns), (file.create_group("recipes"), frame_set.recipes)):
            for name, values in table.items():
                fixed = values
                if values.dtype.kind == "U":
                    texts = np.char.encode(values, "utf-8")
                    fixed = texts.astype(h5py.string_dtype("utf-8", texts.dtype.itemsize))
                group.create_dataset(name, data=fixed)
        for name, text in notes.items():
            file.create_dataset(f"notes/{name}", data=np.bytes_(text).astype(h5py.string_dtype("utf-8", 9)))
        file.attrs.update(version=1, process="drying", boundary="periodic", threshold=0.5)
        file.attrs["units"] = '{"time": "s"}'


def test_files_of_earlier_versions_still_load(tmp_path, make_set):
    frame_set = make_set()
    write_as_before(tmp_path / "a.h5", frame_set, {"plan": "{}"})
    found = read_frames(tmp_path / "a.h5")
    np.testing.assert_array_equal(found.frames, frame_set.frames)
    for mine, yours in ((found.columns, frame_set.columns), (found.recipes, frame_set.recipes)):
        assert mine.keys() == yours.keys()
        for name in mine:
            np.testing.assert_array_equal(mine[name], yours[name])
    assert (found.process, found.boundary, found.units) == ("drying", "periodic", {"time": "s"})
    assert read_notes(tmp_path / "a.h5") == {"plan": "{}"}


def test_checksums_cost_little_space(tmp_path, make_set):
    frame_set = make_set(films=10, shape=(50, 60))
    write_frames(tmp_path / "new.h5", frame_set)
    write_as_before(tmp_path / "old.h5", frame_set, {})
    assert (tmp_path / "new.h5").stat().st_size < 1.05 * (tmp_path / "old.h5").stat().st_size


def test_texts_that_end_in_zeros_keep_their_checksum(tmp_path, make_set):
    write_frames(tmp_path / "a.h5", make_set(), notes={"note": "padded\0\0"})
    assert read_notes(tmp_path / "a.h5") == {"note": "padded"}
