"""Frame files: HDF5, one chunk per frame, columns by name; equal content gives equal bytes.

Layout (format version 3; version 1 has no attribute `cells`, version 2 no process `chain`):

    /frames          (N, H, W) uint8, 0 or 1, gzip; (N, C, H, W) with several channels
    /trajectory      (N,) int64, and any other column per frame: /time, /seed, /thickness
    /recipes/NAME    (T,) a recipe parameter of each trajectory
    /notes/NAME      optional texts, such as the plan of a data set
    attributes       version, process, boundary, threshold, units (JSON), cells (JSON, or "unknown"), sha256

Checksums cover every byte, so that damage is always detected. Each chunk of frames and columns has a Fletcher
checksum and the metadata of HDF5 their own; attributes and notes, which HDF5 stores without one, are covered
by the hash in the attribute `sha256`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames.axes import channels_first
from morphsim.frames.binary import as_binary_frames
from morphsim.frames.frame_set import UNKNOWN, Column, FrameSet
from morphsim.frames.hdf5 import find_dataset, listed, names_in, open_hdf5
from morphsim.frames.hdf5_values import read_values
from morphsim.frames.tables import (
    CELLS,
    DIGEST,
    FORMAT_VERSION,
    check_own,
    digest_of,
    is_own,
    read_notes_of,
    tables_of,
)
from morphsim.hdf5_writing import new_group, new_hdf5
from morphsim.lazy import renamed_argument

if TYPE_CHECKING:
    import h5py

_GZIP_LEVEL = 1
_CHUNK = 2**24


@renamed_argument("frameset", "frame_set")
def write_frames(path: str | Path, frame_set: FrameSet, *, notes: Mapping[str, str] | None = None) -> None:
    """Write a frame file atomically: it is complete or absent.

    Args:
        path: the HDF5 file.
        frame_set: the frames and their columns.
        notes: texts to store in the file, which `read_notes` returns.
    """
    with new_hdf5(path) as file:
        dataset = _create_frames(file, frame_set.frames.shape)
        # Frame by frame, so that HDF5 never holds a second copy of the whole array.
        for row, frame in enumerate(frame_set.frames):
            dataset[row] = frame
        _write_tables(file, frame_set, notes or {})


def merge_frames(path: str | Path, parts: Sequence[Path], *, notes: Mapping[str, str] | None = None) -> None:
    """Join frame files into one, in the given order; see `FrameSet.concatenate`.

    Memory holds one part and the resulting file.

    Raises:
        InputError: a part can't be read, or the parts don't match.
    """
    shapes = [frames_shape(part) for part in parts]
    # HDF5 would silently broadcast a smaller frame over a larger one.
    for part, shape in zip(parts, shapes, strict=True):
        if shape[1:] != shapes[0][1:]:
            raise InputError(
                f"{part} holds frames of the shape {shape[1:]} and {parts[0]} of {shapes[0][1:]}; "
                "only equal ones can be joined"
            )
    with new_hdf5(path) as file:
        dataset = _create_frames(file, (sum(shape[0] for shape in shapes), *shapes[0][1:]))
        tables: list[FrameSet] = []
        start = 0
        for part in parts:
            frame_set = read_frames(part)
            dataset[start : start + len(frame_set)] = frame_set.frames
            start += len(frame_set)
            tables.append(_without_pixels(frame_set))
        _write_tables(file, FrameSet.concatenate(tables), notes or {})


def read_frames(path: str | Path) -> FrameSet:
    """Read a frame file, or a foreign HDF5 file that has a dataset `frames`.

    Without a column `trajectory`, frames belong to one trajectory if all their columns except time,
    thickness, dryness and source agree; trajectories are ordered by their first frame, and these columns
    become the recipes (a seed stays a column). Without attributes the process is unknown, the boundary
    `no-flux` (such frames are never rolled) and the threshold 0.5. Attributes that share a name with
    morphsim's but have an invalid value are ignored with a `FrameWarning`. Frames of 0 and 255 become 0 and
    1. Channels may be the last axis of a foreign file, see `morphsim.frames.axes`. Anything else in the file
    is ignored.

    Raises:
        InputError: the file is missing, truncated, not HDF5, or its frames are not binary.
    """
    with open_hdf5(path) as file:
        frames = channels_first(read_values(_frames_dataset(file)), own=is_own(file))
        return tables_of(file, as_binary_frames(frames), name=f"{path}: ")


def read_rows(path: str | Path, rows: Sequence[int] | None) -> NDArray[np.uint8]:
    """Read only the frames of some rows, (K, H, W) or (K, C, H, W); all of them if `rows` is None.

    Raises:
        InputError: as `read_frames`, or a row out of range.
    """
    with open_hdf5(path) as file:
        own = check_own(file)
        dataset = _frames_dataset(file)
        for row in rows or ():
            if not 0 <= row < len(dataset):
                raise InputError(f"row {row} is asked for; rows run from 0 to {len(dataset) - 1}")
        return as_binary_frames(channels_first(read_values(dataset, rows), own=own))


def frames_shape(path: str | Path) -> tuple[int, ...]:
    """Shape (N, H, W) or (N, C, H, W) of a frame file, without reading its pixels.

    Raises:
        InputError: as `read_frames`.
    """
    with open_hdf5(path) as file:
        # An array of this shape that takes no memory.
        stand_in = np.broadcast_to(np.uint8(0), _frames_dataset(file).shape)
        return channels_first(stand_in, own=is_own(file)).shape


def read_notes(path: str | Path) -> dict[str, str]:
    """The texts stored beside the frames; empty if there are none.

    Raises:
        InputError: the file is missing, truncated or not HDF5.
    """
    with open_hdf5(path) as file:
        return read_notes_of(file)


def _without_pixels(frame_set: FrameSet) -> FrameSet:
    return FrameSet(
        frames=np.zeros((len(frame_set), 1, 1), np.uint8),
        columns=frame_set.columns,
        recipes=frame_set.recipes,
        process=frame_set.process,
        boundary=frame_set.boundary,
        threshold=frame_set.threshold,
        units=frame_set.units,
        cells=frame_set.cells,
    )


def _create_frames(file: h5py.File, shape: tuple[int, ...]) -> h5py.Dataset:
    return file.create_dataset(
        "frames",
        shape=shape,
        dtype=np.uint8,
        chunks=(1, *shape[1:]),
        compression="gzip",
        compression_opts=_GZIP_LEVEL,
        fletcher32=True,
        track_times=False,
    )


def _write_tables(file: h5py.File, frame_set: FrameSet, notes: Mapping[str, str]) -> None:
    for name, values in frame_set.columns.items():
        _write_column(file, name, values)
    group = new_group(file, "recipes")
    for name, values in frame_set.recipes.items():
        _write_column(group, name, values)
    # HDF5 pads texts with NUL, so trailing ones would be lost on reading.
    notes = {name: text.rstrip("\0") for name, text in notes.items()}
    if notes:
        group = new_group(file, "notes")
        for name, text in notes.items():
            group.create_dataset(name, data=_fixed_texts(np.array(text)), track_times=False)
    attributes: dict[str, Any] = {
        "version": FORMAT_VERSION,
        "process": frame_set.process,
        "boundary": frame_set.boundary,
        "threshold": float(frame_set.threshold),
        "units": json.dumps(dict(frame_set.units), sort_keys=True),
        CELLS: UNKNOWN if frame_set.cells is None else json.dumps(frame_set.cells),
    }
    for name, value in attributes.items():
        file.attrs[name] = value
    file.attrs[DIGEST] = np.bytes_(digest_of(attributes, notes))


def _write_column(group: h5py.Group, name: str, values: Column) -> None:
    if values.dtype.kind == "U":
        values = _fixed_texts(values)
    rows = min(len(values), max(1, _CHUNK // values.dtype.itemsize))
    group.create_dataset(name, data=values, chunks=(rows,), fletcher32=True, track_times=False)


def _fixed_texts(values: Column) -> Column:
    """Texts of fixed length, since HDF5 does not store those of variable length reproducibly."""
    import h5py

    # File names need not be valid text.
    texts = np.char.encode(values, "utf-8", "backslashreplace")
    return texts.astype(h5py.string_dtype("utf-8", max(1, texts.dtype.itemsize)))


def _frames_dataset(file: h5py.File) -> h5py.Dataset:
    dataset = find_dataset(file, "frames")
    if dataset is None:
        raise InputError(
            f"it has no dataset `frames`, only {listed(names_in(file))}; "
            "`morphsim import --array NAME` takes frames from another one"
        )
    if dataset.shape is None or dataset.ndim not in (3, 4) or 0 in dataset.shape:
        raise InputError(
            f"its `frames` have the shape {dataset.shape}; they must be (N, H, W), or (N, C, H, W) with "
            "several channels, none of them 0"
        )
    return dataset
