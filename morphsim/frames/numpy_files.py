"""Arrays from NumPy files, whose headers are checked before memory is allocated."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO, Any

from numpy.lib import format as npy
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames.hdf5 import no_array
from morphsim.limits import MOST_NAMES, check_bytes
from morphsim.system_errors import reading

_SUFFIX = ".npy"
_DEFAULT = "frames"


def read_numpy(path: Path, *, name: str = _DEFAULT) -> NDArray[Any]:
    """Read the array of an `.npy` file, or one array of an `.npz` file.

    Args:
        path: the file.
        name: which of several arrays; by default a single array is taken whatever its name.

    Raises:
        InputError: the file can't be read; the message does not repeat its name.
        MachineError: the operating system refuses to read it.
    """
    with reading(path, "a NumPy file of numbers"), path.open("rb") as file:
        if file.read(2) == b"PK":
            with zipfile.ZipFile(file) as archive:
                return _from_archive(archive, name)
        file.seek(0)
        return _read_array(file, path.stat().st_size, "it")


def _from_archive(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    members = {member.filename.removesuffix(_SUFFIX): member for member in archive.infolist()}
    if len(members) > MOST_NAMES:
        raise InputError(f"it holds {len(members)} arrays; at most {MOST_NAMES} are read")
    if name not in members:
        if name != _DEFAULT or len(members) != 1:
            raise no_array(name, list(members))
        name = next(iter(members))
    member = members[name]
    if not member.filename.endswith(_SUFFIX):
        raise InputError("it is a zip file without a NumPy array in it")
    # zipfile never expands a member beyond the size in its entry.
    with archive.open(member) as file:
        return _read_array(file, member.file_size, f"its array {name!r}")


def _read_array(file: IO[bytes], size: int, name: str) -> NDArray[Any]:
    """Read an array from the start of a file of `size` bytes."""
    version = npy.read_magic(file)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if dtype.kind not in "biuf":
        raise InputError(
            f"it is not a NumPy file of numbers ({name} holds {dtype} values); frames are bool, integers or "
            "floats"
        )
    claimed = math.prod(shape) * dtype.itemsize
    check_bytes(claimed, name)
    if claimed > size:
        raise InputError(f"{name} claims {claimed} bytes of values and holds {size}; it is truncated")
    file.seek(0)
    return npy.read_array(file, allow_pickle=False)
