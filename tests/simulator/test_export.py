"""Exports, read back by parsing the file formats without their libraries."""

from __future__ import annotations

import base64
import dataclasses
import sys
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from morphsim.errors import InputError
from morphsim.simulator import DRYING_UNITS, AnnealingRecipe, DryingRecipe, Simulation, Snapshot, record_film
from morphsim.simulator.export.netcdf import to_xarray, write_netcdf
from morphsim.simulator.export.vtk import write_vtk
from morphsim.simulator.export.xdmf import write_xdmf

WIDTH = 2.0
FIELDS = ("donor", "acceptor", "solvent", "share")
DRYING = DryingRecipe(kappa=0.03, evaporation=2.0, width=WIDTH)
ANNEALING = AnnealingRecipe(duration=0.002, width=WIDTH)


@pytest.fixture(scope="module")
def dried() -> list[Snapshot]:
    return list(record_film(DRYING, seed=1, frames=4, shape=(8, 24), cells=(8, 24)))


@pytest.fixture(scope="module")
def annealed() -> list[Snapshot]:
    return list(record_film(ANNEALING, seed=1, frames=3, shape=(8, 24)))


def moment(fields: Any, **changes: Any) -> Snapshot:
    values = {"time": 1.0, "thickness": 0.5, "dryness": 0.5, "free_energy": -1.0, **changes}
    return Snapshot(fields=np.asarray(fields, np.float32), **values)


def numbers(element: ElementTree.Element) -> np.ndarray:
    """The values of a compressed inline DataArray, as the file format describes it."""
    assert element.get("format") == "binary"
    kind = np.dtype({"Float32": "<f4", "Float64": "<f8"}[element.get("type", "")])
    text = (element.text or "").strip()
    # The header of 64-bit numbers is encoded separately: 4 numbers are 44 characters.
    blocks, size, partial, packed = np.frombuffer(base64.b64decode(text[:44]), "<u8")
    assert (blocks, partial) == (1, 0)
    data = base64.b64decode(text[44:])
    assert len(data) == packed
    raw = zlib.decompress(data)
    assert len(raw) == size
    return np.frombuffer(raw, kind)


def read_vtk(path: Path) -> list[dict[str, Any]]:
    root = ElementTree.parse(path).getroot()
    assert root.attrib == {"type": "Collection", "version": "1.0", "byte_order": "LittleEndian"}
    series = []
    for entry in root.iter("DataSet"):
        image = ElementTree.parse(path.parent / entry.attrib["file"]).getroot()
        assert image.get("compressor") == "vtkZLibDataCompressor"
        assert image.get("header_type") == "UInt64"
        data = image.find("ImageData")
        assert data is not None
        extent = [int(value) for value in data.attrib["WholeExtent"].split()]
        assert data.find("Piece").attrib["Extent"] == data.attrib["WholeExtent"]  # type: ignore[union-attr]
        columns, rows = extent[1], extent[5]
        assert extent == [0, columns, 0, 0, 0, rows]
        spacing = [float(value) for value in data.attrib["Spacing"].split()]
        moment = {"time": float(entry.attrib["timestep"]), "size": (columns * spacing[0], rows * spacing[2])}
        for array in data.findall("FieldData/DataArray"):
            moment[array.attrib["Name"]] = float(numbers(array)[0])
        for array in data.findall("Piece/CellData/DataArray"):
            # x runs fastest and z upwards: the last row is the surface.
            moment[array.attrib["Name"]] = numbers(array).reshape(rows, columns)[::-1]
        series.append(moment)
    return series


def test_snapshots_hold_the_fields_of_a_film(dried: list[Snapshot]) -> None:
    simulation = Simulation([DRYING], seeds=[1], shape=(8, 24))
    simulation.advance_to_dryness(0.25, time=400.0)
    first = dried[0]
    assert first.fields.shape == (2, 8, 24)
    assert first.fields.dtype == np.float32
    np.testing.assert_array_equal(first.fields, simulation.fields()[0].numpy())
    np.testing.assert_allclose(first.share, simulation.donor_share()[0].numpy(), rtol=1e-6)
    np.testing.assert_allclose(first.donor + first.acceptor + first.solvent, 1.0, rtol=1e-6)
    assert first.free_energy == pytest.approx(float(simulation.free_energy()[0]))
    # As it dries, solvent leaves and solids stay.
    solvent = [float(one.solvent.mean()) * one.thickness for one in dried]
    assert (np.diff(solvent) < 0).all()
    solids = [float(one.fields.mean(dtype=np.float64)) * one.thickness for one in dried]
    np.testing.assert_allclose(solids, solids[0], rtol=1e-4)


