"""Readers of the kinds of files that frames come in, each with the reason why one can't be read."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames.frameset import FrameSet
from morphsim.frames.graspi import read_graspi
from morphsim.frames.hdf5 import find_dataset, listed, names_in, open_hdf5
from morphsim.frames.hdf5_values import read_values
from morphsim.frames.numpy_files import read_numpy
from morphsim.frames.tables import tables_of, threshold_of
from morphsim.frames.transforms import binarise

if TYPE_CHECKING:
    from PIL import Image

TEXT = frozenset({".txt", ".dat"})
IMAGES = frozenset({".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".gif"})
ARRAYS = frozenset({".npy", ".npz"})
HDF5 = frozenset({".h5", ".hdf5"})
KINDS = TEXT | IMAGES | ARRAYS | HDF5

# Fields of a simulation step over the pure phases by a little.
_OVERSHOOT = 0.01
_HALF = 0.5
_BYTE = 255
_SHORT = 65535
_LONG = 2**31 - 1


def read_any(
    path: str | Path, *, threshold: float | None = None, invert: bool = False, dataset: str = "frames"
) -> FrameSet:
    """Read the frames of one file of any known kind, binarised.

    Text is GraSPI's, in which 0 is the donor; in all other kinds bright or 1 is. Images are read as grey
    (colour as luminance, transparency ignored, a page a frame, 16 and 32 bits scaled by their range); arrays
    and HDF5 datasets are (H, W) or (N, H, W), bool, floats 0..1 or integers 0..255. Integers that reach no
    further than 1 are taken as 0/1; those that reach further, but neither the middle of their range nor the
    threshold, are labels of phases rather than shades of grey, and refused.

    Args:
        path: its suffix tells its kind.
        threshold: donor share from which on a pixel counts as donor; without it that of the HDF5 file, or
            0.5.
        invert: the other phase is donor: dark or 0, and in text 1.
        dataset: name of the frames in an HDF5 or `.npz` file; an only array may have any name.

    Returns:
        One trajectory with the column `time` (the number of the page), or from an HDF5 file the trajectories,
        recipes, process and boundary that `read_frames` would find there.

    Raises:
        InputError: the reason why the file can't be read, without its name.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in HDF5:
        return _read_hdf5(path, dataset, threshold, invert)
    values: NDArray[Any]
    full = _BYTE
    if suffix in TEXT:
        values = read_graspi(path)
    elif suffix in IMAGES:
        values, full = _read_image(path)
    elif suffix in ARRAYS:
        values = read_numpy(path, name=dataset)
    else:
        raise InputError(f"its kind {suffix or 'without suffix'} is not known; use {' '.join(sorted(KINDS))}")
    threshold = _HALF if threshold is None else threshold
    frames = _to_frames(values, threshold, invert, full=full)
    columns = {
        "trajectory": np.zeros(len(frames), np.int64),
        "time": np.arange(len(frames), dtype=np.float64),
    }
    return FrameSet(frames=frames, columns=columns, threshold=threshold)


def _to_frames(
    values: NDArray[Any], threshold: float, invert: bool, *, full: int = _BYTE
) -> NDArray[np.uint8]:
    """Binarise values, of which integers run from 0 to `full`."""
    if values.ndim not in (2, 3) or values.size == 0:
        raise InputError(f"it holds an array of shape {values.shape}; frames are (H, W) or (N, H, W)")
    if values.dtype.kind not in "biuf":
        raise InputError(f"it holds {values.dtype} values; frames are bool, integers or floats")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError("it holds NaN or infinite values; donor shares are numbers from 0 to 1")
    low, high = float(values.min()), float(values.max())
    if low == 0.0 and high == _BYTE and ((values == 0) | (values == _BYTE)).all():
        # A mask, in whatever type another program keeps it.
        values = values != 0
        high = 1.0
    share = values.astype(np.float32)
    if values.dtype.kind == "f":
        if low < -_OVERSHOOT or high > 1.0 + _OVERSHOOT:
            raise InputError(
                f"it holds values from {low:g} to {high:g}; floats must run from 0 to 1, or be 0 and {_BYTE}"
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
        tables = tables_of(file, _to_frames(read_values(item), threshold, invert))
    return replace(tables, threshold=threshold)


def _read_image(path: Path) -> tuple[NDArray[Any], int]:
    """The pages (N, H, W), and the largest value that their pixels could have."""
    from PIL import Image, ImageSequence

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                full = _full(image)
                pages = [_grey(page) for page in ImageSequence.Iterator(image)]
    except InputError:
        raise
    except Exception as error:
        # A broken file makes Pillow raise nearly anything.
        raise InputError(f"it is not an image, or is truncated ({_one_line(error)})") from error
    if len({page.shape for page in pages}) > 1:
        raise InputError("its pages differ in size; save them as separate images")
    if len({page.dtype for page in pages}) > 1:
        raise InputError("its pages differ in depth; save them as separate images")
    return np.stack(pages), full


def _full(image: Image.Image) -> int:
    if image.mode == "I":
        # Pillow gives 16-bit PNG as 32-bit integers in some of its versions.
        return _SHORT if image.format == "PNG" else _LONG
    return _SHORT if image.mode.startswith("I;16") else _BYTE


def _grey(page: Image.Image) -> NDArray[Any]:
    if page.mode.startswith("I;16"):
        return np.array(page).astype(np.uint16)
    if page.mode in {"1", "L", "F", "I"}:
        return np.array(page)
    if page.mode not in {"RGB", "RGBA", "LA", "P"}:
        raise InputError(f"its colour mode {page.mode} is not known; save it as grey or RGB")
    return np.array(page.convert("RGB").convert("L"))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
