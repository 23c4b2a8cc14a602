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
from morphsim.frames.hdf5 import find_dataset, names_in, no_array, open_hdf5
from morphsim.frames.hdf5_values import read_values
from morphsim.frames.images import read_image
from morphsim.frames.matlab import read_matlab
from morphsim.frames.numpy_files import read_numpy
from morphsim.frames.plausible import warn_of_frames, warn_of_one_phase
from morphsim.frames.preparation import Preparation
from morphsim.frames.tables import is_own, tables_of, threshold_of
from morphsim.frames.text_pictures import read_csv
from morphsim.frames.tiff_stacks import TIFF
from morphsim.frames.transforms import binarise
from morphsim.frames.vtk_images import read_vtk
from morphsim.lazy import renamed_argument

TEXT = frozenset({".txt", ".dat"})
IMAGES = TIFF | {".png", ".jpg", ".jpeg", ".bmp", ".gif"}
ARRAYS = frozenset({".npy", ".npz"})
HDF5 = frozenset({".h5", ".hdf5"})
TABLES = frozenset({".csv", ".tsv"})
MATLAB = frozenset({".mat"})
VTK = frozenset({".vti", ".vtk"})
KINDS = TEXT | IMAGES | ARRAYS | HDF5 | TABLES | MATLAB | VTK

# Simulated fields overshoot the pure phases slightly.
_OVERSHOOT = 0.01
_HALF = 0.5
_BYTE = 255