def test_snapshots_of_an_annealed_film(annealed: list[Snapshot]) -> None:
    assert [one.fields.shape for one in annealed] == [(1, 8, 24)] * 3
    last = annealed[-1]
    np.testing.assert_array_equal(last.share, last.donor)
    np.testing.assert_allclose(last.donor + last.acceptor, 1.0, rtol=1e-6)
    assert not last.solvent.any()
    assert last.free_energy < annealed[0].free_energy


@pytest.mark.parametrize("shape", [(8, 8), (3, 8, 8), (0, 8, 8), (1, 0, 8), (1, 1, 8, 8)])
def test_a_snapshot_refuses_fields_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"they must be \(C, H, W\)"):
        moment(np.zeros(shape))


def test_vtk(tmp_path: Path, dried: list[Snapshot]) -> None:
    write_vtk(tmp_path / "film.pvd", dried, width=WIDTH, units=DRYING_UNITS)
    series = read_vtk(tmp_path / "film.pvd")
    assert len(series) == 4
    for found, snapshot in zip(series, dried, strict=True):
        for name in FIELDS:
            np.testing.assert_array_equal(found[name], getattr(snapshot, name))
        assert found["time"] == found["TimeValue"] == snapshot.time * DRYING_UNITS.time_s
        assert found["size"] == pytest.approx((WIDTH * 500.0, snapshot.thickness * 500.0))
        assert found["thickness"] == snapshot.thickness * 500.0
        assert (found["dryness"], found["free_energy"]) == (snapshot.dryness, snapshot.free_energy)
    # The film shrinks.
    assert (np.diff([found["size"][1] for found in series]) < 0).all()


def test_without_units_vtk_is_in_the_units_of_the_simulation(
    tmp_path: Path, annealed: list[Snapshot]
) -> None:
    write_vtk(tmp_path / "film.pvd", annealed, width=WIDTH)
    for found, snapshot in zip(read_vtk(tmp_path / "film.pvd"), annealed, strict=True):
        assert found["size"] == pytest.approx((WIDTH, 1.0))
        assert found["time"] == snapshot.time
        assert not found["solvent"].any()


def test_a_new_vtk_series_replaces_the_earlier_one_and_nothing_else(
    tmp_path: Path, dried: list[Snapshot]
) -> None:
    path = tmp_path / "film.pvd"
    write_vtk(path, dried, width=WIDTH)
    (tmp_path / "film_vti" / "notes.txt").write_text("mine")
    write_vtk(path, dried[:2], width=WIDTH)
    assert len(read_vtk(path)) == 2
    names = sorted(file.name for file in (tmp_path / "film_vti").iterdir())
    assert names == ["000000.vti", "000001.vti", "notes.txt"]


def test_names_that_xml_would_trip_over(tmp_path: Path, annealed: list[Snapshot]) -> None:
    name = "70 °C & <fast> 'film'"
    write_vtk(tmp_path / f"{name}.pvd", annealed, width=WIDTH)
    assert len(read_vtk(tmp_path / f"{name}.pvd")) == 3
    write_xdmf(tmp_path / f"{name}.xdmf", annealed, width=WIDTH)
    assert len(read_xdmf(tmp_path / f"{name}.xdmf")) == 3
    with pytest.raises(InputError, match="holds a colon"):
        write_xdmf(tmp_path / "12:30.xdmf", annealed, width=WIDTH)


@settings(max_examples=25, deadline=None)
@given(
    fields=st.tuples(st.integers(1, 2), st.integers(1, 9), st.integers(1, 9)).flatmap(
        lambda shape: arrays.arrays(np.float32, shape, elements=st.floats(2**-10, 0.5, width=32))
    ),
    width=st.floats(0.05, 64.0),
    thickness=st.floats(1e-3, 10.0),
    time=st.floats(0.0, 1e6),
)
def test_any_film_comes_back_from_vtk_and_xdmf(
    tmp_path_factory: pytest.TempPathFactory, fields: np.ndarray, width: float, thickness: float, time: float
) -> None:
    folder = tmp_path_factory.mktemp("film")
    snapshot = moment(fields, thickness=thickness, time=time)
    write_vtk(folder / "film.pvd", [snapshot], width=width)
    write_xdmf(folder / "film.xdmf", [snapshot], width=width)
    for found in (*read_vtk(folder / "film.pvd"), *read_xdmf(folder / "film.xdmf")):
        assert found["size"] == pytest.approx((width, thickness))
        assert found["time"] == time
        for name in FIELDS:
            np.testing.assert_array_equal(found[name], getattr(snapshot, name))


