"""Columns, recipes and attributes of HDF5 files of frames, morphsim's own or another program's.

A file is morphsim's own if it has all of the attributes `version` (an integer), `process`, `boundary`,
`threshold` and `units`; invalid values in them are then errors. In any other file an attribute of such a name
may mean something else: an invalid value is ignored with a `FrameWarning`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from morphsim.checks import check_shape
from morphsim.errors import InputError
from morphsim.frames.frame_set import (
    RESERVED_NAMES,
    UNKNOWN,
    Column,
    FrameSet,
    is_column_name,
    stated_processes,
)
from morphsim.frames.hdf5 import DAMAGED, find_dataset, find_group, names_in
from morphsim.frames.hdf5_values import kind_of, read_attribute, read_text, read_texts, read_values
from morphsim.frames.plausible import warn_of_frames
from morphsim.limits import MOST_FILM_NUMBER, check_bytes
from morphsim.types import Boundary

if TYPE_CHECKING:
    import h5py

FORMAT_VERSION = 3
READ_VERSIONS = (1, 2, FORMAT_VERSION)
ATTRIBUTES = ("version", "process", "boundary", "threshold", "units")
CELLS = "cells"
"""Attribute with the solver's grid, which files of version 1 lack: theirs is the shape of the frames."""
DIGEST = "sha256"
"""Attribute with the hash of the other attributes and of the notes; HDF5's checksums cover the rest."""

_HALF = 0.5
# Columns that distinguish frames of one film or give their origin, and so don't belong to its recipe.
_NOT_RECIPE = frozenset({"time", "thickness", "dryness", "seed", "source"})
_NUMBERS = frozenset({"time", "thickness", "dryness", "seed"})


def is_own(file: h5py.File) -> bool:
    """Whether an open file was written by morphsim."""
    return all(name in file.attrs for name in ATTRIBUTES) and isinstance(read_attribute(file, "version"), int)


def read_settings(file: h5py.File) -> tuple[dict[str, Any], list[str]]:
    """Read `process`, `boundary`, `threshold`, `units` and `cells` of an open file.

    Returns:
        The valid ones, and messages about those that were ignored.

    Raises:
        InputError: a file of morphsim's own has another version, is damaged, or has an invalid value.
    """
    own = check_own(file)
    settings: dict[str, Any] = {}
    notes: list[str] = []
    for name in (*ATTRIBUTES, CELLS):
        if name not in file.attrs or (own and name == "version"):
            continue
        value = read_attribute(file, name)
        valid = _valid_value(name, value)
        if valid is not None:
            settings[name] = valid
        elif own:
            raise InputError(f"its attribute `{name}` is {value!r}; it must be {_ALLOWED[name]}")
        else:
            shown = "not a single number or text" if value is None else f"{str(value)[:40]!r}"
            notes.append(f"its attribute `{name}` is not morphsim's ({shown}) and is ignored")
    return settings, notes


def read_notes_of(file: h5py.File) -> dict[str, str]:
    """The texts stored beside the frames of an open file; empty if there are none.

    Raises:
        InputError: a text is too long, or the file is damaged.
    """
    notes = _notes(file)
    if is_own(file):
        _check_digest(file, notes)
    return notes


def threshold_of(file: h5py.File) -> float:
    """The threshold at which the frames of an open file were binarised; one half if it is not stated."""
    return float(read_settings(file)[0].get("threshold", _HALF))


def digest_of(attributes: Mapping[str, Any], notes: Mapping[str, str]) -> str:
    """The hash of attributes and notes."""
    text = json.dumps([dict(attributes), dict(notes)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def tables_of(file: h5py.File, frames: NDArray[np.uint8], *, name: str = "") -> FrameSet:
    """Join frames with the columns, recipes and attributes of an open file.

    Args:
        file: whose tables are read.
        frames: (N, H, W) or (N, C, H, W).
        name: of the file, with a colon and a space, for warnings of what is ignored.

    Raises:
        InputError: the tables contradict the frames.
    """
    settings, notes = read_settings(file)
    own = is_own(file)
    columns = dict(_read_columns(file, len(frames), notes))
    group = find_group(file, "recipes")
    recipes = {} if group is None else dict(_read_columns(group, None, notes))
    if not own:
        for column in sorted(_NUMBERS & columns.keys()):
            if columns[column].dtype.kind == "U":
                notes.append(f"its column {column} holds text and is left out")
                del columns[column]
        if "trajectory" in columns and not recipes:
            columns["trajectory"] = _numbered(columns["trajectory"], notes)
    if "trajectory" not in columns:
        columns["trajectory"], recipes = distinct_trajectories(columns, len(frames))
        for column in recipes:
            del columns[column]
    settings.pop("version", None)
    if own and CELLS not in settings and settings["process"] != UNKNOWN:
        settings[CELLS] = _cells(json.dumps(frames.shape[-2:]))
    if settings.get(CELLS) == UNKNOWN:
        del settings[CELLS]
    for note in notes:
        warn_of_frames(f"{name}{note}")
    return FrameSet(frames=frames, columns=columns, recipes=recipes, **settings)


def distinct_trajectories(
    columns: Mapping[str, Column], length: int
) -> tuple[NDArray[np.int64], dict[str, Column]]:
    """Distinguish films by their columns, numbered in the order of their first frame.

    Returns:
        The trajectory of each frame (N,), and the columns that describe recipes, each (T,).
    """
    names = [name for name in columns if name == "seed" or name not in _NOT_RECIPE]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(_rows(columns, names, length)))}
    trajectory = np.array([numbers[key] for key in _rows(columns, names, length)], np.int64)
    _, first = np.unique(trajectory, return_index=True)
    return trajectory, {name: columns[name][first] for name in names if name not in _NOT_RECIPE}


