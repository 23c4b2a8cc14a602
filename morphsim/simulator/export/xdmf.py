"""Films as HDF5 with an XDMF file for ParaView and VisIt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from morphsim.errors import InputError
from morphsim.files import atomic_buffer
from morphsim.hdf5_writing import new_hdf5
from morphsim.simulator.export.common import FIELDS, Scales, check_export, upwards
from morphsim.simulator.record import Snapshot
from morphsim.simulator.units import Units

_GZIP_LEVEL = 1


def write_xdmf(
    path: str | Path, snapshots: Sequence[Snapshot], *, width: float, units: Units | None = None
) -> None:
    """Write a film as `film.xdmf` and `film_fields.h5`, with cells at the film's real thickness.

    The HDF5 file holds donor, acceptor, solvent and share (T, H, W) float32, with row 0 ON THE SUBSTRATE, the
    edges of the cells `x` (W + 1,), `y` (2,) and `z` (T, H + 1), and `time`, `thickness`, `dryness` and
    `free_energy` (T,). The cross-section lies in the plane of x and z, one cell deep along y. An earlier film
    of this name is removed first, and the .xdmf is written last, atomically.

    Format: https://www.xdmf.org/index.php/XDMF_Model_and_Format, rectilinear meshes in a temporal collection.

    Args:
        path: a name that ends in .xdmf, without a colon.
        snapshots: of one film, ordered by time.
        width: of the film [h0].
        units: scales for lengths in nm and times in s; without them, h0 and h0^2/D.

    Raises:
        InputError: another suffix, a colon in the name, or snapshots that are not a series of one film.
    """
    path = check_export(path, snapshots, suffix=".xdmf", width=width)
    if ":" in path.name:
        raise InputError(f"{path.name} holds a colon, which XDMF reads as the end of a name; choose another")
    remove_xdmf(path)
    scales = Scales.of(units)
    _write_fields(xdmf_fields(path), snapshots, width, scales)
    root = _description(snapshots, scales, xdmf_fields(path).name)
    ElementTree.indent(root)
    with atomic_buffer(path) as buffer:
        ElementTree.ElementTree(root).write(buffer, encoding="utf-8", xml_declaration=True)


def xdmf_fields(path: str | Path) -> Path:
    """The HDF5 file beside an .xdmf file."""
    path = Path(path)
    return path.with_name(f"{path.stem}_fields.h5")


def remove_xdmf(path: str | Path) -> None:
    """Remove a film written by `write_xdmf`."""
    for file in (Path(path), xdmf_fields(path)):
        file.unlink(missing_ok=True)


def _write_fields(path: Path, snapshots: Sequence[Snapshot], width: float, scales: Scales) -> None:
    height_cells, width_cells = snapshots[0].fields.shape[1:]
    thickness = np.array([snapshot.thickness for snapshot in snapshots]) * scales.length
    tables = {
        "x": (np.linspace(0.0, width * scales.length, width_cells + 1), scales.length_unit),
        "y": (np.array([0.0, width * scales.length / width_cells]), scales.length_unit),
        "z": (thickness[:, None] * np.linspace(0.0, 1.0, height_cells + 1), scales.length_unit),
        "time": (np.array([snapshot.time for snapshot in snapshots]) * scales.time, scales.time_unit),
        "thickness": (thickness, scales.length_unit),
        "dryness": (np.array([snapshot.dryness for snapshot in snapshots]), "1"),
        "free_energy": (np.array([snapshot.free_energy for snapshot in snapshots]), "RT/V h0^2"),
    }
    with new_hdf5(path) as file:
        for name, meaning in FIELDS.items():
            dataset = file.create_dataset(
                name,
                shape=(len(snapshots), height_cells, width_cells),
                dtype="<f4",
                chunks=(1, height_cells, width_cells),
                compression="gzip",
                compression_opts=_GZIP_LEVEL,
                track_times=False,
            )
            dataset.attrs["meaning"] = meaning
            for number, snapshot in enumerate(snapshots):
                dataset[number] = upwards(snapshot, name)
        for name, (values, unit) in tables.items():
            dataset = file.create_dataset(name, data=values.astype("<f8"), track_times=False)
            dataset.attrs["units"] = unit
        file.attrs["rows"] = "from the substrate upwards"


def _description(snapshots: Sequence[Snapshot], scales: Scales, file: str) -> ElementTree.Element:
    frames = len(snapshots)
    height_cells, width_cells = snapshots[0].fields.shape[1:]
    root = ElementTree.Element("Xdmf", {"Version": "2.0"})
    domain = ElementTree.SubElement(root, "Domain")
    film = ElementTree.SubElement(
        domain, "Grid", {"Name": "film", "GridType": "Collection", "CollectionType": "Temporal"}
    )
    for number, snapshot in enumerate(snapshots):
        grid = ElementTree.SubElement(film, "Grid", {"Name": f"film {number}", "GridType": "Uniform"})
        ElementTree.SubElement(grid, "Time", {"Value": repr(snapshot.time * scales.time)})
        # Slowest axis first: z, y, x. Readers find no cells in a mesh without extent along y.
        nodes = {"TopologyType": "3DRectMesh", "Dimensions": f"{height_cells + 1} 2 {width_cells + 1}"}
        ElementTree.SubElement(grid, "Topology", nodes)
        geometry = ElementTree.SubElement(grid, "Geometry", {"GeometryType": "VXVYVZ"})
        _stored(geometry, f"{file}:/x", (width_cells + 1,), 8)
        _stored(geometry, f"{file}:/y", (2,), 8)
        _slab(geometry, f"{file}:/z", number, (frames, height_cells + 1), (height_cells + 1,), 8)
        for name in FIELDS:
            cells = ElementTree.SubElement(
                grid, "Attribute", {"Name": name, "AttributeType": "Scalar", "Center": "Cell"}
            )
            whole = (frames, height_cells, width_cells)
            _slab(cells, f"{file}:/{name}", number, whole, (height_cells, 1, width_cells), 4)
    return root


def _stored(parent: ElementTree.Element, place: str, shape: tuple[int, ...], precision: int) -> None:
    attributes = {
        "Dimensions": " ".join(map(str, shape)),
        "NumberType": "Float",
        "Precision": str(precision),
        "Format": "HDF",
    }
    ElementTree.SubElement(parent, "DataItem", attributes).text = place


def _slab(
    parent: ElementTree.Element,
    place: str,
    number: int,
    whole: tuple[int, ...],
    shape: tuple[int, ...],
    precision: int,
) -> None:
    """Row `number` of a stored array, as a selection by start, stride and count along each axis."""
    axes = len(whole)
    slab = ElementTree.SubElement(
        parent,
        "DataItem",
        {
            "ItemType": "HyperSlab",
            "Dimensions": " ".join(map(str, shape)),
            "NumberType": "Float",
            "Precision": str(precision),
        },
    )
    selection = [*(number, *[0] * (axes - 1)), *[1] * axes, *(1, *whole[1:])]
    attributes = {"Dimensions": f"3 {axes}", "NumberType": "Int", "Format": "XML"}
    ElementTree.SubElement(slab, "DataItem", attributes).text = " ".join(map(str, selection))
    _stored(slab, place, whole, precision)