def heavy(item: ElementTree.Element, folder: Path) -> np.ndarray:
    """The values of a DataItem: a stored array, or a selection of one."""
    shape = tuple(int(value) for value in item.attrib["Dimensions"].split())
    if item.get("ItemType") == "HyperSlab":
        selection, whole = item
        start, stride, count = np.array((selection.text or "").split(), int).reshape(3, -1)
        slices = tuple(slice(a, a + b * c, b) for a, b, c in zip(start, stride, count, strict=True))
        return heavy(whole, folder)[slices].reshape(shape)
    file, _, place = (item.text or "").partition(":")
    with h5py.File(folder / file) as stored:
        values = stored[place][()]
    assert values.shape == shape
    assert values.dtype == np.dtype(f"<f{item.attrib['Precision']}")
    return np.asarray(values)


def read_xdmf(path: Path) -> list[dict[str, Any]]:
    root = ElementTree.parse(path).getroot()
    film = root.find("Domain/Grid")
    assert film is not None
    assert (film.get("GridType"), film.get("CollectionType")) == ("Collection", "Temporal")
    series = []
    for grid in film.findall("Grid"):
        x, y, z = (heavy(item, path.parent) for item in grid.findall("Geometry/DataItem"))
        nodes = f"{len(z)} {len(y)} {len(x)}"
        assert grid.find("Topology").attrib == {"TopologyType": "3DRectMesh", "Dimensions": nodes}  # type: ignore[union-attr]
        found: dict[str, Any] = {"time": float(grid.find("Time").attrib["Value"])}  # type: ignore[union-attr]
        assert x[0] == z[0] == 0.0
        np.testing.assert_allclose(np.diff(z), z[-1] / (len(z) - 1), rtol=1e-9)
        found["size"] = (x[-1], z[-1])
        for attribute in grid.findall("Attribute"):
            assert attribute.get("Center") == "Cell"
            values = heavy(attribute[0], path.parent)
            assert values.shape == (len(z) - 1, len(y) - 1, len(x) - 1)
            found[attribute.attrib["Name"]] = values[::-1, 0]
        series.append(found)
    return series


def test_xdmf(tmp_path: Path, dried: list[Snapshot]) -> None:
    write_xdmf(tmp_path / "film.xdmf", dried, width=WIDTH, units=DRYING_UNITS)
    for found, snapshot in zip(read_xdmf(tmp_path / "film.xdmf"), dried, strict=True):
        for name in FIELDS:
            np.testing.assert_array_equal(found[name], getattr(snapshot, name))
        assert found["time"] == snapshot.time * DRYING_UNITS.time_s
        assert found["size"] == pytest.approx((WIDTH * 500.0, snapshot.thickness * 500.0))
    with h5py.File(tmp_path / "film_fields.h5") as file:
        assert file["share"].shape == (4, 8, 24)
        np.testing.assert_array_equal(file["dryness"][()], [one.dryness for one in dried])
        assert (file["time"].attrs["units"], file["z"].attrs["units"]) == ("s", "nm")
    again = tmp_path / "again"
    write_xdmf(again / "film.xdmf", dried, width=WIDTH, units=DRYING_UNITS)
    for name in ("film.xdmf", "film_fields.h5"):
        assert (again / name).read_bytes() == (tmp_path / name).read_bytes()


def test_xarray(dried: list[Snapshot]) -> None:
    pytest.importorskip("xarray", reason="the extra `xarray` is not installed")
    film = to_xarray(dried, DRYING, units=DRYING_UNITS)
    assert dict(film.sizes) == {"time": 4, "depth": 8, "x": 24}
    for name in FIELDS:
        assert film[name].dims == ("time", "depth", "x")
        assert film[name].dtype == np.float32
        np.testing.assert_array_equal(film[name], np.stack([getattr(one, name) for one in dried]))
    assert film["x"].values[[0, -1]] == pytest.approx([WIDTH / 48, WIDTH - WIDTH / 48])
    assert film["depth"].values[[0, -1]] == pytest.approx([1 / 16, 15 / 16])
    thickness = np.array([one.thickness for one in dried])
    np.testing.assert_allclose(film["z"].sel(depth=1 / 16), thickness * 15 / 16)
    np.testing.assert_allclose(film["z_nm"], film["z"] * 500.0)
    np.testing.assert_allclose(film["thickness_nm"], thickness * 500.0)
    np.testing.assert_allclose(film["time_s"], film["time"] * DRYING_UNITS.time_s)
    assert film.attrs == DRYING.to_dict()
    assert (film["time"].attrs["units"], film["time_s"].attrs["units"]) == ("h0^2/D_s", "s")
    # A typical use: a mean profile at a given time, by name.
    profile = film["donor"].sel(time=dried[2].time).mean("x")
    np.testing.assert_allclose(profile, dried[2].donor.mean(axis=1), rtol=1e-5)


def test_xarray_without_units(annealed: list[Snapshot]) -> None:
    pytest.importorskip("xarray", reason="the extra `xarray` is not installed")
    film = to_xarray(annealed, ANNEALING)
    assert not [name for name in film.variables if str(name).endswith(("_s", "_nm"))]
    assert film.attrs["chi"] == ANNEALING.chi
    assert film["time"].attrs["units"] == "h0^2/D"


