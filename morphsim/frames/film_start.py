"""The initial state of films that do not start freshly mixed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.simulator import Recipe, TernaryRecipe, Units, find_process, process_of, record_film
from morphsim.simulator.core.control import TOLERANCE
from morphsim.simulator.recipe import Scalar
from morphsim.simulator.recipe_io import read_recipe_values
from morphsim.simulator.resample import resample_fields
from morphsim.simulator.resolve import RecipeSource, resolve_recipe


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
                f"start is a film of {height} x {width} cells, and the shape is {shape[0]} x {shape[1]}; use "
                f"the shape {height} x {width}, or as many cells"
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
        for name, value in stated.items():
            if name in facts and not _equal(value, facts[name]):
                raise InputError(
                    f"start is a film of {name} {facts[name]!r}, and the recipe has {value!r}; leave it out "
                    "of the recipe"
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
            (last,) = record_film(
                self.before,
                seed=seed,
                frames=1,
                shape=cells,
                cells=cells,
                tolerance=tolerance,
                dtype=dtype,
                device=device,
                # Whoever made the grid has checked it, for all films that follow each other.
                resolution="ignore",
            )
            phi = last.fields.astype(np.float64)
        assert phi is not None
        phi = resample_fields(phi, cells, boundary=recipe.boundary)
        components = len(recipe.composition)
        if len(phi) == 1 and components == 2:
            solids = 1.0 - (recipe.solvent if isinstance(recipe, TernaryRecipe) else 0.0)
            return np.concatenate([phi, 1.0 - phi]) * solids
        return phi[:1] / phi.sum(axis=0, keepdims=True) if len(phi) > components else phi


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


def _equal(one: object, other: object) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return (
        isinstance(one, int | float)
        and isinstance(other, int | float)
        and math.isclose(one, other, rel_tol=1e-6)
    )
