"""Frames named on a command line: a file, or some rows of it, and what the file says of their sides."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import FrameWarning, InputError, MachineError
from morphsim.frames.binarisation import Binarisation
from morphsim.frames.binary import one_channel
from morphsim.frames.hdf5 import open_hdf5
from morphsim.frames.plausible import warn_of_one_phase
from morphsim.frames.readers import HDF5, TEXT, read_any
from morphsim.frames.store import read_rows
from morphsim.frames.tables import is_own, read_notes_of, read_settings
from morphsim.types import Boundary

BOUNDARY_NOTE = "boundary"
"""Name of the note in a frame file whose boundary is assumed."""

_WITH_ROWS = re.compile(r"(?P<file>.+):(?P<rows>[^:/\\]*)", re.DOTALL)
_ROWS = re.compile(r"[0-9]{1,12}(,[0-9]{1,12})*")


def read_target_frames(spec: str | Path, *, binarisation: Binarisation | None = None) -> NDArray[np.uint8]:
    """Read the frames given as `FILE`, `FILE:ROW` or `FILE:ROW,ROW,...`.

    Args:
        spec: an HDF5 file of binary frames, or any other file that `read_any` reads. Rows
            count from 0; without rows all frames are read. If a file is named exactly `spec`, all its frames
            are read.
        binarisation: how foreign files become frames, with all steps of the import that made the encoder's
            training frames but the resize; a threshold of one half by default. Morphsim's own files hold
            frames already, and in texts 0 is the donor.

    Returns:
        (K, H, W) uint8 0/1. A `FrameWarning` tells of frames that may not be what was meant, see `read_any`.

    Raises:
        InputError: a file that is missing or can't be read, several channels, or a row out of range.
    """
    path, rows = split_rows(str(spec))
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it, as FILE, FILE:ROW or FILE:ROW,ROW")
    if not path.is_file():
        raise InputError(f"{path} does not exist; name a target as FILE, FILE:ROW or FILE:ROW,ROW")
    binarisation = binarisation or Binarisation()
    if path.suffix.lower() in HDF5:
        frames = one_channel(read_rows(path, rows), name=f"{path}: its frames")
        warn_of_one_phase(frames, name=f"{path}: ")
        return as_training_frames(path, frames, binarisation)
    inverted = binarisation.invert and path.suffix.lower() not in TEXT
    try:
        with warnings.catch_warnings(record=True) as raised:
            warnings.simplefilter("always", FrameWarning)
            frames = read_any(
                path,
                threshold=binarisation.threshold,
                invert=inverted,
                preparation=binarisation.preparation,
            ).frames
    except (InputError, MachineError) as error:
        raise type(error)(f"{path}: {error}") from error
    for warning in raised:
        # The same warning, with the name of the file.
        warnings.warn(f"{path}: {warning.message}", warning.category, stacklevel=2)
    frames = binarisation.turned(frames)
    if rows is None:
        return frames
    for row in rows:
        if row >= len(frames):
            raise InputError(f"{path}: row {row} is asked for; rows run from 0 to {len(frames) - 1}")
    return frames[rows]


def as_training_frames(
    path: str | Path, frames: NDArray[np.uint8], binarisation: Binarisation
) -> NDArray[np.uint8]:
    """Invert and transpose the binary frames (..., H, W) of an HDF5 file as an import would have done.

    Args:
        path: the file; frames of morphsim's own files are returned unchanged.
        frames: its frames.
        binarisation: of the encoder's training frames.

    Raises:
        InputError: a file that can't be read.
    """
    if not binarisation.invert and not binarisation.transpose:
        return frames
    with open_hdf5(Path(path)) as file:
        if is_own(file):
            return frames
    return binarisation.turned(frames ^ np.uint8(1) if binarisation.invert else frames)


def stated_boundary(spec: str | Path, *, strict: bool = True) -> Boundary | None:
    """The boundary condition stated in the file of `FILE`, `FILE:ROW` or `FILE:ROW,ROW,...`.

    Args:
        spec: as for `read_target_frames`.
        strict: refuse a foreign file with an unknown boundary instead of ignoring it.

    Returns:
        None if the file states none: images, texts, arrays, foreign HDF5, and frame files made from these by
        `import_frames` without a boundary.

    Raises:
        InputError: an HDF5 file that can't be read.
    """
    path, _ = split_rows(str(spec))
    if path.suffix.lower() not in HDF5:
        return None
    with open_hdf5(path) as file:
        if BOUNDARY_NOTE in read_notes_of(file):
            return None
        settings, notes = read_settings(file)
        boundary: Boundary | None = settings.get("boundary")
        if strict and boundary is None and "boundary" in file.attrs:
            ignored = next(note for note in notes if "`boundary`" in note)
            raise InputError(f"{ignored.removesuffix(' and is ignored')}; import it with --boundary")
    return boundary


def read_frame(spec: str | Path, *, index: int | None = None) -> NDArray[np.uint8]:
    """Read the single frame given as `FILE` or `FILE:ROW`, (H, W) uint8 0/1.

    Args:
        spec: as for `read_target_frames`.
        index: the row, instead of `:ROW` in `spec`.

    Raises:
        InputError: as for `read_target_frames`, or there are several frames.
    """
    frames = read_target_frames(spec)
    if index is not None:
        if not 0 <= index < len(frames):
            raise InputError(f"{spec}: row {index} is asked for; rows run from 0 to {len(frames) - 1}")
        return np.asarray(frames[index])
    if len(frames) > 1:
        path, _ = split_rows(str(spec))
        raise InputError(f"{spec} names {len(frames)} frames where one is needed; add the row, as {path}:0")
    return np.asarray(frames[0])


def split_rows(spec: str) -> tuple[Path, list[int] | None]:
    """The file and the rows of FILE, FILE:ROW or FILE:ROW,ROW,...; None without rows.

    Raises:
        InputError: rows that are not numbers.
    """
    match = _WITH_ROWS.fullmatch(spec)
    if match is None or _is_file(Path(spec)):
        return Path(spec), None
    if not _ROWS.fullmatch(match["rows"]):
        raise InputError(f"{spec}: the rows {match['rows']!r} are not numbers; write FILE:3 or FILE:3,5,8")
    return Path(match["file"]), [int(row) for row in match["rows"].split(",")]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
