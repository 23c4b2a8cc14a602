"""Values from an open HDF5 file, each checked before it is read: its kind, size and compression."""

from __future__ import annotations

import contextlib
import math
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.limits import check_bytes, most_bytes

if TYPE_CHECKING:
    import h5py

_DEFLATE, _SHUFFLE, _FLETCHER32, _LZF = 1, 2, 3, 32000
_FILTERS = {_DEFLATE, _SHUFFLE, _FLETCHER32, _LZF}
# Largest expansion ratio of deflate (https://zlib.net/zlib_tech.html) and LZF.
_RATIO = {_DEFLATE: 1032, _LZF: 90}
# A chunk that can't expand beyond this [bytes] needs no further check.
_HARMLESS = 2**30
_PIECE = 2**20
_ATTRIBUTE = 2**16
_CHECKSUM = 4


def kind_of(dataset: h5py.Dataset) -> str:
    """The NumPy kind of a dataset's type; `U` for texts, `?` for types that NumPy lacks."""
    import h5py

    try:
        dtype = dataset.dtype
    except Exception:
        # For HDF5 types that NumPy lacks, h5py raises several kinds of exceptions.
        return "?"
    return "U" if h5py.check_string_dtype(dtype) else str(dtype.kind)


def read_values(dataset: h5py.Dataset, rows: Sequence[int] | None = None) -> NDArray[Any]:
    """Read the numbers of a dataset, or of some of its rows.

    Args:
        dataset: found by `morphsim.frames.hdf5.find_dataset`.
        rows: indices along the first axis; None for everything.

    Raises:
        InputError: it does not hold numbers, holds too many, or lacks values that its shape claims.
    """
    name = dataset.name
    if kind_of(dataset) not in "biuf" or dataset.shape is None:
        raise InputError(
            f"its dataset {name} holds {_type_name(dataset)} values; frames are numbers: bool, integers or "
            "floats (in a binary frame the numbers 0 and 1)"
        )
    size = dataset.size * dataset.dtype.itemsize
    if rows is not None:
        size = size // max(1, len(dataset)) * len(rows)
    check_bytes(size, f"its dataset {name}")
    _check_stored(dataset)
    if rows is None:
        return np.asarray(dataset[()])
    return np.stack([dataset[row] for row in rows])


