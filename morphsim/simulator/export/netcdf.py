"""Films as labelled arrays: xarray in memory, NetCDF in files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from morphsim.errors import InputError
from morphsim.files import atomic_buffer
from morphsim.simulator.export.common import FIELDS, check_export, check_series
from morphsim.simulator.recipe import Recipe
from morphsim.simulator.recipe_io import process_of
from morphsim.simulator.record import Snapshot
from morphsim.simulator.units import Units

if TYPE_CHECKING:
    import xarray

_ZLIB_LEVEL = 1


def to_xarray(snapshots: Sequence[Snapshot], recipe: Recipe, *, units: Units | None = None) -> xarray.Dataset:
    """Return the fields of a film with the coordinates time, depth and x.

    Args:
        snapshots: of one film, ordered by time.
        recipe: of the film; all its parameters become attributes.
        units: adds `time_s`, `x_nm`, `z_nm` and `thickness_nm`.

    Returns:
        donor, acceptor, solvent and share (time, depth, x) float32; thickness, dryness and free_energy
        (time,). Coordinates of the cell centres: `depth` below the surface as a share of the present
        thickness, `x` [h0], and `z` (time, depth), the height above the substrate [h0]. Each variable has the
        attributes `units` and `long_name`.

    Raises:
        InputError: xarray is not installed, or the snapshots are not a series of one film of this recipe.
    """
    check_xarray()
    import xarray

    check_series(snapshots, width=recipe.width)
    components, height, columns = snapshots[0].fields.shape
    process = process_of(recipe)
    if components != process.components:
        raise InputError(
            f"the snapshots hold {components} fields, but the recipe is one of {recipe.process}; give the "
            "recipe of these snapshots"
        )
    depth = (np.arange(height) + 0.5) / height
    x = (np.arange(columns) + 0.5) * (recipe.width / columns)
    time, thickness, dryness, free_energy = (
        np.array([getattr(snapshot, name) for snapshot in snapshots], np.float64)
        for name in ("time", "thickness", "dryness", "free_energy")
    )
    z = thickness[:, None] * (1.0 - depth)
    cells = ("time", "depth", "x")
    data = {
        name: (cells, np.stack([getattr(one, name) for one in snapshots]), _about("1", meaning))
        for name, meaning in FIELDS.items()
    }
    coordinates = {
        "time": ("time", time, _about(process.time_unit, "time")),
        "depth": ("depth", depth, _about("1", "depth below the surface over the thickness")),
        "x": ("x", x, _about("h0", "position along the film")),
        "z": (("time", "depth"), z, _about("h0", "height above the substrate")),
    }
    of_film = {
        "thickness": ("time", thickness, _about("h0", "thickness of the film")),
        "dryness": ("time", dryness, _about("1", "evaporated share of the solvent that must leave")),
        "free_energy": ("time", free_energy, _about(process.energy_unit, "free energy")),
    }
    if units is not None:
        nm = units.length_nm
        coordinates["time_s"] = ("time", time * units.time_s, _about("s", "time"))
        coordinates["x_nm"] = ("x", x * nm, _about("nm", "position along the film"))
        coordinates["z_nm"] = (("time", "depth"), z * nm, _about("nm", "height above the substrate"))
        of_film["thickness_nm"] = ("time", thickness * nm, _about("nm", "thickness of the film"))
    return xarray.Dataset({**data, **of_film}, coords=coordinates, attrs=recipe.to_dict())


def write_netcdf(
    path: str | Path, snapshots: Sequence[Snapshot], recipe: Recipe, *, units: Units | None = None
) -> None:
    """Write the data set of `to_xarray` as a NetCDF 4 file, atomically.

    Args:
        path: a name that ends in .nc.
        snapshots: of one film, ordered by time.
        recipe: of the film.
        units: adds coordinates in nm and s.

    Raises:
        InputError: another suffix, or as for `to_xarray`.
    """
    path = check_export(path, snapshots, suffix=".nc", width=recipe.width)
    dataset = to_xarray(snapshots, recipe, units=units)
    encoding = {name: {"zlib": True, "complevel": _ZLIB_LEVEL} for name in FIELDS}
    import h5netcdf
    from xarray.backends import H5NetCDFStore

    with atomic_buffer(path) as buffer, h5netcdf.File(buffer, "w") as file:
        dataset.dump_to_store(H5NetCDFStore(file), encoding=encoding)


def check_xarray() -> None:
    """Check for xarray and its writer before they are needed.

    Raises:
        InputError: one of them is not installed.
    """
    try:
        import h5netcdf  # noqa: F401
        import xarray  # noqa: F401
    except ImportError as error:
        raise InputError("xarray is not installed: pip install morphsim[xarray]") from error


def _about(units: str, meaning: str) -> dict[str, str]:
    return {"units": units, "long_name": meaning}
