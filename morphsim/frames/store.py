"""Frame files: HDF5, one chunk a frame, columns by name; equal content gives equal bytes.

Layout (format version 1):

    /frames          (N, H, W) uint8, 0 or 1, gzip; (N, C, H, W) with several channels
    /trajectory      (N,) int64, and any other column per frame: /time, /seed, /thickness
    /recipes/NAME    (T,) a recipe parameter of each trajectory
    /notes/NAME      optional texts, as the plan of a data set
    attributes       version, process, boundary, threshold, units (JSON)
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.files import atomic_path
from morphsim.frames.axes import channels_first
from morphsim.frames.binary import as_binary_frames
from morphsim.frames.frameset import RESERVED_NAMES, Column, FrameSet

if TYPE_CHECKING:
    import h5py

FORMAT_VERSION = 1
_GZIP_LEVEL = 1
_LARGE = 2**30
# Of gzip: a run of zeros shrinks to some thousandth.
_BEST_COMPRESSION = 2000

# Columns that tell frames of one film apart, or describe where they come from, rather than its recipe.
_NOT_RECIPE = frozenset({"time", "thickness", "dryness", "seed", "source"})


def write_frames(path: str | Path, frameset: FrameSet, *, notes: Mapping[str, str] | None = None) -> None:
    """Write a frame file in one step: it is whole or absent.

    Args:
        path: the HDF5 file.
        frameset: what to write.
        notes: texts to keep in the file, read again by `read_notes`.
    """
    import h5py

    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        dataset = _create_frames(file, frameset.frames.shape)
        # Frame by frame, so that HDF5 never holds a second copy of the whole array.
        for row, frame in enumerate(frameset.frames):
            dataset[row] = frame
        _write_tables(file, frameset, notes or {})


def merge_frames(path: str | Path, parts: Sequence[Path], *, notes: Mapping[str, str] | None = None) -> None:
    """Join frame files into one in their order, with the memory of one part; see `FrameSet.concatenate`.

    Raises:
        InputError: a part can't be read, or they don't fit together.
    """
    import h5py

    shapes = [frames_shape(part) for part in parts]
    # HDF5 would spread a smaller frame over a larger one without a word.
    for part, shape in zip(parts, shapes, strict=True):
        if shape[1:] != shapes[0][1:]:
            raise InputError(
                f"{part} holds frames of the shape {shape[1:]} and {parts[0]} of {shapes[0][1:]}; "
                "only equal ones can be joined"
            )
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        dataset = _create_frames(file, (sum(shape[0] for shape in shapes), *shapes[0][1:]))
        tables: list[FrameSet] = []
        start = 0
        for part in parts:
            frameset = read_frames(part)
            dataset[start : start + len(frameset)] = frameset.frames
            start += len(frameset)
            tables.append(_without_pixels(frameset))
        _write_tables(file, FrameSet.concatenate(tables), notes or {})


def read_frames(path: str | Path) -> FrameSet:
    """Read a frame file, or a foreign HDF5 file that has a dataset `frames`.

    Without a column `trajectory`, frames belong to one trajectory where all their columns but time,
    thickness, dryness and source agree, in the order of their first frame; those columns then become the
    recipes (a seed stays a column). Without attributes the process is unknown, the boundary `no-flux` (such
    frames are never rolled) and the threshold 0.5. Frames of 0 and 255 become 0 and 1. Channels may stand
    last in a foreign file, see `morphsim.frames.axes`. Anything else in the file is ignored.

    Raises:
        InputError: the file is missing, truncated, not HDF5, or its frames are not binary.
    """
    with _opened(path) as file:
        frames = as_binary_frames(channels_first(_frames_dataset(file)[()], own=_is_own(file)))
        return tables_of(file, frames)


def read_rows(path: str | Path, rows: Sequence[int] | None) -> NDArray[np.uint8]:
    """Read the frames of some rows only, (K, H, W) or (K, C, H, W), or of all where `rows` is None.

    Raises:
        InputError: as `read_frames`, or a row out of range.
    """
    with _opened(path) as file:
        dataset = _frames_dataset(file)
        if rows is None:
            return as_binary_frames(channels_first(dataset[()], own=_is_own(file)))
        for row in rows:
            if not 0 <= row < len(dataset):
                raise InputError(f"row {row} is asked for; rows run from 0 to {len(dataset) - 1}")
        chosen = np.stack([dataset[row] for row in rows])
        return as_binary_frames(channels_first(chosen, own=_is_own(file)))


def frames_shape(path: str | Path) -> tuple[int, ...]:
    """(N, H, W) or (N, C, H, W) of a frame file, without reading its pixels.

    Raises:
        InputError: as `read_frames`.
    """
    with _opened(path) as file:
        without_memory = np.broadcast_to(np.uint8(0), _frames_dataset(file).shape)
        return channels_first(without_memory, own=_is_own(file)).shape


def read_notes(path: str | Path) -> dict[str, str]:
    """The texts that were stored beside the frames; empty for a file without any.

    Raises:
        InputError: the file is missing, truncated or not HDF5.
    """
    import h5py

    with _opened(path) as file:
        group = file.get("notes")
        if not isinstance(group, h5py.Group):
            return {}
        return {
            name: item.asstr()[()]
            for name, item in group.items()
            if isinstance(item, h5py.Dataset) and item.shape == () and h5py.check_string_dtype(item.dtype)
        }


def tables_of(file: h5py.File, frames: NDArray[np.uint8]) -> FrameSet:
    """Join frames with the columns, recipes and attributes that an open file has for them.

    Args:
        file: read for its tables.
        frames: (N, H, W) or (N, C, H, W).

    Raises:
        InputError: the tables contradict the frames.
    """
    import h5py

    columns = dict(_read_columns(file, len(frames)))
    group = file.get("recipes")
    recipes = dict(_read_columns(group, None)) if isinstance(group, h5py.Group) else {}
    if "trajectory" not in columns:
        columns["trajectory"], recipes = distinct_trajectories(columns, len(frames))
        for name in recipes:
            del columns[name]
    attributes = file.attrs
    version = attributes.get("version", FORMAT_VERSION)
    if version != FORMAT_VERSION:
        raise InputError(f"its format version is {version}; this morphsim reads version {FORMAT_VERSION}")
    units = json.loads(_text(attributes.get("units", "{}")))
    if not isinstance(units, dict):
        raise InputError("its attribute `units` is not a JSON object of names and units")
    return FrameSet(
        frames=frames,
        columns=columns,
        recipes=recipes,
        process=_text(attributes.get("process", "unknown")),
        boundary=_text(attributes.get("boundary", "no-flux")),  # type: ignore[arg-type] # it is checked there
        threshold=threshold_of(file),
        units={str(name): str(unit) for name, unit in units.items()},
    )


def threshold_of(file: h5py.File) -> float:
    """The donor share at which the frames of an open file were binarised; one half where it does not say."""
    return float(file.attrs.get("threshold", 0.5))


def distinct_trajectories(
    columns: Mapping[str, Column], length: int
) -> tuple[NDArray[np.int64], dict[str, Column]]:
    """Tell films apart by their columns, numbered in the order of their first frame.

    Returns:
        The trajectory of each frame (N,), and the columns that describe recipes, each (T,).
    """
    names = [name for name in columns if name == "seed" or name not in _NOT_RECIPE]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(_rows(columns, names, length)))}
    trajectory = np.array([numbers[key] for key in _rows(columns, names, length)], np.int64)
    _, first = np.unique(trajectory, return_index=True)
    return trajectory, {name: columns[name][first] for name in names if name not in _NOT_RECIPE}


def _rows(columns: Mapping[str, Column], names: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    # As text, since NaN (a value that is not known) would differ from itself.
    for row in range(length):
        yield tuple(str(columns[name][row]) for name in names)


def _without_pixels(frameset: FrameSet) -> FrameSet:
    return FrameSet(
        frames=np.zeros((len(frameset), 1, 1), np.uint8),
        columns=frameset.columns,
        recipes=frameset.recipes,
        process=frameset.process,
        boundary=frameset.boundary,
        threshold=frameset.threshold,
        units=frameset.units,
    )


def _create_frames(file: h5py.File, shape: tuple[int, ...]) -> h5py.Dataset:
    return file.create_dataset(
        "frames",
        shape=shape,
        dtype=np.uint8,
        chunks=(1, *shape[1:]),
        compression="gzip",
        compression_opts=_GZIP_LEVEL,
        track_times=False,
    )


def _write_tables(file: h5py.File, frameset: FrameSet, notes: Mapping[str, str]) -> None:
    for name, values in frameset.columns.items():
        _write_column(file, name, values)
    group = file.create_group("recipes")
    for name, values in frameset.recipes.items():
        _write_column(group, name, values)
    if notes:
        group = file.create_group("notes")
        for name, text in notes.items():
            _write_column(group, name, np.array(text))
    file.attrs["version"] = FORMAT_VERSION
    file.attrs["process"] = frameset.process
    file.attrs["boundary"] = frameset.boundary
    file.attrs["threshold"] = frameset.threshold
    file.attrs["units"] = json.dumps(dict(frameset.units), sort_keys=True)


def _write_column(group: h5py.Group, name: str, values: Column) -> None:
    import h5py

    if values.dtype.kind == "U":
        texts = np.char.encode(values, "utf-8")
        # Texts of a fixed length: the heap that holds those of variable length is not repeatable.
        values = texts.astype(h5py.string_dtype("utf-8", max(1, texts.dtype.itemsize)))
    group.create_dataset(name, data=values, track_times=False)


def _read_columns(group: h5py.Group, length: int | None) -> Iterator[tuple[str, Column]]:
    import h5py

    for name in group:
        item = group.get(name)
        if name in RESERVED_NAMES or not isinstance(item, h5py.Dataset) or item.ndim != 1:
            continue
        if length is not None and len(item) != length:
            continue
        if h5py.check_string_dtype(item.dtype):
            yield name, np.array(list(item.asstr()[()]), dtype=np.str_)
        elif item.dtype.kind in "biuf":
            yield name, item[()]


def _is_own(file: h5py.File) -> bool:
    return "version" in file.attrs


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _frames_dataset(file: h5py.File) -> h5py.Dataset:
    import h5py

    dataset = file.get("frames")
    if not isinstance(dataset, h5py.Dataset):
        names: Iterable[str] = list(file)
        raise InputError(
            f"it has no dataset `frames`, only {', '.join(names) or 'nothing at all'}; "
            "`morphsim import --dataset NAME` takes frames from another one"
        )
    if dataset.ndim not in (3, 4) or 0 in dataset.shape:
        raise InputError(
            f"its `frames` have the shape {dataset.shape}; they must be (N, H, W), or (N, C, H, W) with "
            "several channels, none of them 0"
        )
    check_size(dataset)
    return dataset


def check_size(dataset: h5py.Dataset) -> None:
    """Refuse a dataset that claims far more than the file can hold, before memory is given to it.

    Raises:
        InputError: it is larger than the best compression could make it.
    """
    size, stored = dataset.size * dataset.dtype.itemsize, dataset.id.get_storage_size()
    if size > _LARGE and size > _BEST_COMPRESSION * stored:
        raise InputError(f"it claims {size} bytes of frames and holds {stored}; it is broken, make it again")


@contextlib.contextmanager
def _opened(path: str | Path) -> Iterator[h5py.File]:
    import h5py

    if Path(path).is_dir():
        raise InputError(f"{path} is a folder; name an HDF5 file of frames in it")
    if not Path(path).is_file():
        raise InputError(f"{path} does not exist; name an HDF5 file of frames")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except MemoryError as error:
        raise InputError(f"{path} claims more frames than memory holds; it is broken or too large") from error
    except (OSError, RuntimeError, ValueError, TypeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path} is not an HDF5 file of frames, or is truncated ({reason}); make or fetch it again"
        ) from error
