"""IDX files, in which MNIST is kept: a magic number, the sizes of the axes, then the numbers, big-endian.

The format is described at https://yann.lecun.com/exdb/mnist. Files may be packed by gzip.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError

# Third byte of the magic number.
_KINDS = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"
_PIECE = 2**20


def read_idx(path: Path) -> NDArray[Any]:
    """Read an IDX file, packed or not.

    Memory is given only to numbers that are there, whatever sizes the file claims.

    Returns:
        The array in the byte order of this machine.

    Raises:
        InputError: the file is missing, damaged, or no IDX file.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
        with gzip.open(path) if packed else path.open("rb") as file:
            return _read(file)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; fetch the four files of MNIST into one folder") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is truncated or damaged ({error}); fetch it again") from error


def _read(file: IO[bytes]) -> NDArray[Any]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _KINDS:
        raise InputError(f"it begins with {magic!r}, as no IDX file does; fetch it again")
    kind = np.dtype(_KINDS[magic[2]])
    axes = magic[3]
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise InputError("it ends within the sizes of its axes; fetch it again")
    shape = [int(size) for size in np.frombuffer(sizes, ">u4")]
    claimed = math.prod(shape) * kind.itemsize
    numbers = b"".join(_pieces(file, claimed + 1))
    if len(numbers) != claimed:
        found = f"only {len(numbers)}" if len(numbers) < claimed else "more"
        raise InputError(f"its sizes {shape} claim {claimed} bytes, and it holds {found}; fetch it again")
    try:
        array = np.frombuffer(numbers, kind).reshape(shape)
    except ValueError as error:
        # Numpy has at most 64 axes, and none as long as four bytes can claim where others are 0.
        raise InputError(f"its sizes {shape} are those of no array ({error}); fetch it again") from error
    return array.astype(kind.newbyteorder("="))


def _pieces(file: IO[bytes], most: int) -> Iterator[bytes]:
    while most > 0 and (piece := file.read(min(most, _PIECE))):
        most -= len(piece)
        yield piece
