"""Annealing: a dry donor/acceptor blend coarsens at a given temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from morphsim.simulator.backends.base import BackendLike
from morphsim.simulator.core.energy import BinaryFloryHuggins
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.mobility import ConstantMobility, Mobility, OnsagerMobility
from morphsim.simulator.core.model import FilmModel
from morphsim.simulator.processes.base import Process, Values
from morphsim.simulator.processes.knob import Knob
from morphsim.simulator.processes.laws import Knobs, chi_at, columns, mobility_factor, substrate_of
from morphsim.simulator.recipe import Recipe, number_field
from morphsim.simulator.units import ANNEALING_UNITS, Units

if TYPE_CHECKING:
    from morphsim.simulator.materials import Material
    from morphsim.simulator.simulation import Simulation

AnnealingMobility = Literal["constant", "onsager"]


@dataclass(frozen=True, kw_only=True)
class AnnealingRecipe(Recipe):
    """A dry donor/acceptor blend of fixed thickness, quenched and annealed.

    Energy is in RT/V, time in h0^2 / D with D the mobility at `reference_temperature`.
    """

    process: ClassVar[str] = "annealing"

    chi: float = number_field(3.0, 0.0, 5.0)
    """Donor-acceptor interaction parameter at the reference temperature (critical: 2)."""
    kappa: float = number_field(4e-4, 1e-6, 0.1)
    """Gradient energy coefficient [RT/V h0^2]."""
    temperature: float = number_field(373.15, 200.0, 600.0, "K")
    """Annealing temperature [K]."""
    reference_temperature: float = number_field(373.15, 200.0, 600.0, "K")
    """Temperature at which chi and the unit of time are given [K]."""
    chi_slope: float = number_field(1500.0, -5e3, 5e3, "K")
    """B of chi(T) = chi + B (1/T - 1/T_ref) [K]."""
    activation_energy: float = number_field(50.0, 0.0, 150.0, "kJ/mol")
    """Activation energy of the Arrhenius mobility [kJ/mol]."""
    mobility: AnnealingMobility = field(default="constant", metadata={"choices": ("constant", "onsager")})
    """Closure of the mobility: constant, or phi (1 - phi)."""
    duration: float = number_field(0.1, 1e-6, 1e3, "h0^2/D")
    """Duration of the annealing [h0^2 / D]."""

    @property
    def composition(self) -> tuple[float, ...]:
        """Volume fraction of the donor."""
        return (self.blend_ratio,)


class Annealing(Process[AnnealingRecipe]):
    """A dry blend of fixed thickness; the temperature sets its interaction and its mobility."""

    name = "annealing"
    recipe = AnnealingRecipe
    knobs = (Knob("temperature", 303.15, 453.15),)
    units = ANNEALING_UNITS
    time_unit = "h0^2/D"
    energy_unit = "RT/V h0^2"
    components = 1
    # Interfaces of one field are half as wide as those of two.
    largest_cell = 0.5

    def model(
        self,
        recipes: Sequence[AnnealingRecipe],
        knobs: Knobs,
        grid: Grid,
        *,
        backend: BackendLike = "auto",
    ) -> FilmModel:
        """Flory-Huggins energy of equal molecules, and the recipe's mobility."""
        column = columns(grid)
        speed = column(mobility_factor(recipes, knobs))
        energy = BinaryFloryHuggins(column(chi_at(recipes, knobs["temperature"])))
        mobility: Mobility = ConstantMobility(speed[:, None])
        if recipes[0].mobility == "onsager":
            mobility = OnsagerMobility(speed)
        kappa = column([r.kappa for r in recipes])[:, None]
        return FilmModel(grid, energy, mobility, kappa, None, substrate_of(recipes, grid), backend)

    def batch_setting(self, recipe: AnnealingRecipe) -> bool:
        """Whether there is a substrate: such films are solved cell by cell, the others mode by mode."""
        return recipe.substrate_strength > 0.0

    def info(self, simulation: Simulation, units: Sequence[Units]) -> dict[str, Values]:
        """The interaction parameter at the present temperature."""
        return {"chi": simulation.chi}

    def ranges(self, recipe: AnnealingRecipe) -> dict[str, tuple[float, float]]:
        """The ranges of all processes, and `kappa` from 0.75 to 1.5 times the recipe's."""
        return super().ranges(recipe) | {"kappa": (0.75 * recipe.kappa, 1.5 * recipe.kappa)}

    def recipe_of(self, material: Material, parameters: Mapping[str, Any]) -> AnnealingRecipe:
        """The recipe of a material for annealing."""
        return material.annealing_recipe(**parameters)


PROCESS = Annealing()
