"""The base class of processes by which films are made."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.simulator.backends.base import BackendLike
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.model import FilmModel
from morphsim.simulator.processes.knob import Knob
from morphsim.simulator.processes.laws import Knobs
from morphsim.simulator.processes.pace import Pace
from morphsim.simulator.recipe import Recipe
from morphsim.simulator.units import Units

if TYPE_CHECKING:
    from morphsim.simulator.materials import Material
    from morphsim.simulator.simulation import Simulation

Films = TypeVar("Films", bound=Recipe)
Values = NDArray[np.float64]
Flags = NDArray[np.bool_]

_FEWEST_ROWS = 16
FIRST_SNAPSHOT = 1.0 / 200.0
"""Time of the first snapshot equally spaced in log time, as a share of the film's duration."""


@dataclass(frozen=True, eq=False)
class Goal:
    """Where films are advanced to: a time, or a dryness where they reach it before.

    Attributes:
        time: absolute, (B,) [units of time].
        dryness: (B,); None if time alone counts.
    """

    time: Values
    dryness: Values | None = None


class Process(ABC, Generic[Films]):
    """A process: its parameters, its equations, and when a step and an episode end.

    Each process is a subclass with a single instance, `PROCESS` of its module. Frames, environments, agents
    and commands use this object and never depend on a particular process.
    """

    name: ClassVar[str]
    """The name that users give."""
    recipe: ClassVar[type[Recipe]]
    """The class of its recipes."""
    knobs: ClassVar[tuple[Knob, ...]]
    """Parameters of the recipe that may change during the process, with their ranges."""
    units: ClassVar[Units]
    """Scales of films without a named material."""
    time_unit: ClassVar[str]
    """Unit of time, in symbols."""
    energy_unit: ClassVar[str]
    """Unit of a film's free energy per unit of depth, in symbols."""
    components: ClassVar[int]
    """Number of fields of a film: the volume fractions that the solver advances."""
    end: ClassVar[str | None] = None
    """Name of the physical end state; None if only time ends the process."""
    finishing: ClassVar[Mapping[str, float]] = {}
    """Settings of knobs, by name, at which every film comes to its `end`."""
    clock: ClassVar[str] = "time"
    """Column by which frames of different films are matched: `time` or `dryness`."""
    paces: ClassVar[Mapping[str, tuple[float, ...]]] = {}
    """Drynesses at which the steps of an episode end, by the name of the pace; see `Pace.stops`."""
    thickness_changes: ClassVar[bool] = False
    """Whether the thickness of a film changes."""
    largest_cell: ClassVar[float] = 1.0
    """Longest side of the solver's cells where the user chooses none [√kappa]."""
    thickest: ClassVar[float] = 2.0
    """Largest thickness that sensors tell [initial thickness]."""
    state: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """Quantities that sensors could measure besides the thickness: smallest and largest value by name."""

    @abstractmethod
    def model(
        self, recipes: Sequence[Films], knobs: Knobs, grid: Grid, *, backend: BackendLike = "auto"
    ) -> FilmModel:
        """The right-hand side for a batch of films at the present knobs.

        Raises:
            InputError: diffusion or evaporation too fast to simulate.
        """

    def cells(self, recipe: Films, shape: tuple[int, int]) -> tuple[int, int]:
        """The solver's grid (h, w) for frames of `shape` (H, W), where the user chooses none.

        By default a cell is `largest_cell` √kappa long, in depth at the geometric mean of the thickness at
        the start and at the end: domains form in between, while their interfaces are still wide. Both
        numbers of cells are rounded up to even ones with fast transforms. A cell is no shorter than a pixel,
        unless `solver_cells` finds that the film's interfaces need it; but layers need sixteen rows, if there
        are as many.
        """
        size = max(self.largest_cell * math.sqrt(recipe.kappa), recipe.width / shape[1])
        depth = math.sqrt(recipe.initial_thickness * recipe.last_thickness)
        rows = max(_FEWEST_ROWS, fast_number(depth / size))
        return min(shape[0], rows), min(shape[1], fast_number(recipe.width / size))

    def batch_setting(self, recipe: Films) -> bool:
        """A property that films of one batch must share besides width, boundary and mobility closure."""
        return False

    # --- the clock

    def dryness(self, recipes: Sequence[Films], thickness: Values) -> Values:
        """Evaporated share of the solvent that must leave, (B,), at `thickness` (B,); 1 if none must."""
        return np.ones(len(recipes))

    def dry(self, recipes: Sequence[Films], thickness: Values) -> Flags:
        """Which films are dry, (B,), at `thickness` (B,); always True if no solvent must leave."""
        return np.ones(len(recipes), np.bool_)

    def biot(self, recipes: Sequence[Films], knobs: Knobs) -> Values:
        """Evaporation rate at the present knobs as a Biot number, (B,).

        Raises:
            InputError: the films have no solvent.
        """
        raise InputError(f"films of {self.name} have no solvent, so nothing evaporates")

    def thickness_at(self, recipes: Sequence[Films], dryness: Values) -> Values:
        """Thickness (B,) [h0] at a dryness (B,).

        Raises:
            InputError: the films don't dry.
        """
        raise InputError("an annealed film does not dry; use advance(time=...)")

    def finished(self, simulation: Simulation) -> Flags:
        """Which films are in the state `end`, (B,)."""
        return np.zeros(len(simulation), np.bool_)

    def snapshot_goals(self, recipe: Films, frames: int) -> list[Goal]:
        """Where a film is recorded, (1,) each, the last at its end.

        By default snapshots are equally spaced in the logarithm of time, as suits coarsening.
        """
        return [Goal(np.array([time])) for time in snapshot_times(recipe.duration, frames)]

    def check_snapshot(self, simulation: Simulation) -> None:
        """Check that a film has reached the goal of a snapshot.

        Raises:
            InputError: the film does not reach its end within its duration.
        """

    def step_goal(self, simulation: Simulation, done: NDArray[np.int64], pace: Pace) -> Goal:
        """The end of the next step of an episode.

        By default steps are equally spaced in the logarithm of time.

        Args:
            simulation: the films.
            done: number of steps of each film so far, (B,).
            pace: of the episode.
        """
        ends = [
            snapshot_times(duration, pace.steps)[number]
            for duration, number in zip(_durations(simulation), done, strict=True)
        ]
        return Goal(np.array(ends))

    def goal_at(self, time: Values) -> Goal:
        """Films at `time` (B,), or when they are finished."""
        return Goal(time)

    # --- observables

    def info(self, simulation: Simulation, units: Sequence[Units]) -> dict[str, Values]:
        """Quantities of the films in physical units, (B,) each."""
        return {}

    def state_of(self, simulation: Simulation) -> dict[str, Values]:
        """The present value of each entry of `state`, (B,)."""
        return {}

    # --- recipes

    def ranges(self, recipe: Films) -> dict[str, tuple[float, float]]:
        """Ranges of parameters around a recipe for randomised films."""
        chis = 0.85 * recipe.chi, 1.2 * recipe.chi
        return {
            "blend_ratio": (recipe.blend_ratio - 0.15, recipe.blend_ratio + 0.15),
            "initial_thickness": (0.75 * recipe.initial_thickness, recipe.initial_thickness / 0.75),
            "substrate_strength": (0.0, 0.01),
            "substrate_donor": (0.2, 0.8),
            "chi": (min(chis), max(chis)),
        }

    def suits(self, material: Material) -> bool:
        """Whether a material's parameters apply to this process."""
        return material.process == self.name

    @abstractmethod
    def recipe_of(self, material: Material, parameters: Mapping[str, Any]) -> Films:
        """The recipe of a material, with some parameters changed.

        Raises:
            InputError: a material for another process, or an invalid parameter.
        """

    def changes_of(self, material: Material, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Changes to a material's recipe, with published values in place of general laws."""
        return dict(parameters)

    def knobs_around(self, recipe: Films) -> tuple[Knob, ...]:
        """The knobs, with ranges that suit a material's recipe."""
        return self.knobs


def snapshot_times(duration: float, count: int) -> Values:
    """Times (count,) from 1/200 of `duration` to its end, equally spaced in the logarithm."""
    return duration * np.geomspace(FIRST_SNAPSHOT, 1.0, count) if count > 1 else np.array([duration])


def _durations(simulation: Simulation) -> list[float]:
    return [recipe.duration for recipe in simulation.recipes]


def fast_number(length: float) -> int:
    """The next even whole number with no prime factor above 5, whose transforms are fast."""
    number = 2 * max(1, math.ceil(0.5 * length * (1.0 - 1e-9)))
    while not _is_fast(number):
        number += 2
    return number


def _is_fast(number: int) -> bool:
    for factor in (2, 3, 5):
        while number % factor == 0:
            number //= factor
    return number == 1