def test_netcdf(tmp_path: Path, dried: list[Snapshot]) -> None:
    xarray = pytest.importorskip("xarray", reason="the extra `xarray` is not installed")
    write_netcdf(tmp_path / "film.nc", dried, DRYING, units=DRYING_UNITS)
    assert [file.name for file in tmp_path.iterdir()] == ["film.nc"]
    with xarray.open_dataset(tmp_path / "film.nc", engine="h5netcdf", decode_times=False) as film:
        xarray.testing.assert_identical(film.load(), to_xarray(dried, DRYING, units=DRYING_UNITS))


def test_without_xarray_the_error_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, annealed: list[Snapshot]
) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(InputError, match=r"pip install morphsim\[xarray\]"):
        write_netcdf(tmp_path / "film.nc", annealed, ANNEALING)
    assert not list(tmp_path.iterdir())


FLAT = np.full((2, 4, 6), 0.25)


def export(kind: str, folder: Path, snapshots: list[Snapshot], width: float = WIDTH) -> None:
    if kind == "vtk":
        write_vtk(folder / "film.pvd", snapshots, width=width)
    elif kind == "xdmf":
        write_xdmf(folder / "film.xdmf", snapshots, width=width)
    else:
        pytest.importorskip("xarray", reason="the extra `xarray` is not installed")
        # The width is the recipe's, which checks it.
        write_netcdf(folder / "film.nc", snapshots, DRYING)


@pytest.mark.parametrize("kind", ["vtk", "xdmf", "netcdf"])
@pytest.mark.parametrize(
    ("snapshots", "message"),
    [
        ([], "no snapshot to export"),
        ([moment(FLAT), moment(FLAT[:, :3], time=2.0)], r"snapshot 1 has fields of the shape \(2, 3, 6\)"),
        ([moment(FLAT), moment(FLAT, time=1.0)], r"snapshot 1 has the time 1.0, after 1"),
        ([moment(FLAT, time=float("nan"))], "snapshot 0 has the time nan"),
        ([moment(np.where(FLAT > 0, np.nan, 0.0))], "snapshot 0 holds NaN"),
        ([moment(np.zeros((2, 4, 6)))], "without any solids"),
        ([moment(FLAT, thickness=0.0)], "snapshot 0 is 0.0 h0 thick"),
        ([moment(FLAT, thickness=float("inf"))], "snapshot 0 is inf h0 thick"),
    ],
)
def test_snapshots_that_can_not_be_exported_are_refused(
    tmp_path: Path, kind: str, snapshots: list[Snapshot], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        export(kind, tmp_path, snapshots)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan"), float("inf")])
def test_a_film_needs_a_width(tmp_path: Path, width: float) -> None:
    for kind in ("vtk", "xdmf"):
        with pytest.raises(InputError, match="width is"):
            export(kind, tmp_path, [moment(FLAT)], width=width)
    assert not list(tmp_path.iterdir())


def test_names_with_another_suffix_are_refused(tmp_path: Path, annealed: list[Snapshot]) -> None:
    for name, suffix in (("film.vtk", "pvd"), ("film", "pvd"), ("film.h5", "xdmf")):
        write = write_vtk if suffix == "pvd" else write_xdmf
        with pytest.raises(InputError, match=rf"does not end in \.{suffix}"):
            write(tmp_path / name, annealed, width=WIDTH)
    with pytest.raises(InputError, match=r"does not end in \.nc"):
        write_netcdf(tmp_path / "film.h5", annealed, ANNEALING)
    assert not list(tmp_path.iterdir())


def test_snapshots_of_another_process_are_refused(dried: list[Snapshot]) -> None:
    pytest.importorskip("xarray", reason="the extra `xarray` is not installed")
    with pytest.raises(InputError, match="hold 2 fields, but the recipe is one of annealing"):
        to_xarray(dried, ANNEALING)


def test_a_write_that_fails_leaves_no_series_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dried: list[Snapshot]
) -> None:
    for kind in ("vtk", "xdmf"):
        export(kind, tmp_path, dried)
    broken = dataclasses.replace(dried[2])
    monkeypatch.setattr(
        Snapshot, "solvent", property(lambda one: one.fields[0] if one is not broken else 1 / 0)
    )
    for kind in ("vtk", "xdmf"):
        with pytest.raises(ZeroDivisionError):
            export(kind, tmp_path, [*dried[:2], broken])
    assert not (tmp_path / "film.pvd").exists()
    left = [file.name for file in tmp_path.rglob("*") if file.is_file()]
    assert sorted(left) == ["000000.vti", "000001.vti"]
