"""IDX files: what is written is read, and broken files are one line."""

from __future__ import annotations

import gzip
import math
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _idx import read_idx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from morphsim.errors import InputError

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
ANY_ARRAY = st.sampled_from(list(CODES)).flatmap(
    lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
)
# Files are written over again and again, which each example of a test may do.
ON_DISK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def idx(array: np.ndarray[Any, Any]) -> bytes:
    """The bytes of an IDX file, written by the words of the format alone."""
    kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, CODES[kind], array.ndim]) + sizes + array.astype(f">{kind}").tobytes()


@ON_DISK
@given(array=ANY_ARRAY, packed=st.booleans())
def test_what_is_written_is_read(array: np.ndarray[Any, Any], packed: bool, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    found = read_idx(path)
    assert (found.shape, found.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(found, array)


@ON_DISK
@given(array=ANY_ARRAY, data=st.data(), packed=st.booleans())
def test_every_truncated_file_is_refused(
    array: np.ndarray[Any, Any], data: st.DataObject, packed: bool, tmp_path: Path
) -> None:
    whole = gzip.compress(idx(array)) if packed else idx(array)
    kept = data.draw(st.integers(0, len(whole) - 1))
    path = tmp_path / "a"
    path.write_bytes(whole[:kept])
    with pytest.raises(InputError, match="fetch it again"):
        read_idx(path)


@ON_DISK
@given(array=ANY_ARRAY, tail=st.binary(min_size=1, max_size=9))
def test_bytes_beyond_the_numbers_are_refused(
    array: np.ndarray[Any, Any], tail: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    path.write_bytes(idx(array) + tail)
    with pytest.raises(InputError, match="holds more"):
        read_idx(path)


@ON_DISK
@given(start=st.binary(min_size=4, max_size=4), rest=st.binary(max_size=40))
def test_any_other_magic_number_is_refused(start: bytes, rest: bytes, tmp_path: Path) -> None:
    if start[:2] == b"\0\0" and start[2] in CODES.values():
        start = b"\1" + start[1:]
    path = tmp_path / "a"
    path.write_bytes(start + rest)
    with pytest.raises(InputError):
        read_idx(path)


@ON_DISK
@given(
    sizes=st.lists(st.sampled_from([0, 1, 3, 2**16, 2**31, 2**32 - 1]), min_size=1, max_size=70),
    body=st.binary(max_size=8),
)
def test_sizes_that_lie_cost_no_memory(sizes: list[int], body: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes([0, 0, 8, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + body)
    # Even an array without a number must have its other axes fit together into memory.
    possible = len(sizes) <= 32 and math.prod(size or 1 for size in sizes) < 2**31
    tracemalloc.start()
    try:
        if math.prod(sizes) == len(body) and possible:
            assert read_idx(path).shape == tuple(sizes)
        elif math.prod(sizes) != len(body):
            with pytest.raises(InputError, match="fetch it again"):
                read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="train-images does not exist; fetch"):
        read_idx(tmp_path / "train-images")


def test_a_damaged_gzip_file_is_one_line(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(idx(np.arange(1000, dtype=np.int32))))
    whole[len(whole) // 2] ^= 0xFF
    (tmp_path / "a").write_bytes(bytes(whole))
    with pytest.raises(InputError, match="damaged"):
        read_idx(tmp_path / "a")
