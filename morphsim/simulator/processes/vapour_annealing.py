"""Solvent-vapour annealing: a dry film swells in the vapour of a solvent and coarsens."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from morphsim.simulator.processes.base import Values
from morphsim.simulator.processes.knob import Knob
from morphsim.simulator.processes.laws import Knobs
from morphsim.simulator.processes.ternary import TernaryProcess, TernaryRecipe
from morphsim.simulator.recipe import number_field
from morphsim.simulator.recipe_io import recipe_from_dict
from morphsim.simulator.units import Units

if TYPE_CHECKING:
    from morphsim.simulator.materials import Material
    from morphsim.simulator.simulation import Simulation

RETAINED_SOLVENT = 0.05
"""Share of solvent that a film keeps in dry air. The potential of a solvent that vanishes is infinite: with
less than this, noise brings single cells of a film that dries fast so near to zero that steps become too
short to go on. Films of glassy polymers do keep some per cent."""


@dataclass(frozen=True, kw_only=True)
class VapourAnnealingRecipe(TernaryRecipe):
    """A dry donor/acceptor film that swells in solvent vapour, which makes it mobile.

    Energy is in RT/V_s, time in h0^2/D_s, with D_s the diffusivity in pure solvent at the reference
    temperature. h0 is a length of the user's choice: the thickness of the dry film or, for a film that was
    dried before, that of the wet film; the dry film then has the thickness `initial_thickness` h0.
    """

    process = "vapour-annealing"

    solvent: float = number_field(0.1, 0.01, 0.97)
    """Volume share of solvent that the dry film still holds."""
    ambient_vapour: float = number_field(0.4, 0.0, 0.95)
    """Solvent share of a film in equilibrium with the vapour above it; below 0.05 the film keeps 0.05."""
    duration: float = number_field(100.0, 1e-6, 1e5, "h0^2/D_s")
    """Duration of the annealing [h0^2 / D_s]."""

    @property
    def last_solvent(self) -> float:
        """Volume share of solvent in equilibrium with the vapour."""
        return max(self.ambient_vapour, RETAINED_SOLVENT)


class VapourAnnealing(TernaryProcess[VapourAnnealingRecipe]):
    """Annealing of a dry film in vapour, which sets its swelling and so its mobility and interactions."""

    name = "vapour-annealing"
    recipe = VapourAnnealingRecipe
    knobs = (Knob("ambient_vapour", 0.0, 0.6), Knob("temperature", 288.15, 338.15))
    # A dry film of 100 nm, and the solvent of the process `drying`.
    units = Units(length_nm=100.0, diffusivity=1e-10)
    thickest = 3.0
    state = {"solvent": (0.0, 1.0)}  # noqa: RUF012

    def evaporation(self, recipes: Sequence[VapourAnnealingRecipe], knobs: Knobs) -> Values:
        """The recipes' rates at which the surface exchanges solvent with the vapour, (B,)."""
        return np.array([r.evaporation for r in recipes])

    def ambient(self, recipes: Sequence[VapourAnnealingRecipe], knobs: Knobs) -> Values:
        """Solvent shares in equilibrium with the vapour, and in dry air what films retain, (B,)."""
        return np.maximum(knobs["ambient_vapour"], RETAINED_SOLVENT)

    def info(self, simulation: Simulation, units: Sequence[Units]) -> dict[str, Values]:
        """The vapour above the film, and the solvent in it."""
        return {"ambient_vapour": simulation.knobs["ambient_vapour"], "solvent": _solvent(simulation)}

    def state_of(self, simulation: Simulation) -> dict[str, Values]:
        """The mean volume share of solvent."""
        return {"solvent": _solvent(simulation)}

    def ranges(self, recipe: VapourAnnealingRecipe) -> dict[str, tuple[float, float]]:
        """The ranges of all processes, and half to twice the chain lengths."""
        return super().ranges(recipe) | {
            "n_donor": (0.5 * recipe.n_donor, 2.0 * recipe.n_donor),
            "n_acceptor": (0.5 * recipe.n_acceptor, 2.0 * recipe.n_acceptor),
        }

    def suits(self, material: Material) -> bool:
        """Whether the material has a solvent."""
        return material.solvent > 0.0

    def recipe_of(self, material: Material, parameters: Mapping[str, Any]) -> VapourAnnealingRecipe:
        """A recipe for a dry film with the parameters of the material's drying recipe."""
        dry = material.drying_recipe()
        dried = {**dry.to_dict(), "initial_thickness": dry.last_thickness}
        own = {entry.name for entry in dataclasses.fields(VapourAnnealingRecipe)}
        own -= {"solvent", "ambient_vapour", "duration"}
        shared = {name: value for name, value in dried.items() if name in own}
        recipe = recipe_from_dict({"process": self.name, **shared, **parameters})
        assert isinstance(recipe, VapourAnnealingRecipe)
        return recipe


def _solvent(simulation: Simulation) -> Values:
    """Mean volume share of solvent, (B,)."""
    return np.asarray(1.0 - simulation.fields().sum(dim=1).double().mean(dim=(1, 2)).cpu().numpy())


PROCESS = VapourAnnealing()