@renamed_argument("dataset", "array")
def read_any(
    path: str | Path,
    *,
    threshold: float | None = None,
    invert: bool = False,
    array: str = "frames",
    preparation: Preparation | None = None,
) -> FrameSet:
    """Read and binarise the frames of one file of any known kind.

    In text (GraSPI's format) the donor is 0; in all other kinds it is bright, or 1. Images are read as grey,
    one frame per page, with 16 and 32 bits scaled by their range unless all values are 0 or 255. Of exactly
    two colours the brighter is 1; more colours become their luminance, see `morphsim.frames.colour`. Arrays
    and HDF5 datasets are (H, W) or (N, H, W), bool, floats 0..1 or integers 0..255. A single channel may be
    the last or second axis, and integers with 3 or 4 values along the last axis are colours. Integers up to 1
    are taken as 0/1. Larger integers that reach neither the middle of their range nor the threshold are phase
    labels rather than shades of grey, and are refused. Values beyond 0..1 or 0..255 and floats far below 1,
    such as heights in metres, are scaled in each picture.

    Pictures of only two values, 0 and 1 or 0 and 255, show two phases already: they are cropped and denoised,
    but neither flattened nor cut by a rule.

    A `FrameWarning` tells of frames that may not be what was meant, such as a single phase, a colour map or
    scaled values.

    Args:
        path: the file; its suffix gives the kind.
        threshold: smallest donor share of a donor pixel; by default that of the HDF5 file, or 0.5.
        invert: take the other phase as donor: dark or 0, and in text 1.
        array: name of the frames in a file of several arrays (HDF5, `.npz`, `.mat`, VTK), or number of the
            channel of a TIFF stack; a single array may have any name.
        preparation: what is done to the pictures before they are cut, and how a threshold is found.

    Returns:
        One trajectory with the column `time` (the page number), or for an HDF5 file the trajectories,
        recipes, process and boundary that `read_frames` returns.

    Raises:
        InputError: the file can't be read; the message does not repeat its name.
        MachineError: the operating system can't read it at the moment.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    steps = preparation or Preparation()
    if suffix in HDF5:
        found = _read_hdf5(path, array, threshold, invert, steps)
        warn_of_one_phase(found.frames)
        return found
    values: NDArray[Any]
    full = _BYTE
    if suffix in TEXT:
        values = read_graspi(path)
    elif suffix in IMAGES:
        values, full = read_image(path, channel=array)
    elif suffix in ARRAYS:
        values = one_grey_channel(read_numpy(path, name=array))
    elif suffix in TABLES:
        values = read_csv(path)
    elif suffix in MATLAB:
        values = read_matlab(path, name=array)
    elif suffix in VTK:
        values = read_vtk(path, name=array)
    else:
        raise InputError(f"its kind {suffix or 'without suffix'} is not known; use {' '.join(sorted(KINDS))}")
    threshold = _HALF if threshold is None else threshold
    frames = _to_frames(values, threshold, invert, steps, full=full)
    warn_of_one_phase(frames)
    columns = {
        "trajectory": np.zeros(len(frames), np.int64),
        "time": np.arange(len(frames), dtype=np.float64),
    }
    return FrameSet(frames=frames, columns=columns, threshold=threshold)


def _to_frames(
    values: NDArray[Any], threshold: float, invert: bool, steps: Preparation, *, full: int = _BYTE
) -> NDArray[np.uint8]:
    """Prepare and binarise values; integers run from 0 to `full`."""
    if values.ndim not in (2, 3) or values.size == 0:
        raise InputError(f"it holds an array of shape {values.shape}; frames are (H, W) or (N, H, W)")
    if values.dtype.kind not in "biuf":
        raise InputError(f"it holds {values.dtype} values; frames are bool, integers or floats")
    values = _cropped(values if values.ndim == 3 else values[None], steps)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError("it holds NaN or infinite values; fill the gaps, or leave them out with --mask")
    low, high = float(values.min()), float(values.max())
    if _are_phases(values):
        phases = np.stack([steps.smooth(picture) for picture in (values != 0).astype(np.uint8)])
        return binarise(1 - phases if invert else phases, threshold=threshold)
    scaled = _is_other_quantity(values.dtype.kind, low, high, threshold, full)
    if scaled and low == high:
        raise InputError(
            f"it holds the value {low:g} everywhere; a donor share runs from 0 to 1, grey from 0 to {full}, "
            "and another quantity needs at least two values"
        )
    # A rule finds the same pixels whatever the scale.
    if scaled and steps.rule is None:
        # The same text for all files of an import, which are counted.
        warn_of_frames(
            "its values are heights or another quantity rather than donor shares or shades of grey; the 1st "
            "to 99th percentile of each picture was taken as 0 to 1 (--flatten plane removes a tilt, "
            "--threshold otsu cuts between two levels)"
        )
    share: NDArray[Any] = values if scaled else values.astype(np.float32)
    if not scaled and values.dtype.kind != "f":
        share = share / np.float32(full)
    if scaled or steps.flatten is not None or steps.denoise is not None:
        share = steps.level(share, scale=scaled)
    share = np.float32(1.0) - share if invert else share
    if steps.rule is not None:
        return steps.donor(share)
    frames = binarise(share, threshold=threshold)
    if not scaled and values.dtype.kind in "iu" and high < _HALF * full and (frames == int(invert)).all():
        raise InputError(
            f"it holds whole numbers up to {high:g}, of which none is above the middle of 0 to {full}; give "
            f"0/1, 0/{full} or shades of grey, or find the threshold with --threshold otsu"
        )
    return frames


def _cropped(values: NDArray[Any], steps: Preparation) -> NDArray[Any]:
    if steps.mask == "bar" and _are_phases(values):
        # A layer at the substrate would be taken for a data bar.
        warn_of_frames(
            "bars are not searched in pictures of two values, and nothing was cropped; --mask "
            "X,Y,WIDTH,HEIGHT leaves a rectangle out"
        )
        return values
    return steps.crop(values)


def _are_phases(values: NDArray[Any]) -> bool:
    """Whether values are bool, 0 and 1 or 0 and 255, of whatever type."""
    low, high = values.min(), values.max()
    if values.dtype == np.bool_ or (values.dtype.kind in "iu" and low >= 0 and high <= 1):
        return True
    return low == 0.0 and high in (1.0, _BYTE) and bool(((values == 0) | (values == high)).all())


def _is_other_quantity(kind: str, low: float, high: float, threshold: float, full: int) -> bool:
    """Whether values are neither donor shares nor shades of grey."""
    if kind != "f":
        return low < 0 or high > full
    beyond = low < -_OVERSHOOT or high > 1.0 + _OVERSHOOT
    return beyond or (high < min(threshold, _OVERSHOOT) and (low, high) != (0.0, 0.0))


def _read_hdf5(path: Path, array: str, threshold: float | None, invert: bool, steps: Preparation) -> FrameSet:
    with open_hdf5(path, named=False) as file:
        item = find_dataset(file, array)
        if item is None:
            raise no_array(array, names_in(file), kind="dataset")
        if threshold is None:
            threshold = threshold_of(file)
        # The dataset `frames` of morphsim's own files is (N, H, W), however narrow the frames are.
        own = array == "frames" and is_own(file)
        values = one_grey_channel(read_values(item), own=own)
        tables = tables_of(file, _to_frames(values, threshold, invert, steps))
    # The solver's grid covers the whole film.
    cells = None if steps.mask is not None else tables.cells
    return replace(tables, threshold=threshold, cells=cells)
