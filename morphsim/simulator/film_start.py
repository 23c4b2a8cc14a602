"""The initial state of films that do not start freshly mixed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.simulator.core.control import TOLERANCE
from morphsim.simulator.handover import hand_over
from morphsim.simulator.processes import find_process
from morphsim.simulator.processes.ternary import TernaryRecipe
from morphsim.simulator.recipe import Recipe, Scalar
from morphsim.simulator.recipe_io import process_of, read_recipe_values
from morphsim.simulator.resample import resample_fields
from morphsim.simulator.resolve import RecipeSource, resolve_recipe
from morphsim.simulator.schedules.drive import record
from morphsim.simulator.simulation import Simulation
from morphsim.simulator.units import Units

_BLENDS = 0.1, 0.9
# As far as a simulated field may lie outside the simplex, see `control.OUTSIDE`.
_OUTSIDE = 2e-3


@dataclass(frozen=True, eq=False, kw_only=True)
class FilmStart:
    """The initial state of films.

    Attributes:
        process: the process that follows.
        kept: parameters of the material, which the user's choices override.
        geometry: width, boundary and blend ratio as far as they are known; they hold in any case.
        solids: thickness of the solids alone [h0]; None if unknown.
        solvent: mean volume fraction of the solvent; None in a film without solvent.
        phi: volume fractions (C, H, W); None for films that are simulated first.
        before: recipe of films that are simulated first, each with its own seed.
        length_nm: h0 [nm]; None if unknown.
        diffusivity: of the solvent [m^2/s]; None if unknown, or if it has another meaning in the process.
        draws: how often thermal noise was drawn for the film before, so that what follows draws other ones.
        name: of the film, for errors.
    """

    process: str
    kept: Mapping[str, Scalar] = field(default_factory=dict)
    geometry: Mapping[str, Scalar] = field(default_factory=dict)
    solids: float | None = None
    solvent: float | None = None
    phi: NDArray[np.float64] | None = None
    before: Recipe | None = None
    length_nm: float | None = None
    diffusivity: float | None = None
    draws: int = 0
    name: str = "start"

    @property
    def units(self) -> Units | None:
        """Scales of the films; None if h0 is unknown."""
        if self.length_nm is None:
            return None
        usual = find_process(self.process).units.diffusivity
        return Units(
            length_nm=self.length_nm, diffusivity=usual if self.diffusivity is None else self.diffusivity
        )

    def check_shape(self, shape: tuple[int, int], cells: tuple[int, int]) -> None:
        """Check that the given fields have the shape of the frames or that of the solver's grid.

        Args:
            shape: (H, W) of the frames.
            cells: (h, w) of the solver's grid.

        Raises:
            InputError: another shape.
        """
        if self.phi is not None and self.phi.shape[-2:] not in (tuple(shape), tuple(cells)):
            height, width = self.phi.shape[-2:]
            raise InputError(
                f"{self.name} is a film of {height} x {width} cells, and the shape is {shape[0]} x "
                f"{shape[1]}; use the shape {height} x {width}, or as many cells"
            )

    def facts(self, recipe: Recipe) -> dict[str, Scalar]:
        """Parameters that the film itself determines, for a recipe that has all others."""
        found = dict(self.geometry)
        if not isinstance(recipe, TernaryRecipe):
            return found if self.solids is None else found | {"initial_thickness": self.solids}
        solvent = recipe.solvent if self.solvent is None else self.solvent
        if self.solvent is not None:
            found["solvent"] = solvent
        if self.solids is not None:
            # The solids stay what they are, whatever solvent there is beside them.
            found["initial_thickness"] = self.solids / (1.0 - solvent)
        return found

    def fixed(self) -> frozenset[str]:
        """Names of the parameters that the film determines."""
        kind: Any = find_process(self.process).recipe
        return frozenset(self.facts(kind()))

    def applied(self, recipe: Recipe) -> Recipe:
        """A recipe with the parameters that the film determines.

        Raises:
            InputError: the film is not one that the process can start from.
        """
        try:
            return replace(recipe, **self.facts(recipe))  # type: ignore[arg-type]
        except InputError as error:
            raise InputError(f"films of {self.process} can't start from this film: {error}") from error

    def recipe(self, source: RecipeSource, material: str | None = None) -> Recipe:
        """The recipe of films with this initial state.

        Args:
            source: the user's choices. A dict or a file may not contradict the film; of a recipe object,
                which always has all parameters, only width and boundary are compared.
            material: name of a material, in place of the parameters that are known of the film's own.

        Raises:
            InputError: a recipe that can't be read or contradicts the film.
        """
        stated = read_recipe_values(source)
        if isinstance(stated, Recipe):
            recipe = resolve_recipe(stated, process=self.process)
            stated = {name: getattr(recipe, name) for name in ("width", "boundary")}
        elif material:
            recipe = resolve_recipe(stated, process=self.process, material_name=material)
        else:
            recipe = resolve_recipe({"process": self.process, **self.kept, **stated}, process=self.process)
        facts = self.facts(recipe)
        wrong = [name for name in stated if name in facts and not _equal(stated[name], facts[name])]
        if wrong:
            film = ", ".join(f"{name} {facts[name]!r}" for name in wrong)
            found = ", ".join(repr(stated[name]) for name in wrong)
            raise InputError(
                f"{self.name} is a film of {film}, and the recipe has {found}; leave "
                f"{'it' if len(wrong) == 1 else 'them'} out of the recipe"
            )
        return self.applied(recipe)

    def fields(
        self,
        recipe: Recipe,
        *,
        seed: int,
        cells: tuple[int, int],
        tolerance: float = TOLERANCE,
        dtype: str = "float32",
        device: str = "cpu",
    ) -> NDArray[np.float64]:
        """Volume fractions (C, h, w) at the start of a film of `recipe`, on the solver's grid.

        Args:
            recipe: of the film.
            seed: of the film, and of the one that is simulated first.
            cells: (h, w), the solver's grid, of the film that is simulated first as well.
            tolerance: for the film that is simulated first, as are the others; see `record_film`.
            dtype: "float32" or "float64".
            device: "auto", "cpu" or "cuda".

        Raises:
            InputError: the preceding film does not dry within its duration.
        """
        phi = self.phi
        if self.before is not None:
            first = Simulation(
                [self.before], seeds=[seed], shape=cells, tolerance=tolerance, dtype=dtype, device=device
            )
            for _ in record(first, 1):
                pass
            phi = _fields_of(first)
        assert phi is not None
        phi = resample_fields(phi, cells, boundary=recipe.boundary)
        solvent = recipe.solvent if isinstance(recipe, TernaryRecipe) else 0.0
        return hand_over(phi, components=len(recipe.composition), solvent=solvent)


def start_of(film: Simulation, process: str) -> FilmStart:
    """A simulated film in its present state, for another process.

    Fields and thickness are those of the solver, so that nothing is lost: the amounts of donor, acceptor and
    solvent are the same in the film that follows.

    Args:
        film: a simulation of one film.
        process: that follows.

    Raises:
        InputError: several films.
    """
    if len(film) != 1:
        raise InputError(f"start is a batch of {len(film)} films; give one, as simulation.take([0]) does")
    phi, thickness = _fields_of(film), float(film.thickness[0])
    # A film of one field is all solids.
    content = float(phi.sum(axis=0).mean()) if len(phi) == 2 else 1.0
    return replace(
        start_after(film.recipes[0], process, thickness),
        solids=content * thickness,
        solvent=1.0 - content if len(phi) == 2 else None,
        phi=phi,
        draws=int(film.state.draws[0]),
    )


def start_after(before: Recipe, process: str, thickness: float | None = None) -> FilmStart:
    """What is known of films of a recipe when another process follows, without their fields.

    Args:
        before: recipe of the films.
        process: that follows.
        thickness: of the film [h0]; by default that at the end of its own process.
    """
    following, own = find_process(process), process_of(before)
    kept: dict[str, Scalar] = {}
    same_units = own.energy_unit == following.energy_unit
    if same_units:
        changed = {"duration", "initial_thickness", "solvent", "width", "boundary", "blend_ratio"}
        changed |= {knob.name for knob in following.knobs}
        names = {entry.name for entry in fields(following.recipe)} & {entry.name for entry in fields(before)}
        kept = {name: getattr(before, name) for name in sorted(names - changed)}
    solids, solvent = before.initial_thickness if thickness is None else thickness, None
    if isinstance(before, TernaryRecipe):
        solids = before.initial_thickness * (1.0 - before.solvent)
        solvent = before.last_solvent if thickness is None else 1.0 - solids / thickness
    return FilmStart(
        process=process,
        kept=kept,
        geometry={name: getattr(before, name) for name in ("width", "boundary", "blend_ratio")},
        solids=solids,
        solvent=solvent,
        length_nm=own.units.length_nm,
        diffusivity=own.units.diffusivity if same_units else None,
    )


def start_of_fields(fields: NDArray[Any], process: str) -> FilmStart:
    """Volume fractions (C, H, W) as the initial state of a film of `process`.

    Raises:
        InputError: another shape, or no volume fractions.
    """
    phi = _checked(fields)
    content = phi.sum(axis=0)
    solids, donor = float(content.mean()), float(phi[0].mean())
    if len(phi) == 1:
        return FilmStart(process=process, geometry=blend_of(donor), phi=phi)
    if solids < _OUTSIDE or content.min() <= 0.0:
        raise InputError("start holds places without solids; give the volume fractions of donor and acceptor")
    return FilmStart(process=process, geometry=blend_of(donor / solids), solvent=1.0 - solids, phi=phi)


def blend_of(donor: float) -> dict[str, Scalar]:
    """The blend ratio of a film, as a parameter of its recipe."""
    # Recipes do not know blends of nearly one component.
    return {"blend_ratio": float(np.clip(donor, *_BLENDS))}


def _checked(phi: NDArray[Any]) -> NDArray[np.float64]:
    if phi.ndim != 3 or phi.shape[0] not in (1, 2) or phi.dtype.kind not in "fiu" or not phi.size:
        raise InputError(
            f"start is an array of {phi.dtype} of the shape {phi.shape}; it must hold volume fractions, "
            "(C, H, W) with the donor alone, or donor and acceptor"
        )
    values = phi.astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError("start holds NaN or infinity; give finite volume fractions")
    least = min(float(values.min()), 1.0 - float(values.sum(axis=0).max()))
    if least < -_OUTSIDE:
        raise InputError(
            f"start holds a volume fraction of {least:.3g}, the last component counted; each must lie from 0 "
            "to 1, and their sum at most at 1"
        )
    return values


def _fields_of(film: Simulation) -> NDArray[np.float64]:
    return np.asarray(film.fields()[0].double().cpu().numpy().copy())


def _equal(one: object, other: object) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return (
        isinstance(one, int | float)
        and isinstance(other, int | float)
        and math.isclose(one, other, rel_tol=1e-6)
    )
