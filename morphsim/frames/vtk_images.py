"""Pictures from VTK image data: .vti in XML, and structured points in a legacy .vtk file."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames.hdf5 import no_array
from morphsim.frames.vtk_legacy import read_legacy
from morphsim.limits import check_bytes
from morphsim.system_errors import reading

_DEFAULT = "frames"
_TYPES = {
    **{f"Int{8 * size}": f"i{size}" for size in (1, 2, 4, 8)},
    **{f"UInt{8 * size}": f"u{size}" for size in (1, 2, 4, 8)},
    **{f"Float{8 * size}": f"f{size}" for size in (4, 8)},
}
_APPENDED = re.compile(rb"<AppendedData[^>]*>\s*_")
_ZLIB = "vtkZLibDataCompressor"

Arrays = dict[str, NDArray[Any]]
"""Arrays (nz, ny, nx) by name."""


def read_vtk(path: Path, *, name: str = _DEFAULT) -> NDArray[Any]:
    """Read one array of a VTK image.

    Args:
        path: a .vti file (ImageData of one piece), or a legacy .vtk file (STRUCTURED_POINTS).
        name: which of several arrays; by default the only one, or the one marked as `Scalars`.

    Returns:
        (H, W), row 0 at the top, where y, or z of an image in the plane of x and z, is largest; (N, H, W) for
        a stack along z.

    Raises:
        InputError: the file can't be read; the message does not repeat its name.
        MachineError: the operating system refuses to read it.
    """
    with reading(path, "VTK image data"):
        check_bytes(path.stat().st_size, "its text")
        content = path.read_bytes()
        legacy = content.startswith(b"# vtk DataFile")
        arrays, active = read_legacy(content) if legacy else _read_xml(content)
    if name not in arrays:
        default = active if active in arrays else next(iter(arrays)) if len(arrays) == 1 else None
        if name != _DEFAULT or default is None:
            raise no_array(name, list(arrays))
        name = default
    return _pictures(arrays[name])


def _pictures(values: NDArray[Any]) -> NDArray[Any]:
    """(nz, ny, nx) as pictures whose row 0 is at the top."""
    flat = [axis for axis, side in enumerate(values.shape) if side == 1]
    return np.flip(values.squeeze(axis=flat[0]), axis=0) if flat else np.flip(values, axis=1)


def _read_xml(content: bytes) -> tuple[Arrays, str | None]:
    found = _APPENDED.search(content)
    appended, encoding = b"", "raw"
    if found is not None:
        appended = content[found.end() :]
        encoding = "base64" if b'encoding="base64"' in found[0] else "raw"
        content = content[: found.end()] + b"</AppendedData></VTKFile>"
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise InputError("it defines entities, which VTK files don't need; write it again")
    root = ElementTree.fromstring(content)
    image = root.find("ImageData")
    pieces = [] if image is None else image.findall("Piece")
    if root.tag != "VTKFile" or len(pieces) != 1:
        raise InputError("it is not VTK image data of one piece; save it as ImageData (.vti) in ParaView")
    extent = [int(word) for word in pieces[0].get("Extent", "").split()]
    sides = [high - low for low, high in zip(extent[::2], extent[1::2], strict=True)]
    if len(sides) != 3 or min(sides) < 0:
        raise InputError(f"its extent is {extent}; it must be six whole numbers, each pair ascending")
    arrays: Arrays = {}
    active = None
    for kind in ("CellData", "PointData"):
        group = pieces[0].find(kind)
        # A flat image has one layer of cells.
        shape = tuple(side + 1 if kind == "PointData" else max(1, side) for side in reversed(sides))
        for item in [] if group is None else group.findall("DataArray"):
            if item.get("NumberOfComponents", "1") == "1":
                arrays[item.get("Name", "unnamed")] = _Decoder(root, item, appended, encoding).values(shape)
        active = active or (None if group is None else group.get("Scalars"))
    if not arrays:
        raise InputError("it holds no array of single numbers; frames need one")
    return arrays, active


class _Decoder:
    """The values of one DataArray."""

    def __init__(
        self, root: ElementTree.Element, item: ElementTree.Element, appended: bytes, encoding: str
    ) -> None:
        order = ">" if root.get("byte_order") == "BigEndian" else "<"
        kind = item.get("type", "")
        if kind not in _TYPES:
            raise InputError(f"its array {item.get('Name')} is of the type {kind!r}; use {', '.join(_TYPES)}")
        self.dtype = np.dtype(order + _TYPES[kind])
        self.header = np.dtype(order + _TYPES[root.get("header_type", "UInt32")])
        self.compressor = root.get("compressor")
        if self.compressor not in (None, _ZLIB):
            raise InputError(f"it is compressed by {self.compressor}; save it with ZLib or uncompressed")
        self.format = item.get("format", "ascii")
        self.text = (item.text or "").strip()
        self.raw = self.format == "appended" and encoding == "raw"
        if self.format == "appended":
            self.data = appended[int(item.get("offset", "0")) :]
        else:
            self.data = self.text.encode()

    def values(self, shape: tuple[int, ...]) -> NDArray[Any]:
        count = int(np.prod(shape, dtype=object))
        size = count * self.dtype.itemsize
        check_bytes(size, "its array")
        if self.format == "ascii":
            found = np.array(self.text.split(), dtype=self.dtype)
        else:
            found = np.frombuffer(b"".join(self._blocks(size)), self.dtype)
        if found.size != count:
            raise InputError(f"an array holds {found.size} values, and its extent asks for {count}")
        return found.reshape(shape).astype(self.dtype.newbyteorder("="))

    def _blocks(self, size: int) -> Iterator[bytes]:
        word = self.header.itemsize
        if self.compressor is None:
            yield self._bytes(word + size)[word:]
            return
        blocks = int(np.frombuffer(self._bytes(word), self.header)[0])
        if blocks > size:
            raise InputError(f"an array claims {blocks} blocks for {size} bytes; it is broken")
        length = (3 + blocks) * word
        header = np.frombuffer(self._bytes(length), self.header)
        packed = self._bytes(length + int(header[3:].sum()), header=length)[length:]
        start, left = 0, size
        for block in header[3:].tolist():
            # A block never expands beyond what the extent asks for.
            yield (unpacked := zlib.decompressobj().decompress(packed[start : start + block], left + 1))
            left -= len(unpacked)
            if left < 0:
                raise InputError("an array expands beyond its extent; the file is broken")
            start += block

    def _bytes(self, count: int, *, header: int = 0) -> bytes:
        """The first bytes; in base64 a header is encoded on its own if the data are compressed."""
        if self.raw:
            return self.data[:count]
        split = -(-header // 3) * 4
        rest = -(-(count - header) // 3) * 4
        first = base64.b64decode(self.data[:split]) if header else b""
        return first + base64.b64decode(self.data[split : split + rest])[: count - header]
