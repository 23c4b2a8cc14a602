"""Initial states of films: fields, a frame, or a film of another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames.hdf5 import find_dataset, open_hdf5
from morphsim.frames.hdf5_values import read_values
from morphsim.frames.readers import HDF5
from morphsim.frames.store import read_frames
from morphsim.frames.tables import is_own
from morphsim.frames.targets import read_target_frames, split_rows
from morphsim.simulator import (
    Recipe,
    TernaryRecipe,
    Units,
    find_process,
    load_recipe,
    process_of,
    recipe_from_dict,
    record_film,
)
from morphsim.simulator.recipe import Scalar
from morphsim.simulator.resolve import RecipeSource, resolve_recipe
from morphsim.text_files import read_toml
from morphsim.types import Boundary

Start = Recipe | Mapping[str, Any] | str | Path | NDArray[Any] | None

PURITY = 0.95
"""Share of its own component in each phase of a binary frame.

Composition and interface, which is sharp at first, relax within the first steps."""
# Parameters with the same meaning in all processes, whatever the units of energy and time.
_GEOMETRY = ("width", "boundary", "blend_ratio")
_WIDEST = 64.0


@dataclass(frozen=True, eq=False, kw_only=True)
class FilmStart:
    """The initial state of films.

    Attributes:
        parameters: known parameters of their recipe.
        share: donor share of the solids (H, W), with uniform solvent.
        phi: volume fractions (C, H, W).
        before: recipe of films that are simulated first, each with its own seed.
        units: scales of the process that the parameters belong to; None if unknown.
    """

    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    share: NDArray[np.float64] | None = None
    phi: NDArray[np.float64] | None = None
    before: Recipe | None = None
    units: Units | None = None

    def check_shape(self, shape: tuple[int, int]) -> None:
        """Check that the films have the requested number of cells.

        Raises:
            InputError: another shape.
        """
        given = self.share if self.phi is None else self.phi
        if given is not None and given.shape[-2:] != shape:
            height, width = given.shape[-2:]
            raise InputError(
                f"start is a film of {height} x {width} cells, and the shape is {shape[0]} x {shape[1]}; use "
                f"shape=({height}, {width})"
            )

    def recipe_source(self, recipe: RecipeSource, process: str) -> RecipeSource:
        """The recipe of films with this initial state; the user's choices override its known parameters.

        Args:
            recipe: the user's choices.
            process: the process that follows.

        Raises:
            InputError: a recipe that can't be read, or another width or boundary.
        """
        if isinstance(recipe, str | Path):
            recipe = read_toml(recipe)
        if recipe is None or isinstance(recipe, Mapping):
            recipe = {"process": process, **self.parameters, **(recipe or {})}
        own = resolve_recipe(recipe, process=process)
        for name in ("width", "boundary"):
            known = self.parameters.get(name)
            if known is not None and known != getattr(own, name):
                raise InputError(
                    f"start is a film of {name} {known!r}, and the recipe has {getattr(own, name)!r}; leave "
                    "it out of the recipe"
                )
        return recipe

    def fields(self, recipe: Recipe, *, seed: int, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Volume fractions (C, H, W) at the start of a film of `recipe`.

        Raises:
            InputError: the preceding film does not dry within its duration.
        """
        if self.before is not None:
            (last,) = record_film(self.before, seed=seed, frames=1, shape=shape)
            phi = last.fields.astype(np.float64)
        elif self.phi is not None:
            phi = self.phi
        else:
            assert self.share is not None
            phi = self.share[None]
        components = len(recipe.composition)
        if len(phi) == 1 and components == 2:
            solids = 1.0 - float(getattr(recipe, "solvent", 0.0))
            phi = np.concatenate([phi, 1.0 - phi]) * solids
        elif len(phi) == 2 and components == 1:
            phi = phi[:1] / phi.sum(axis=0, keepdims=True)
        return phi


def read_start(source: Start, process: str) -> FilmStart | None:
    """The initial state of films of `process`.

    Args:
        source: None for freshly mixed films; a recipe, a dict of its parameters with its `process`, or a TOML
            file, whose films are simulated first; a file of frames, as FILE for the last frame or FILE:ROW;
            the HDF5 file of an XDMF export, whose last fields are taken; or fields (C, H, W).
        process: the process that follows.

    Raises:
        InputError: any other source, or a file that can't be read.
    """
    if source is None:
        return None
    if isinstance(source, np.ndarray):
        return FilmStart(phi=_checked(source))
    if isinstance(source, str | Path) and Path(source).suffix.lower() == ".toml":
        source = load_recipe(source)
    if isinstance(source, Mapping):
        source = recipe_from_dict(source)
    if isinstance(source, Recipe):
        return FilmStart(
            parameters=_parameters_after(source, process), before=source, units=process_of(source).units
        )
    if not isinstance(source, str | Path):
        raise InputError(
            f"start is {source!r}; give a recipe, a file of one, a file of frames or fields, or an array of "
            "fields (C, H, W)"
        )
    path, _ = split_rows(str(source))
    if path.suffix.lower() in HDF5 and path.is_file():
        with open_hdf5(path) as file:
            if find_dataset(file, "frames") is None and find_dataset(file, "donor") is not None:
                return _of_fields_file(file)
    return _of_frames(source, process)


