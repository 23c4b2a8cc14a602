"""Drying: a donor/acceptor/solvent film loses its solvent through the free surface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.simulator.core.arrival import THICKNESS_TOLERANCE
from morphsim.simulator.processes.base import Flags, Goal, Values
from morphsim.simulator.processes.knob import Knob
from morphsim.simulator.processes.laws import Knobs
from morphsim.simulator.processes.pace import Pace
from morphsim.simulator.processes.ternary import TernaryProcess, TernaryRecipe, evaporation_text
from morphsim.simulator.recipe import number_field
from morphsim.simulator.recipe_io import recipe_from_dict
from morphsim.simulator.units import DRYING_UNITS, Units

if TYPE_CHECKING:
    from morphsim.simulator.materials import Material
    from morphsim.simulator.simulation import Simulation

# Factor between a material's own evaporation, in the middle of the knob, and the ends of the knob.
_EVAPORATION_REACH = 10.0
# Longest step of a drying film [its recipe's duration].
_LONGEST = 0.05
# Of the default recipe's films, the pattern is decided between these drynesses.
_DECIDING = (0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 1.0)


@dataclass(frozen=True, kw_only=True)
class DryingRecipe(TernaryRecipe):
    """A donor/acceptor/solvent film whose solvent evaporates through the free surface.

    Energy is in RT/V_s, time in h0^2/D_s, with D_s the diffusivity in pure solvent at the reference
    temperature. The film is dry when the volume share of solvent falls to `residual_solvent`.
    """

    process = "drying"

    residual_solvent: float = number_field(0.1, 0.01, 0.5)
    """Volume share of solvent at which the film counts as dry."""
    spin_speed: float = number_field(1500.0, 100.0, 12000.0, "rpm")
    """Spin speed [rpm]; evaporation is proportional to its square root (doi 10.1063/1.325357)."""
    reference_spin_speed: float = number_field(1500.0, 100.0, 12000.0, "rpm")
    """Spin speed at which evaporation is given [rpm]."""
    duration: float = number_field(400.0, 1e-6, 1e5, "h0^2/D_s")
    """Longest drying time [h0^2 / D_s]."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.residual_solvent >= self.solvent:
            raise InputError(
                f"residual_solvent {self.residual_solvent:g} is not below solvent {self.solvent:g}; "
                "such a film is dry from the start"
            )

    @property
    def last_solvent(self) -> float:
        """Volume share of solvent in the dry film."""
        return self.residual_solvent

    @property
    def dry_thickness(self) -> float:
        """Thickness at which the film counts as dry [h0]."""
        return self.last_thickness


