"""Readers for all kinds of files of frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames.axes import one_grey_channel
from morphsim.frames.frame_set import FrameSet
from morphsim.frames.graspi import read_graspi
from morphsim.frames.hdf5 import find_dataset, listed, names_in, open_hdf5
from morphsim.frames.hdf5_values import read_values
from morphsim.frames.images import read_image
from morphsim.frames.numpy_files import read_numpy
from morphsim.frames.plausible import warn_of_one_phase
from morphsim.frames.tables import is_own, tables_of, threshold_of
from morphsim.frames.transforms import binarise

TEXT = frozenset({".txt", ".dat"})
IMAGES = frozenset({".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".gif"})
ARRAYS = frozenset({".npy", ".npz"})
HDF5 = frozenset({".h5", ".hdf5"})
KINDS = TEXT | IMAGES | ARRAYS | HDF5

# Simulated fields overshoot the pure phases slightly.
_OVERSHOOT = 0.01
_HALF = 0.5
_BYTE = 255


def read_any(
    path: str | Path, *, threshold: float | None = None, invert: bool = False, dataset: str = "frames"
) -> FrameSet:
    """Read and binarise the frames of one file of any known kind.

    In text (GraSPI's format) the donor is 0; in all other kinds it is bright, or 1. Images are read as grey,
    one frame per page, with 16 and 32 bits scaled by their range unless all values are 0 or 255. Of exactly
    two colours the brighter is 1; more colours become their luminance, see `morphsim.frames.colour`. Arrays
    and HDF5 datasets are (H, W) or (N, H, W), bool, floats 0..1 or integers 0..255. A single channel may be
    the last or second axis, and integers with 3 or 4 values along the last axis are colours. Integers up to 1
    are taken as 0/1. Larger integers that reach neither the middle of their range nor the threshold are phase
    labels rather than shades of grey, and are refused.

    A `FrameWarning` tells of frames that may not be what was meant, such as a single phase or a colour map.

    Args:
        path: the file; its suffix gives the kind.
        threshold: smallest donor share of a donor pixel; by default that of the HDF5 file, or 0.5.
        invert: take the other phase as donor: dark or 0, and in text 1.
        dataset: name of the frames in an HDF5 or `.npz` file; a single array may have any name.

    Returns:
        One trajectory with the column `time` (the page number), or for an HDF5 file the trajectories,
        recipes, process and boundary that `read_frames` returns.

    Raises:
        InputError: the file can't be read; the message does not repeat its name.
        MachineError: the operating system can't read it at the moment.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in HDF5:
        found = _read_hdf5(path, dataset, threshold, invert)
        warn_of_one_phase(found.frames)
        return found
    values: NDArray[Any]
    full = _BYTE
    if suffix in TEXT:
        values = read_graspi(path)
    elif suffix in IMAGES:
        values, full = read_image(path)
    elif suffix in ARRAYS:
        values = one_grey_channel(read_numpy(path, name=dataset))
    else:
        raise InputError(f"its kind {suffix or 'without suffix'} is not known; use {' '.join(sorted(KINDS))}")
    threshold = _HALF if threshold is None else threshold
    frames = _to_frames(values, threshold, invert, full=full)
    warn_of_one_phase(frames)
    columns = {
        "trajectory": np.zeros(len(frames), np.int64),
        "time": np.arange(len(frames), dtype=np.float64),
    }
    return FrameSet(frames=frames, columns=columns, threshold=threshold)


def _to_frames(
    values: NDArray[Any], threshold: float, invert: bool, *, full: int = _BYTE
) -> NDArray[np.uint8]:
    """Binarise values; integers run from 0 to `full`."""
    if values.ndim not in (2, 3) or values.size == 0:
        raise InputError(f"it holds an array of shape {values.shape}; frames are (H, W) or (N, H, W)")
    if values.dtype.kind not in "biuf":
        raise InputError(f"it holds {values.dtype} values; frames are bool, integers or floats")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError("it holds NaN or infinite values; donor shares are numbers from 0 to 1")
    low, high = float(values.min()), float(values.max())
    if low == 0.0 and high == _BYTE and ((values == 0) | (values == _BYTE)).all():
        # A mask, of whatever type.
        values = values != 0
        high = 1.0
    share = values.astype(np.float32)
    if values.dtype.kind == "f":
        if low < -_OVERSHOOT or high > 1.0 + _OVERSHOOT:
            raise InputError(
                f"it holds values from {low:g} to {high:g}; floats must run from 0 to 1, or be 0 and {_BYTE}"
            )
        if high < min(threshold, _OVERSHOOT) and (low, high) != (0.0, 0.0):
            raise InputError(
                f"it holds values from {low:g} to {high:g}, far below 1: they are not donor shares but "
                "heights or another quantity; scale them so that they run from 0 to 1"
            )
    elif low < 0 or high > full:
        raise InputError(f"it holds values from {low:g} to {high:g}; integers must run from 0 to {full}")
    elif high > 1:
        share /= np.float32(full)
    frames = binarise(1.0 - share if invert else share, threshold=threshold)
    if values.dtype.kind in "iu" and 1 < high < _HALF * full and (frames == int(invert)).all():
        raise InputError(
            f"it holds whole numbers up to {high:g}, of which none is above the middle of 0 to {full}; give "
            f"0/1, 0/{full} or shades of grey"
        )
    return frames if frames.ndim == 3 else frames[None]


def _read_hdf5(path: Path, dataset: str, threshold: float | None, invert: bool) -> FrameSet:
    with open_hdf5(path, named=False) as file:
        item = find_dataset(file, dataset)
        if item is None:
            raise InputError(
                f"it has no dataset {dataset!r}, only {listed(names_in(file))}; choose with --dataset"
            )
        if threshold is None:
            threshold = threshold_of(file)
        # The dataset `frames` of morphsim's own files is (N, H, W), however narrow the frames are.
        own = dataset == "frames" and is_own(file)
        values = one_grey_channel(read_values(item), own=own)
        tables = tables_of(file, _to_frames(values, threshold, invert))
    return replace(tables, threshold=threshold)
