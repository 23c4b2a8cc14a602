"""Structured points of a legacy VTK file (version 1 to 5), in ASCII or binary.

Format: https://docs.vtk.org/en/latest/vtk_file_formats/vtk_legacy_file_format.html
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.limits import check_bytes

_TYPES = {
    "unsigned_char": "u1", "char": "i1", "unsigned_short": "u2", "short": "i2", "unsigned_int": "u4",
    "int": "i4", "vtkidtype": "i8", "unsigned_long": "u8", "long": "i8", "float": "f4", "double": "f8",
}  # fmt: skip


def read_legacy(content: bytes) -> tuple[dict[str, NDArray[Any]], str | None]:
    """Read the scalars and fields of structured points.

    Returns:
        Arrays (nz, ny, nx) by name, and the name of the first scalars.

    Raises:
        InputError: not structured points, or values that are missing.
    """
    return _Reader(content).read()


class _Reader:
    """A cursor in the file."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.place = 0
        self.binary = False
        self.shape: tuple[int, ...] = ()
        self.arrays: dict[str, NDArray[Any]] = {}
        self.active: str | None = None

    def read(self) -> tuple[dict[str, NDArray[Any]], str | None]:
        self._line(), self._line()
        kind = self._line().strip().upper()
        if kind not in ("ASCII", "BINARY"):
            raise InputError(f"its third line is {kind[:40]!r}; it must be ASCII or BINARY")
        self.binary = kind == "BINARY"
        points: tuple[int, ...] = ()
        while (words := self._words()) is not None:
            name = words[0].upper()
            if name == "DATASET" and words[1].upper() not in ("STRUCTURED_POINTS", "IMAGE_DATA"):
                raise InputError(f"it holds {words[1]}; save it as image data (STRUCTURED_POINTS)")
            if name == "DIMENSIONS":
                points = tuple(int(word) for word in words[3:0:-1])
            elif name == "POINT_DATA":
                self.shape = points
            elif name == "CELL_DATA":
                self.shape = tuple(max(1, side - 1) for side in points)
            elif name == "SCALARS":
                self._scalars(words)
            elif name == "FIELD":
                self._fields(int(words[2]))
        if not self.arrays:
            raise InputError("it holds no array of single numbers; frames need one")
        return self.arrays, self.active

    def _scalars(self, words: list[str]) -> None:
        table = self._words()
        if table is None or table[0].upper() != "LOOKUP_TABLE":
            raise InputError(f"its scalars {words[1]} lack the line LOOKUP_TABLE; write it again")
        components = int(words[3]) if len(words) > 3 else 1
        self._take(words[1], words[2], components)
        if self.active is None and words[1] in self.arrays:
            self.active = words[1]

    def _fields(self, count: int) -> None:
        for _ in range(count):
            words = self._words()
            if words is None:
                raise InputError("its fields end early; it is truncated")
            name, components, tuples, kind = words
            self._take(name, kind, int(components), tuples=int(tuples))

    def _take(self, name: str, kind: str, components: int, *, tuples: int | None = None) -> None:
        """Read the values of an array; those of several components, or of other objects, are skipped."""
        if kind.lower() not in _TYPES:
            raise InputError(f"its array {name} is of the type {kind!r}; use {', '.join(_TYPES)}")
        points = int(np.prod(self.shape, dtype=object)) if self.shape else 0
        count = components * (points if tuples is None else tuples)
        dtype = np.dtype(">" + _TYPES[kind.lower()])
        check_bytes(count * dtype.itemsize, f"its array {name}")
        if self.binary:
            values = np.frombuffer(self.content, dtype, count, self.place)
            self.place += count * dtype.itemsize
        else:
            found: list[str] = []
            while len(found) < count and (words := self._words()) is not None:
                found += words
            values = np.array(found, dtype=dtype)
        if values.size != count:
            raise InputError(f"its array {name} holds {values.size} values, and {count} are announced")
        if components == 1 and self.shape and count == points:
            self.arrays[name] = values.reshape(self.shape).astype(dtype.newbyteorder("="))

    def _line(self) -> str:
        end = self.content.find(b"\n", self.place)
        end = len(self.content) if end < 0 else end
        line = self.content[self.place : end].decode("latin-1")
        self.place = end + 1
        return line

    def _words(self) -> list[str] | None:
        """The words of the next line that is not empty; None at the end."""
        while self.place < len(self.content):
            if words := self._line().split():
                return words
        return None