def read_texts(dataset: h5py.Dataset) -> tuple[NDArray[np.str_], bool]:
    """Read the texts of a one-dimensional dataset.

    Returns:
        (N,) texts, and whether all were UTF-8; otherwise they are decoded as Latin-1, which accepts any
        bytes.

    Raises:
        InputError: as `read_values`, or the texts take too much memory.
    """
    name = f"its column {dataset.name}"
    check_bytes(dataset.size * dataset.dtype.itemsize, name)
    _check_stored(dataset)
    # A text of variable length is at most as long as the file, but any number of rows may share it.
    block = max(1, min(65536, most_bytes() // max(1, dataset.file.id.get_filesize())))
    raw: list[bytes] = []
    total = 0
    for start in range(0, len(dataset), block):
        part = [bytes(text) for text in dataset[start : start + block].tolist()]
        total += sum(map(len, part))
        check_bytes(total, name)
        raw += part
    check_bytes(4 * len(raw) * max(map(len, raw), default=0), name)
    try:
        return np.array([text.decode("utf-8") for text in raw], np.str_), True
    except UnicodeDecodeError:
        return np.array([text.decode("latin-1") for text in raw], np.str_), False


def read_text(dataset: h5py.Dataset) -> str | None:
    """Read a single text; None if it is not UTF-8.

    Raises:
        InputError: it is too long.
    """
    check_bytes(dataset.dtype.itemsize, f"its text {dataset.name}")
    try:
        return bytes(dataset[()]).decode("utf-8")
    except UnicodeDecodeError:
        return None


def read_attribute(group: h5py.Group, name: str) -> int | float | str | bytes | None:
    """Read an attribute that is a single number or text; None if it is missing or anything else.

    A text that is not UTF-8 is returned as bytes.
    """
    import h5py

    if name not in group.attrs:
        return None
    attribute = h5py.h5a.open(group.id, name.encode("utf-8"))
    if attribute.shape not in ((), (1,)) or attribute.get_storage_size() > _ATTRIBUTE:
        return None
    if attribute.get_type().get_class() not in (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING):
        return None
    value = np.asarray(group.attrs[name]).reshape(-1)[0]
    if isinstance(value, str):
        # h5py returns bytes that are not UTF-8 as lone surrogates.
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return bytes(value)
    if isinstance(value, np.integer):
        return int(value)
    return float(value) if isinstance(value, np.floating) else None


def _type_name(dataset: h5py.Dataset) -> str:
    kind = kind_of(dataset)
    return "unknown" if kind == "?" else "text" if kind == "U" else str(dataset.dtype)


def _check_stored(dataset: h5py.Dataset) -> None:
    """Check that all values were written: HDF5 silently reads missing ones as zeros."""
    if dataset.shape is None or dataset.size == 0:
        return
    if dataset.chunks is None:
        if dataset.id.get_storage_size() == 0:
            raise InputError(f"its dataset {dataset.name} was never written; make the file again")
        return
    packing = _packing(dataset)
    expected = math.prod(
        -(-length // side) for length, side in zip(dataset.shape, dataset.chunks, strict=True)
    )
    found = dataset.id.get_num_chunks()
    if found < expected:
        raise InputError(
            f"its dataset {dataset.name} holds {found} of its {expected} chunks, the others were never "
            "written; make the file again"
        )
    expanded = math.prod(dataset.chunks) * dataset.dtype.itemsize
    check_bytes(expanded, f"a chunk of its dataset {dataset.name}")
    if packing is None:
        return
    suspects: list[Any] = []

    def collect_suspects(chunk: Any) -> None:
        if chunk.size * _RATIO[packing] > _HARMLESS:
            suspects.append(chunk)

    dataset.id.chunk_iter(collect_suspects)
    for chunk in suspects:
        _check_expansion(dataset, chunk, packing, expanded)


def _packing(dataset: h5py.Dataset) -> int | None:
    """The filter that compresses a dataset; it must be one that is built into h5py."""
    properties = dataset.id.get_create_plist()
    numbers = [properties.get_filter(position)[0] for position in range(properties.get_nfilters())]
    if odd := [number for number in numbers if number not in _FILTERS]:
        raise InputError(
            f"its dataset {dataset.name} is stored with the filter {odd[0]}, which needs a plugin; write it "
            "with gzip, as `h5repack -f GZIP=4` does"
        )
    packing = [number for number in numbers if number in _RATIO]
    if len(packing) > 1:
        raise InputError(f"its dataset {dataset.name} is compressed twice; write it with gzip alone")
    return packing[0] if packing else None


def _check_expansion(dataset: h5py.Dataset, chunk: Any, packing: int, expanded: int) -> None:
    """Refuse a chunk that expands beyond its stated size: HDF5 would allocate memory without limit."""
    if packing != _DEFLATE:
        raise InputError(
            f"its dataset {dataset.name} has a chunk of {chunk.size} bytes compressed by LZF; write smaller "
            "ones, or use gzip"
        )
    _, stored = dataset.id.read_direct_chunk(chunk.chunk_offset)
    stream = zlib.decompressobj()
    total = 0
    with contextlib.suppress(zlib.error):
        # If this fails, so does reading, or the chunk is not compressed at all.
        while stored and not stream.eof:
            total += len(stream.decompress(stored, _PIECE))
            stored = stream.unconsumed_tail
            if total > expanded + _CHECKSUM:
                raise InputError(
                    f"a chunk of its dataset {dataset.name} expands beyond the {expanded} bytes that it "
                    "claims; the file is broken, make it again"
                )
