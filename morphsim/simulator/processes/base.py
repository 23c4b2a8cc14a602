"""What a way of making films consists of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.simulator.backends.base import BackendLike
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.model import FilmModel
from morphsim.simulator.processes.knob import Knob
from morphsim.simulator.processes.laws import Knobs
from morphsim.simulator.recipe import Recipe
from morphsim.simulator.units import Units

if TYPE_CHECKING:
    from morphsim.simulator.materials import Material
    from morphsim.simulator.simulation import Simulation

Films = TypeVar("Films", bound=Recipe)
Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

FIRST_SNAPSHOT = 1.0 / 200.0
"""Share of a film's duration at which the first of its snapshots even in log time is taken."""


class Process(ABC, Generic[Films]):
    """One way of making films: what decides them, how they change, when a step and an episode end.

    A subclass for each process, whose only object is `PROCESS` of its module. Frames, environments, agents
    and commands ask this object and know no process by name.
    """

    name: ClassVar[str]
    """What users call it."""
    recipe: ClassVar[type[Recipe]]
    """All that decides a film, but for its noise."""
    knobs: ClassVar[tuple[Knob, ...]]
    """What may be changed while a film is made: parameters of the recipe, and how far they are turned."""
    units: ClassVar[Units]
    """Scales of films whose material is not named."""
    time_unit: ClassVar[str]
    """Unit of time, in symbols."""
    energy_unit: ClassVar[str]
    """Unit of a film's free energy per unit of depth, in symbols."""
    components: ClassVar[int]
    """Fields of a film: volume fractions that the solver advances."""
    end: ClassVar[str | None] = None
    """Name of the state in which a film is finished whatever the clock says; None where the clock ends it."""
    clock: ClassVar[str] = "time"
    """By which column frames of a film are at the same moment: `time` or `dryness`."""
    thickness_changes: ClassVar[bool] = False
    """Whether a film becomes thinner or thicker while it is made."""
    state: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """What sensors tell of a film beside its thickness: smallest and largest value by name."""

    @abstractmethod
    def model(
        self, recipes: Sequence[Films], knobs: Knobs, grid: Grid, *, backend: BackendLike = "auto"
    ) -> FilmModel:
        """The right-hand side for a batch of films at the present knobs.

        Raises:
            InputError: diffusion or evaporation that is too fast to be simulated.
        """

    def batch_setting(self, recipe: Films) -> bool:
        """What else films of one batch must share, beside width, boundary and mobility closure."""
        return False

    # --- the clock

    def dryness(self, recipes: Sequence[Films], thickness: Values) -> Values:
        """Evaporated share of the solvent that must leave, (B,), of films of `thickness` (B,); 1 if none."""
        return np.ones(len(recipes))

    def dry(self, recipes: Sequence[Films], thickness: Values) -> Flags:
        """Which films of `thickness` (B,) are dry, (B,): all of them if no solvent must leave."""
        return np.ones(len(recipes), np.bool_)

    def biot(self, recipes: Sequence[Films], knobs: Knobs) -> Values:
        """Rate of evaporation at the present knobs, as a Biot number, (B,).

        Raises:
            InputError: the films have no solvent.
        """
        raise InputError(f"films of {self.name} have no solvent, so nothing evaporates")

    def thickness_at(self, recipes: Sequence[Films], dryness: Values) -> Values:
        """Thickness (B,) of films at a dryness (B,) [h0].

        Raises:
            InputError: the films don't dry.
        """
        raise InputError("an annealed film does not dry; use advance(time=...)")

    def finished(self, simulation: Simulation) -> Flags:
        """Which films are in the state `end`, (B,)."""
        return np.zeros(len(simulation), np.bool_)

    def record(self, simulation: Simulation, frames: int) -> Iterator[None]:
        """Advance a film to each of `frames` moments in turn, the last at its end.

        Here they are even in the logarithm of time, as coarsening goes.

        Raises:
            SimulationDiverged: the film can't be stepped.
            InputError: the film does not come to its end within its duration.
        """
        for time in snapshot_times(_durations(simulation)[0], frames):
            simulation.advance(time=float(time))
            yield

    def advance_step(
        self, simulation: Simulation, done: NDArray[np.int64], *, steps: int, longest: float | None
    ) -> Flags:
        """Make films for one of `steps` steps, after `done` (B,) of them.

        Here steps are even in the logarithm of time.

        Args:
            simulation: the films.
            done: how many steps each film has made.
            steps: of an episode in which nothing holds the film up.
            longest: longest step [units of time]; None for what suits the recipe.

        Returns:
            (B,) the films that can't be advanced any further.
        """
        ends = [
            snapshot_times(duration, steps)[number]
            for duration, number in zip(_durations(simulation), done, strict=True)
        ]
        return simulation.advance(time=np.array(ends), tolerate=True)

    def advance_until(self, simulation: Simulation, time: Values) -> Flags:
        """Make films until `time` (B,) or until they are finished; returns as `advance_step`."""
        return simulation.advance(time=time, tolerate=True)

    # --- what is told of films

    def info(self, simulation: Simulation, units: Sequence[Units]) -> dict[str, Values]:
        """Numbers that tell the state of films in physical units, (B,) each."""
        return {}

    def state_of(self, simulation: Simulation) -> dict[str, Values]:
        """The present value of each entry of `state`, (B,)."""
        return {}

    # --- which films there are

    def ranges(self, recipe: Films) -> dict[str, tuple[float, float]]:
        """Ranges of parameters around a recipe, within which the same knobs give different films."""
        return {
            "blend_ratio": (recipe.blend_ratio - 0.15, recipe.blend_ratio + 0.15),
            "initial_thickness": (0.75 * recipe.initial_thickness, recipe.initial_thickness / 0.75),
            "substrate_strength": (0.0, 0.01),
            "substrate_donor": (0.2, 0.8),
            "chi": (0.85 * recipe.chi, 1.2 * recipe.chi),
        }

    def suits(self, material: Material) -> bool:
        """Whether a material's parameters are meant for this process."""
        return material.process == self.name

    @abstractmethod
    def recipe_of(self, material: Material, parameters: Mapping[str, Any]) -> Films:
        """The recipe of a material, with some parameters that differ.

        Raises:
            InputError: the material is for another process, or an impossible parameter.
        """

    def changes_of(self, material: Material, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters for a material's recipe, in which a published meaning takes the place of a law."""
        return dict(parameters)

    def knobs_around(self, recipe: Films) -> tuple[Knob, ...]:
        """The knobs, with ranges that suit a material's recipe."""
        return self.knobs


def snapshot_times(duration: float, count: int) -> Values:
    """Times (count,) from 1/200 of `duration` to its end, even in the logarithm, as coarsening goes."""
    return duration * np.geomspace(FIRST_SNAPSHOT, 1.0, count) if count > 1 else np.array([duration])


def _durations(simulation: Simulation) -> list[float]:
    return [recipe.duration for recipe in simulation.recipes]
