"""Read the initial state of films from a recipe, a file of frames or fields, or an array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.checks import shown
from morphsim.errors import InputError
from morphsim.frames.frame_set import SCHEDULE
from morphsim.frames.hdf5 import find_dataset, open_hdf5
from morphsim.frames.hdf5_values import read_values
from morphsim.frames.readers import HDF5
from morphsim.frames.stages import has_stages, start_at
from morphsim.frames.store import read_frames
from morphsim.frames.tables import is_own
from morphsim.frames.targets import read_target_frames, split_rows
from morphsim.simulator import (
    Recipe,
    Simulation,
    Snapshot,
    TernaryRecipe,
    load_recipe,
    process_of,
    recipe_from_dict,
)
from morphsim.simulator.film_start import FilmStart, blend_of, start_after, start_of_fields
from morphsim.simulator.record import as_start

Start = Recipe | Mapping[str, Any] | str | Path | NDArray[Any] | Snapshot | Simulation | None

PURITY = 0.95
"""Share of its own component in each phase of a binary frame.

Composition and interface, which is sharp at first, relax within the first steps."""
_HELP = "give a recipe, its TOML file, a file of frames or fields as FILE or FILE:ROW, or fields (C, H, W)"


def read_start(source: Start, process: str) -> FilmStart | None:
    """The initial state of films of `process`.

    Args:
        source: None for freshly mixed films; a recipe, a dict of its parameters with its `process`, or a TOML
            file, whose films are simulated first; a file of frames, as FILE for the last frame or FILE:ROW;
            the HDF5 file of an XDMF export, likewise; a snapshot, or a simulation of one film; or volume
            fractions (C, H, W). Of frames only the phases are known, see `PURITY`.
        process: the process that follows.

    Raises:
        InputError: any other source, a file that can't be read, or no film.
    """
    if source is None:
        return None
    if isinstance(source, Snapshot | Simulation):
        return as_start(source, process)
    if isinstance(source, np.ndarray):
        return start_of_fields(source, process)
    if isinstance(source, str | Path) and Path(source).suffix.lower() == ".toml":
        source = load_recipe(source)
    if isinstance(source, Mapping):
        source = recipe_from_dict(source)
    if isinstance(source, Recipe):
        return _of_recipe(source, process)
    if not isinstance(source, str | Path) or not str(source):
        raise InputError(f"start is {shown(source)}; {_HELP}")
    path, rows = split_rows(str(source))
    if not path.is_file():
        raise InputError(f"start is {source}, and there is no file {path}; {_HELP}")
    if rows is not None and len(rows) > 1:
        raise InputError(f"{source} names {len(rows)} frames where one is needed; name one row")
    row = -1 if rows is None else rows[0]
    if path.suffix.lower() not in HDF5:
        return _of_frame(source, process)
    with open_hdf5(path) as file:
        if find_dataset(file, "frames") is None and find_dataset(file, "donor") is not None:
            return _of_fields_file(file, row, process)
        own = is_own(file)
    start = _of_frame(source, process)
    return _with_recipe(start, path, row) if own else start


def _of_recipe(recipe: Recipe, process: str) -> FilmStart:
    own = process_of(recipe)
    if isinstance(recipe, TernaryRecipe) and own.end is None:
        raise InputError(
            f"start is a recipe of {own.name}, whose films are known only when they are made; make one and "
            "give its file"
        )
    return replace(start_after(recipe, process), before=recipe)


def _of_frame(source: str | Path, process: str) -> FilmStart:
    frame = read_target_frames(source)[-1]
    share = np.where(frame == 1, PURITY, 1.0 - PURITY)
    return FilmStart(process=process, geometry=blend_of(share.mean()), phi=share[None])


def _with_recipe(start: FilmStart, path: Path, row: int) -> FilmStart:
    """Add what a frame file knows of the film that a row shows."""
    frame_set = read_frames(path)
    trajectory = int(frame_set.trajectory[row])
    columns = frame_set.recipes.items()
    recipe = {name: column[trajectory].item() for name, column in columns if name != SCHEDULE}
    try:
        if has_stages(frame_set, row):
            return replace(start_at(frame_set, row, start.process), phi=start.phi)
        found = recipe_from_dict({"process": frame_set.process, "boundary": frame_set.boundary, **recipe})
    except InputError:
        # An imported set, or one of another version: only the boundary is certain.
        return replace(start, geometry={**start.geometry, "boundary": frame_set.boundary})
    thickness = float(frame_set.columns["thickness"][row]) if "thickness" in frame_set.columns else np.nan
    known = start_after(found, start.process, thickness if np.isfinite(thickness) else None)
    return replace(known, phi=start.phi)


def _of_fields_file(file: Any, row: int, process: str) -> FilmStart:
    parts = [_values(file, name, 3, row)[::-1] for name in ("donor", "acceptor")]
    if parts[0].shape != parts[1].shape:
        raise InputError(
            f"its datasets donor and acceptor have the shapes {parts[0].shape}, {parts[1].shape}"
        )
    # Without solvent the acceptor is all that is not donor.
    alone = bool(np.abs(1.0 - parts[0] - parts[1]).max() < 1e-6)
    start = start_of_fields(np.stack(parts[:1] if alone else parts), process)
    width, thickness = float(_values(file, "x", 1, -1)), float(_values(file, "thickness", 1, row))
    in_nm = find_dataset(file, "thickness").attrs.get("units") == "nm"  # type: ignore[union-attr]
    # A file in nm does not know h0, which becomes the present thickness.
    unit = thickness if in_nm else 1.0
    return replace(
        start,
        geometry={**start.geometry, "width": width / unit},
        solids=thickness / unit * (1.0 - (start.solvent or 0.0)),
        length_nm=unit if in_nm else None,
    )


def _values(file: Any, name: str, axes: int, row: int) -> NDArray[Any]:
    """A row of a dataset; rows count from the end below 0."""
    dataset = find_dataset(file, name)
    if dataset is None or len(dataset.shape) != axes or not len(dataset):
        raise InputError(f"its dataset {name} is missing, or does not have {axes} axes")
    if row >= len(dataset):
        raise InputError(f"row {row} is asked for; rows run from 0 to {len(dataset) - 1}")
    values: NDArray[Any] = read_values(dataset, [row % len(dataset)])[0]
    return values