def check_own(file: h5py.File) -> bool:
    """Whether an open file is morphsim's own; if so, check its version, attributes and notes.

    Raises:
        InputError: it has another version, or is damaged.
    """
    if not is_own(file):
        return False
    version = read_attribute(file, "version")
    if version not in READ_VERSIONS:
        raise InputError(
            f"its format version is {version!r}, and this morphsim reads versions up to {FORMAT_VERSION}; "
            "update morphsim"
        )
    _check_digest(file, None)
    return True


def _check_digest(file: h5py.File, notes: Mapping[str, str] | None) -> None:
    stored = read_attribute(file, DIGEST)
    # Files of earlier versions have no hash.
    if stored is None:
        return
    names = [*ATTRIBUTES, *([CELLS] if CELLS in file.attrs else [])]
    attributes = {name: read_attribute(file, name) for name in names}
    plain = {name: repr(value) if isinstance(value, bytes) else value for name, value in attributes.items()}
    if digest_of(plain, _notes(file) if notes is None else notes) != stored:
        raise InputError(
            f"it {DAMAGED} (where its attributes were changed on purpose, delete its attribute `{DIGEST}`)"
        )


def _notes(file: h5py.File) -> dict[str, str]:
    group = find_group(file, "notes")
    notes: dict[str, str] = {}
    for name in [] if group is None else names_in(group):
        item = find_dataset(group, name)
        if item is not None and item.shape == () and kind_of(item) == "U":
            text = read_text(item)
            if text is not None:
                notes[name] = text
    return notes


_ALLOWED = {
    "process": f"one of {', '.join(stated_processes())}",
    "boundary": f"one of {', '.join(get_args(Boundary))}",
    "threshold": "a number between 0 and 1",
    "units": "a JSON object of names and units",
    CELLS: f"a JSON list of a height and a width, or {UNKNOWN}",
}


def _valid_value(name: str, value: Any) -> Any:
    """The value of an attribute in the type that morphsim uses; None if it is invalid."""
    if name == "version":
        return value if value in READ_VERSIONS else None
    if name == "threshold":
        return float(value) if isinstance(value, int | float) and 0.0 < value < 1.0 else None
    if not isinstance(value, str):
        return None
    if name == "units":
        try:
            units = json.loads(value)
        except (ValueError, RecursionError):
            return None
        return {key: str(unit) for key, unit in units.items()} if isinstance(units, dict) else None
    if name == CELLS:
        return UNKNOWN if value == UNKNOWN else _cells(value)
    return value if value in (stated_processes() if name == "process" else get_args(Boundary)) else None


def _cells(text: str) -> tuple[int, int] | None:
    """Height and width in JSON; None if no solver has such a grid."""
    try:
        return check_shape(json.loads(text), CELLS)
    except (ValueError, RecursionError):
        return None


def _numbered(values: Column, notes: list[str]) -> Column:
    """Film numbers from another program's numbers or names, renumbered from 0 if necessary."""
    if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.floor(values))).all():
        return values
    if values.dtype.kind in "iuf" and values.min() >= 0 and values.max() < len(values):
        return values.astype(np.int64)
    distinct, numbers = np.unique(values, return_inverse=True)
    if values.dtype.kind in "iuf" and max(abs(int(distinct[0])), abs(int(distinct[-1]))) >= MOST_FILM_NUMBER:
        raise InputError(
            f"its column trajectory runs from {distinct[0]} to {distinct[-1]}; films have numbers up to "
            f"{MOST_FILM_NUMBER - 1}: number them from 0, or remove the column"
        )
    notes.append(f"its column trajectory, {distinct[0]} to {distinct[-1]}, is renumbered from 0")
    return numbers.astype(np.int64)


def _rows(columns: Mapping[str, Column], names: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    # As text, since NaN (an unknown value) would not equal itself.
    for row in range(length):
        yield tuple(str(columns[name][row]) for name in names)


def _read_columns(group: h5py.Group, length: int | None, notes: list[str]) -> Iterator[tuple[str, Column]]:
    total = 0
    for name in names_in(group):
        if name in RESERVED_NAMES:
            continue
        item = find_dataset(group, name)
        if item is None or item.shape is None or item.ndim != 1 or len(item) != (length or len(item)):
            continue
        kind = kind_of(item)
        if kind not in "biufU":
            continue
        if not is_column_name(name):
            notes.append(f"its dataset {name!r} is left out, because no column can have this name")
            continue
        if kind == "U":
            values, utf8 = read_texts(item)
            if not utf8:
                notes.append(f"its column {name} holds texts that are not UTF-8; they are read as Latin-1")
        else:
            values = read_values(item)
        total += values.nbytes
        check_bytes(total, f"its group {group.name}, with its columns together,")
        yield name, values
