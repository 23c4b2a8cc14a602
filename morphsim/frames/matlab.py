"""Arrays from MAT files of MATLAB, versions 4 to 7.3; nothing in a file is executed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames.axes import one_grey_channel
from morphsim.frames.hdf5 import find_dataset, names_in, no_array, open_hdf5
from morphsim.frames.hdf5_values import kind_of, read_values
from morphsim.limits import MOST_NAMES, check_bytes
from morphsim.system_errors import reading

_DEFAULT = "frames"
_V73 = b"MATLAB 7.3 MAT-file"
_HDF5 = b"\x89HDF\r\n\x1a\n"
# Classes of numbers in MAT files, with their size [bytes]; others are cells, structs, function handles.
_NUMBERS = {
    **dict.fromkeys(("int8", "uint8", "logical"), 1),
    **dict.fromkeys(("int16", "uint16"), 2),
    **dict.fromkeys(("int32", "uint32", "single"), 4),
    **dict.fromkeys(("int64", "uint64", "double"), 8),
}
_COLOURS = (3, 4)


def read_matlab(path: Path, *, name: str = _DEFAULT) -> NDArray[Any]:
    """Read one array of a MAT file.

    Args:
        path: the file.
        name: which of several arrays; by default the only one of at least two rows and columns.

    Returns:
        (H, W), or (N, H, W) of MATLAB's (H, W, N); colours, (H, W, 3), become shades of grey.

    Raises:
        InputError: the file can't be read, or holds no such array of numbers; the message does not repeat its
            name.
        MachineError: the operating system refuses to read it.
    """
    with reading(path, "a MAT file"):
        with path.open("rb") as file:
            start = file.read(len(_V73))
        values = _of_hdf5(path, name) if start in (_V73,) or start.startswith(_HDF5) else _of_v5(path, name)
    return _pages_first(values)


def _of_v5(path: Path, name: str) -> NDArray[Any]:
    # Loaded on use: SciPy takes time to import.
    from scipy import io

    found = {entry: (shape, kind) for entry, shape, kind in io.whosmat(str(path), appendmat=False)}
    if len(found) > MOST_NAMES:
        raise InputError(f"it holds {len(found)} arrays; at most {MOST_NAMES} are read")
    pictures = [
        entry for entry, (shape, kind) in found.items() if kind in _NUMBERS and _is_picture(tuple(shape))
    ]
    name = _chosen(name, pictures, list(found))
    shape, kind = found[name]
    if kind not in _NUMBERS:
        raise InputError(f"its variable {name} is of the class {kind}; frames are arrays of numbers")
    check_bytes(math.prod(shape) * _NUMBERS[kind], f"its array {name!r}")
    values = io.loadmat(str(path), variable_names=[name], appendmat=False)[name]
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
        raise InputError(f"its variable {name} does not hold real numbers; frames are arrays of them")
    # Logical arrays are read as bytes.
    return values.astype(np.bool_) if kind == "logical" else values


def _of_hdf5(path: Path, name: str) -> NDArray[Any]:
    with open_hdf5(path, named=False) as file:
        names = names_in(file)
        sets = {entry: find_dataset(file, entry) for entry in names if not entry.startswith("#")}
        pictures = [
            entry
            for entry, item in sets.items()
            if item is not None and kind_of(item) in "biuf" and _is_picture(item.shape)
        ]
        name = _chosen(name, pictures, names)
        item = sets.get(name)
        if item is None or "MATLAB_empty" in item.attrs:
            raise InputError(f"its variable {name} is empty or not an array; frames are arrays of numbers")
        # MATLAB stores columns first.
        return read_values(item).T


def _is_picture(shape: tuple[int, ...]) -> bool:
    return len(shape) in (2, 3) and min(shape) >= 1 and sum(side > 1 for side in shape) >= 2


def _chosen(name: str, pictures: list[str], names: list[str]) -> str:
    if name in names:
        return name
    if name != _DEFAULT or len(pictures) != 1:
        raise no_array(name, names)
    return pictures[0]


def _pages_first(values: NDArray[Any]) -> NDArray[Any]:
    if values.ndim == 3 and values.shape[-1] in (1, *_COLOURS):
        grey = one_grey_channel(values)
        if grey.ndim == 2:
            return grey
    return np.moveaxis(values, -1, 0) if values.ndim == 3 else values
