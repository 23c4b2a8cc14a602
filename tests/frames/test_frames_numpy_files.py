"""Untrusted NumPy files: headers and zip files are checked before use."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from morphsim.errors import InputError
from morphsim.frames import ImportConfig, import_frames, read_any
from morphsim.frames.numpy_files import read_numpy
from morphsim.limits import MOST_GIB

FRAMES = np.eye(8, dtype=np.uint8)[None].repeat(3, 0)


def header(shape: str, kind: str = "|u1") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    ("shape", "kind", "words"),
    [
        (
            "(1000000, 1000, 1000)",
            "|u1",
            "needs 931.3 GiB of memory, but 8 GiB are allowed; .* MORPHSIM_",
        ),
        ("(1000000, 1000, 1000)", "<f8", "needs 7451 GiB"),
        ("(10, 1000, 1000)", "|u1", "claims 10000000 bytes of values and holds"),
        (f"({'9' * 300}, 8, 8)", "|u1", "far too many"),
        ("(-3, 8, 8)", "|u1", "not a NumPy file of numbers"),
        ("(3, 8, 8)", "|O", "not a NumPy file of numbers"),
        ("(3, 8, 8)", "<U5", "not a NumPy file of numbers"),
        ("(3, 8, 8)", "<M8[s]", "not a NumPy file of numbers"),
        ("(" * 400, "|u1", "not a NumPy file of numbers"),
    ],
)
def test_a_header_that_claims_missing_values(tmp_path, shape, kind, words):
    content = header(shape, kind) + bytes(192)
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("frames.npy", content)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(InputError, match=words) as caught:
            read_any(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_zip_file_that_unfolds_to_much(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", frames=np.zeros((300, 100, 100), np.uint8))
    assert (tmp_path / "a.npz").stat().st_size < 10_000
    monkeypatch.setenv(MOST_GIB, "0.002")
    with pytest.raises(InputError, match=r"its array 'frames' needs 0\.00279\d* GiB of memory"):
        read_any(tmp_path / "a.npz")


def test_a_member_that_claims_little_and_unfolds_to_much(tmp_path):
    content = header("(300, 100, 100)") + bytes(3 * 10**6)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frames.npy", content)
    packed = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(packed.replace(struct.pack("<I", len(content)), struct.pack("<I", 200)))
    with pytest.raises(InputError, match="truncated"):
        read_any(tmp_path / "a.npz")


def test_one_array_of_several_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", phase=FRAMES, time=np.arange(3))
    with pytest.raises(InputError, match=r"no array 'frames', only phase, time; .* --array NAME"):
        read_any(tmp_path / "a.npz")
    np.testing.assert_array_equal(read_any(tmp_path / "a.npz", array="phase").frames, FRAMES)
    report = import_frames(ImportConfig(source=tmp_path / "a.npz", out=tmp_path / "a.h5", array="phase"))
    assert report.frames == 3
    np.savez(tmp_path / "b.npz", frames=FRAMES, time=np.arange(3))
    np.testing.assert_array_equal(read_any(tmp_path / "b.npz").frames, FRAMES)
    np.savez(tmp_path / "c.npz", anything=FRAMES)
    np.testing.assert_array_equal(read_any(tmp_path / "c.npz").frames, FRAMES)
    with pytest.raises(InputError, match="no array 'phase', only anything"):
        read_any(tmp_path / "c.npz", array="phase")
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("frames", "text")
    with pytest.raises(InputError, match="zip file without a NumPy array"):
        read_any(tmp_path / "d.npz")


@pytest.mark.parametrize("save", [np.save, np.savez, np.savez_compressed])
def test_changed_bytes_give_an_array_or_one_line(tmp_path, save):
    whole = io.BytesIO()
    save(whole, FRAMES)
    rng = np.random.default_rng(5)
    path = Path(tmp_path / "a.npy")
    for _ in range(200):
        content = bytearray(whole.getvalue())
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            content[place] = rng.integers(0, 256)
        path.write_bytes(bytes(content[: len(content) - int(rng.integers(0, 3))]))
        try:
            read_numpy(path)
        except InputError as error:
            assert "\n" not in str(error)
