"""Films as a time series of VTK image data for ParaView."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from morphsim.files import atomic_buffer
from morphsim.simulator.export.common import FIELDS, Scales, check_export, upwards
from morphsim.simulator.record import Snapshot
from morphsim.simulator.units import Units

_PIECE = re.compile(r"[0-9]{6}\.vti")
_ZLIB_LEVEL = 6


def write_vtk(
    path: str | Path, snapshots: Sequence[Snapshot], *, width: float, units: Units | None = None
) -> None:
    """Write a film for ParaView: `film.pvd`, and one VTK image per snapshot in the folder `film_vti`.

    The cross-section lies in the plane of x and z, with the substrate at z = 0, and has the film's real
    thickness at each time: a drying film shrinks. Its cells hold donor, acceptor, solvent and share (donor
    share of the solids), float32; each image also holds `thickness`, `dryness` and `free_energy` as field
    data. An earlier film of this name is removed first, and the .pvd is written last, atomically.

    Format: https://docs.vtk.org/en/latest/vtk_file_formats/vtkxml_file_format.html, with arrays in base64,
    compressed by zlib.

    Args:
        path: a name that ends in .pvd.
        snapshots: of one film, ordered by time.
        width: of the film [h0].
        units: scales for lengths in nm and times in s; without them, h0 and h0^2/D.

    Raises:
        InputError: another suffix, or snapshots that are not a series of one film.
    """
    path = check_export(path, snapshots, suffix=".pvd", width=width)
    remove_vtk(path)
    scales = Scales.of(units)
    collection = ElementTree.Element(
        "VTKFile", {"type": "Collection", "version": "1.0", "byte_order": "LittleEndian"}
    )
    series = ElementTree.SubElement(collection, "Collection")
    for number, snapshot in enumerate(snapshots):
        piece = vtk_folder(path) / f"{number:06d}.vti"
        _write(piece, _image(snapshot, width, scales))
        ElementTree.SubElement(
            series,
            "DataSet",
            {
                "timestep": repr(snapshot.time * scales.time),
                "part": "0",
                "file": f"{piece.parent.name}/{piece.name}",
            },
        )
    _write(path, collection)


def vtk_folder(path: str | Path) -> Path:
    """The folder beside a .pvd file that holds its images."""
    path = Path(path)
    return path.with_name(f"{path.stem}_vti")


def remove_vtk(path: str | Path) -> None:
    """Remove a series written by `write_vtk`; other files in its folder stay."""
    Path(path).unlink(missing_ok=True)
    folder = vtk_folder(path)
    if not folder.is_dir():
        return
    entries = list(folder.iterdir())
    pieces = [entry for entry in entries if _PIECE.fullmatch(entry.name)]
    for piece in pieces:
        piece.unlink()
    if len(pieces) == len(entries):
        folder.rmdir()


def _image(snapshot: Snapshot, width: float, scales: Scales) -> ElementTree.Element:
    height_cells, width_cells = snapshot.fields.shape[1:]
    extent = f"0 {width_cells} 0 0 0 {height_cells}"
    spacing = (width * scales.length / width_cells, snapshot.thickness * scales.length / height_cells)
    root = ElementTree.Element(
        "VTKFile",
        {
            "type": "ImageData",
            "version": "1.0",
            "byte_order": "LittleEndian",
            "header_type": "UInt64",
            "compressor": "vtkZLibDataCompressor",
        },
    )
    # The plane has no depth, but readers refuse a spacing of 0.
    geometry = {
        "WholeExtent": extent,
        "Origin": "0 0 0",
        "Spacing": f"{spacing[0]!r} {spacing[0]!r} {spacing[1]!r}",
    }
    image = ElementTree.SubElement(root, "ImageData", geometry)
    scalars = {
        "TimeValue": snapshot.time * scales.time,
        "thickness": snapshot.thickness * scales.length,
        "dryness": snapshot.dryness,
        "free_energy": snapshot.free_energy,
    }
    of_film = ElementTree.SubElement(image, "FieldData")
    for name, value in scalars.items():
        attributes = {"type": "Float64", "Name": name, "NumberOfTuples": "1", "format": "binary"}
        ElementTree.SubElement(of_film, "DataArray", attributes).text = _encoded(np.array([value], "<f8"))
    piece = ElementTree.SubElement(image, "Piece", {"Extent": extent})
    cells = ElementTree.SubElement(piece, "CellData", {"Scalars": "share"})
    for name in FIELDS:
        attributes = {"type": "Float32", "Name": name, "format": "binary"}
        ElementTree.SubElement(cells, "DataArray", attributes).text = _encoded(upwards(snapshot, name))
    return root


def _encoded(values: NDArray[np.floating]) -> str:
    """One compressed block: number of blocks, size of each, size of a last partial one, packed size; data."""
    raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
    packed = zlib.compress(raw, _ZLIB_LEVEL)
    header = np.array([1, len(raw), 0, len(packed)], "<u8").tobytes()
    return (base64.b64encode(header) + base64.b64encode(packed)).decode("ascii")


def _write(path: Path, root: ElementTree.Element) -> None:
    ElementTree.indent(root)
    with atomic_buffer(path) as buffer:
        ElementTree.ElementTree(root).write(buffer, encoding="utf-8", xml_declaration=True)