class Drying(TernaryProcess[DryingRecipe]):
    """Drying of a wet film, controlled by evaporation, the vapour above it and its temperature."""

    name = "drying"
    recipe = DryingRecipe
    knobs = (
        Knob("evaporation", 0.03, 3.0, logarithmic=True),
        Knob("ambient_vapour", 0.0, 0.6),
        Knob("temperature", 288.15, 338.15),
    )
    units = DRYING_UNITS
    end = "dry"
    # Only vapour can keep a film from drying.
    finishing = {"ambient_vapour": 0.0}  # noqa: RUF012
    clock = "dryness"
    paces = {"deciding": _DECIDING}  # noqa: RUF012
    remedy_of_evaporation = "evaporation, temperature or spin_speed"
    state = {"dryness": (-1.0, 1.0)}  # noqa: RUF012

    def evaporation(self, recipes: Sequence[DryingRecipe], knobs: Knobs) -> Values:
        """The knob's rates at the spin speed, (B,)."""
        return np.asarray(
            knobs["evaporation"] * np.sqrt([r.spin_speed / r.reference_spin_speed for r in recipes])
        )

    def cause_of_evaporation(self, recipe: DryingRecipe, knobs: Mapping[str, float]) -> str:
        """The knob, the temperature and the spin speed."""
        evaporation, kelvin = knobs["evaporation"], knobs["temperature"]
        rate = evaporation_text(recipe, evaporation)
        return f"{rate} at {kelvin:g} K and {recipe.spin_speed:g} rpm"

    def dryness(self, recipes: Sequence[DryingRecipe], thickness: Values) -> Values:
        """Evaporated share of the solvent that must leave before the film is dry, (B,)."""
        initial, dry = _ends(recipes)
        return np.asarray((initial - thickness) / (initial - dry))

    def thickness_at(self, recipes: Sequence[DryingRecipe], dryness: Values) -> Values:
        """Thickness (B,) [h0] at a dryness (B,)."""
        initial, dry = _ends(recipes)
        return np.asarray(initial - dryness * (initial - dry))

    def dry(self, recipes: Sequence[DryingRecipe], thickness: Values) -> Flags:
        """Which films are dry at `thickness` (B,), (B,)."""
        return np.asarray(thickness <= _ends(recipes)[1] + THICKNESS_TOLERANCE)

    def finished(self, simulation: Simulation) -> Flags:
        """Which films are dry, (B,)."""
        return simulation.dry

    def snapshot_goals(self, recipe: DryingRecipe, frames: int) -> list[Goal]:
        """Equal steps of dryness, since patterns form in a small part of the time."""
        time = np.array([recipe.duration])
        return [Goal(time, np.array([dryness])) for dryness in np.linspace(0.0, 1.0, frames + 1)[1:]]

    def check_snapshot(self, simulation: Simulation) -> None:
        """Check that a film dries within its duration.

        Raises:
            InputError: it does not.
        """
        duration = simulation.recipes[0].duration
        if simulation.time[0] >= duration and not simulation.dry[0]:
            raise InputError(
                f"the film is not dry after its duration {duration:g}, but has a dryness of "
                f"{simulation.dryness[0]:.3f}; raise duration or evaporation, or lower ambient_vapour"
            )

    def step_goal(self, simulation: Simulation, done: NDArray[np.int64], pace: Pace) -> Goal:
        """The next dryness of the pace, or after the time `pace.longest`.

        By default steps are even in dryness, and `longest` is a twentieth of the recipe's duration. A step
        that finishes a film may last for its duration.
        """
        recipes = cast("Sequence[DryingRecipe]", simulation.recipes)
        durations = np.array([r.duration for r in recipes])
        longest = _LONGEST * durations if pace.longest is None else np.full_like(durations, pace.longest)
        wet, dry = _ends(recipes)
        goals = pace.next_dryness(simulation.dryness, 1.001 * THICKNESS_TOLERANCE / (wet - dry))
        last = pace.finishes(done)
        return Goal(simulation.time + np.where(last, durations, longest), np.where(last, 1.0, goals))

    def goal_at(self, time: Values) -> Goal:
        """Films at `time` (B,), or when they are dry."""
        return Goal(time, np.ones_like(time))

    def info(self, simulation: Simulation, units: Sequence[Units]) -> dict[str, Values]:
        """Evaporation rate of pure solvent [nm/s], the vapour above the film, and the dryness."""
        biot = zip(units, simulation.biot, strict=True)
        return {
            "evaporation_nm_per_s": np.array([each.evaporation_nm_per_s(float(bi)) for each, bi in biot]),
            "ambient_vapour": simulation.knobs["ambient_vapour"],
            "dryness": simulation.dryness,
        }

    def state_of(self, simulation: Simulation) -> dict[str, Values]:
        """The dryness; negative if the film has swollen."""
        return {"dryness": simulation.dryness}

    def ranges(self, recipe: DryingRecipe) -> dict[str, tuple[float, float]]:
        """The ranges of all processes, `solvent` 0.1 less to 0.05 more, half to twice the chain lengths."""
        least_solvent = max(recipe.residual_solvent + 0.05, recipe.solvent - 0.1)
        return super().ranges(recipe) | {
            "solvent": (min(least_solvent, recipe.solvent), min(recipe.solvent + 0.05, 0.95)),
            "n_donor": (0.5 * recipe.n_donor, 2.0 * recipe.n_donor),
            "n_acceptor": (0.5 * recipe.n_acceptor, 2.0 * recipe.n_acceptor),
        }

    def recipe_of(self, material: Material, parameters: Mapping[str, Any]) -> DryingRecipe:
        """The drying recipe of a material, with the published drying rate of a spin speed if known."""
        recipe = recipe_from_dict(material.drying_recipe().to_dict() | self.changes_of(material, parameters))
        assert isinstance(recipe, DryingRecipe)
        return recipe

    def changes_of(self, material: Material, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Changes to a material's recipe, with the published drying rate of a spin speed if known."""
        return material.spun(parameters) if material.spin_speeds else dict(parameters)

    def knobs_around(self, recipe: DryingRecipe) -> tuple[Knob, ...]:
        """The knobs, with evaporation from a tenth to ten times the material's own."""
        middle = recipe.evaporation
        if middle <= 0.0:
            return self.knobs
        around = Knob(
            "evaporation", middle / _EVAPORATION_REACH, middle * _EVAPORATION_REACH, logarithmic=True
        )
        return tuple(around if knob.name == around.name else knob for knob in self.knobs)


def _ends(recipes: Sequence[DryingRecipe]) -> tuple[Values, Values]:
    """Thickness at the start and when dry, (B,) each [h0]."""
    return np.array([r.initial_thickness for r in recipes]), np.array([r.dry_thickness for r in recipes])


PROCESS = Drying()