def _of_frames(source: str | Path, process: str) -> FilmStart:
    path, rows = split_rows(str(source))
    frames = read_target_frames(source)
    if rows is not None and len(rows) > 1:
        raise InputError(f"{source} names {len(rows)} frames where one is needed; name one row")
    parameters: dict[str, Scalar] = {}
    units = None
    if path.suffix.lower() in HDF5:
        with open_hdf5(path) as file:
            own = is_own(file)
        if own:
            parameters, units = _of_row(path, -1 if rows is None else rows[0], process)
    share = np.where(frames[-1] == 1, PURITY, 1.0 - PURITY)
    parameters.setdefault("blend_ratio", float(np.clip(share.mean(), 0.1, 0.9)))
    return FilmStart(parameters=parameters, share=share, units=units)


def _of_row(path: Path, row: int, process: str) -> tuple[dict[str, Scalar], Units | None]:
    """Parameters of the film that a row of a frame file shows, and the scales of its process."""
    frame_set = read_frames(path)
    trajectory = int(frame_set.trajectory[row])
    recipe = {name: column[trajectory].item() for name, column in frame_set.recipes.items()}
    boundary: Boundary = frame_set.boundary
    try:
        found = recipe_from_dict({"process": frame_set.process, "boundary": boundary, **recipe})
    except InputError:
        # An imported set, or one of another version: only the boundary is certain.
        return {"boundary": boundary}, None
    parameters = _parameters_after(found, process)
    thickness = float(frame_set.columns["thickness"][row]) if "thickness" in frame_set.columns else np.nan
    if np.isfinite(thickness):
        parameters["initial_thickness"] = thickness
    return parameters, process_of(found).units


def _parameters_after(before: Recipe, process: str) -> dict[str, Scalar]:
    """Parameters that a film keeps when another process follows the one that made it."""
    following = find_process(process)
    ternary = isinstance(before, TernaryRecipe) and issubclass(following.recipe, TernaryRecipe)
    if not ternary and not isinstance(before, following.recipe):
        return {name: getattr(before, name) for name in _GEOMETRY}
    changed = {"duration", *(knob.name for knob in following.knobs)}
    names = {entry.name for entry in fields(following.recipe)} & {entry.name for entry in fields(before)}
    kept = {name: getattr(before, name) for name in sorted(names - changed)}
    if isinstance(before, TernaryRecipe):
        kept |= {"solvent": before.last_solvent, "initial_thickness": before.last_thickness}
    return kept


def _of_fields_file(file: Any) -> FilmStart:
    parts = []
    for name in ("donor", "acceptor"):
        dataset = find_dataset(file, name)
        if dataset is None or len(dataset.shape) != 3 or not len(dataset):
            raise InputError(f"its dataset {name} is missing, or not of the shape (frames, H, W)")
        values = read_values(dataset, [len(dataset) - 1])[0]
        # Exports for viewers count rows from the substrate upwards.
        parts.append(values[::-1])
    return FilmStart(phi=_checked(np.stack(parts)), parameters=_aspect(file))


def _aspect(file: Any) -> dict[str, Scalar]:
    """The width of the film in units of its present thickness, which is then h0."""
    ends = []
    for name in ("x", "thickness"):
        dataset = find_dataset(file, name)
        if dataset is None or len(dataset.shape) != 1 or not len(dataset):
            return {}
        ends.append(float(read_values(dataset, [len(dataset) - 1])[0]))
    width = ends[0] / ends[1] if ends[1] > 0.0 else np.nan
    return {"width": width} if 0.0 < width <= _WIDEST else {}


def _checked(phi: NDArray[Any]) -> NDArray[np.float64]:
    if phi.ndim != 3 or phi.shape[0] not in (1, 2) or phi.dtype.kind not in "fiu":
        raise InputError(
            f"start is an array of {phi.dtype} of the shape {phi.shape}; it must hold volume fractions, "
            "(C, H, W) with the donor alone, or donor and acceptor"
        )
    values = phi.astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError("start holds NaN or infinity; give finite volume fractions")
    return values
