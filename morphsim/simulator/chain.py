"""Films that are made by several processes in turn, such as dried and then annealed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from morphsim.checks import check_shape, whole_number
from morphsim.errors import InputError
from morphsim.simulator.cells import shared_cells
from morphsim.simulator.core.control import TOLERANCE
from morphsim.simulator.errors import SimulationDiverged
from morphsim.simulator.film_start import FilmStart, start_after, start_of
from morphsim.simulator.materials import material
from morphsim.simulator.processes import PROCESSES, find_process
from morphsim.simulator.processes.ternary import TernaryRecipe
from morphsim.simulator.recipe import Recipe, without_units
from morphsim.simulator.recipe_io import process_of, read_recipe_values
from morphsim.simulator.record import (
    MOST_FRAMES,
    Snapshot,
    as_start,
    continued,
    moments,
    simulation_of,
    snapshot_of,
)
from morphsim.simulator.resolution import check_resolution
from morphsim.simulator.resolve import RecipeSource, resolve_recipe
from morphsim.simulator.schedules.read import split_schedule
from morphsim.simulator.schedules.schedule import Schedule
from morphsim.simulator.schedules.steps import Steps, steps_from_dict
from morphsim.simulator.simulation import Simulation
from morphsim.simulator.units import Units
from morphsim.text_files import read_toml

DIFFUSIVITY = "diffusivity"
"""What the parameters of a stage may hold besides those of its recipe: D of its unit of time [m^2/s]."""
STEPS = "steps"
"""The same, for the columns of the steps of an earlier film, see `Steps`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Stage:
    """One process of a film that goes through several.

    Attributes:
        number: from 1.
        recipe: of this process. Before the stage begins, what the film itself determines (its thickness and
            solvent) is a guess; with snapshots it is what the film was.
        units: h0, which is that of the first stage, and D of this process.
        schedule: of its knobs, over the time of this stage; or the steps of an earlier film.
        start_s: time of the film at which the stage begins [s].
        fixed: parameters that the film determines; empty in a first stage that starts freshly mixed.
    """

    number: int
    recipe: Recipe
    units: Units
    schedule: Schedule | Steps = field(default_factory=Schedule)
    start_s: float = 0.0
    fixed: frozenset[str] = frozenset()

    def time_s(self, snapshot: Snapshot) -> float:
        """Time of the film, through all stages [s]."""
        return self.start_s + snapshot.time * self.units.time_s

    def thickness_nm(self, snapshot: Snapshot) -> float:
        """Thickness of the film [nm]."""
        return snapshot.thickness * self.units.length_nm


def plan_chain(
    sources: Sequence[RecipeSource],
    *,
    material_name: str | None = None,
    start: Snapshot | Simulation | FilmStart | None = None,
    length_nm: float | None = None,
) -> tuple[Stage, ...]:
    """The stages of a film, complete and checked before anything is simulated.

    What a stage does not state, parameters and D, is that of the nearest earlier stage whose energy has the
    same unit, as in drying and annealing in vapour. Knobs and durations are the process's own.

    Args:
        sources: a recipe for each stage, or a dict or the TOML file of one, with its `process`; dicts and
            files may also hold `diffusivity`, D [m^2/s], quantities with units, and schedules of knobs: see
            `morphsim.simulator.schedules.read.schedule_from_dict`.
        material_name: of the first stage, whose source may override it.
        start: the initial state, as for `record_film`; None for a freshly mixed film.
        length_nm: h0 [nm]; None for that of the start, the material, or the first process.

    Raises:
        InputError: no stage, an invalid recipe, or one that contradicts the film it gets. The error names the
            stage, if there are several.
    """
    if not sources:
        raise InputError("there is no stage; give at least one recipe")
    stages: list[Stage] = []
    for number, source in enumerate(sources, 1):
        try:
            stages.append(_stage(stages, source, material_name, start, length_nm))
        except InputError as error:
            raise InputError(f"stage {number}: {error}" if len(sources) > 1 else str(error)) from error
    return tuple(stages)


def record_chain(
    stages: Sequence[Stage | RecipeSource],
    *,
    seed: int,
    frames: int = 50,
    shape: tuple[int, int] = (100, 400),
    cells: tuple[int, int] | None = None,
    start: Snapshot | Simulation | FilmStart | None = None,
    steps: list[Steps] | None = None,
    tolerance: float = TOLERANCE,
    dtype: str = "float32",
    device: str = "cpu",
) -> Iterator[tuple[Stage, Snapshot]]:
    """Simulate one film through several processes, and yield `frames` snapshots of each with its stage.

    The film goes from one process to the next as it is on the solver's grid, with the amounts of donor,
    acceptor and (between processes that have it) solvent kept to the precision of `dtype`. A process without
    solvent begins with the solids alone. The time of snapshots is that of their stage, see `Stage.time_s`.

    Args:
        stages: as for `plan_chain`, or what it returned.
        seed: of the noise, which goes on through all stages.
        frames: number of snapshots of each stage.
        shape: (H, W) of the snapshots [pixels].
        cells: (h, w), the solver's grid in all stages; None for one that is as fine as each of them needs.
        start: as for `record_film`, before the first stage.
        steps: a list to which the steps of each stage are added when it begins, see `record_film`.
        tolerance: see `Simulation`.
        dtype: "float32" or "float64".
        device: "auto", "cpu" or "cuda".

    Raises:
        SimulationDiverged: no time step gives an acceptable solution; its `stage` tells where.
        InputError: as for `plan_chain` and `record_film`, or a film that a process can't take over.

    Warns:
        ResolutionWarning: as for `record_film`, once for all stages.

    >>> from morphsim.simulator import AnnealingRecipe, DryingRecipe, record_chain
    >>> dry, anneal = DryingRecipe(evaporation=3.0), AnnealingRecipe(duration=0.01)
    >>> for stage, moment in record_chain([dry, anneal], seed=0, frames=1, shape=(16, 64)):
    ...     print(stage.number, stage.recipe.process, f"{stage.thickness_nm(moment):.0f} nm")
    1 drying 111 nm
    2 annealing 100 nm
    """
    whole_number("frames", frames, 1, MOST_FRAMES)
    frame = check_shape(shape)
    planned = [stage for stage in stages if isinstance(stage, Stage)]
    if len(planned) < len(stages) or not stages:
        planned = list(plan_chain([_source(stage) for stage in stages], start=start))
    begun = None if start is None else as_start(start, planned[0].recipe.process)
    if isinstance(start, Simulation) and cells is None:
        cells = start.grid.shape
    before = [] if begun is None or begun.before is None else [begun.before]
    recipes = [*before, *(stage.recipe for stage in planned)]
    grid = shared_cells(recipes, frame, cells)
    check_resolution((recipe, grid) for recipe in recipes)
    if begun is not None:
        begun.check_shape(frame, grid)
    settings: dict[str, Any] = {"tolerance": tolerance, "dtype": dtype, "device": device}
    passed = 0.0
    for stage in planned:
        try:
            if begun is None:
                film = simulation_of(stage.recipe, None, seed=seed, cells=grid, **settings)
            else:
                stage = replace(stage, recipe=begun.applied(stage.recipe), start_s=passed)
                film = continued(begun, stage.recipe, seed=seed, cells=grid, **settings)
            own = Steps()
            if steps is not None:
                steps.append(own)
            for _ in moments(film, frames, stage.schedule, steps=own):
                yield stage, snapshot_of(film, frame)
        except SimulationDiverged as error:
            if len(planned) == 1:
                raise
            raise SimulationDiverged(error.film, error.time, error.values, stage.number) from error
        except InputError as error:
            if len(planned) == 1:
                raise
            raise InputError(f"stage {stage.number}: {error}") from error
        passed += float(film.time[0]) * stage.units.time_s
        if stage.number < len(planned):
            begun = start_of(film, planned[stage.number].recipe.process)


def _source(stage: Stage | RecipeSource) -> RecipeSource:
    return stage.recipe if isinstance(stage, Stage) else stage


def _stage(
    stages: Sequence[Stage],
    source: RecipeSource,
    material_name: str | None,
    start: Snapshot | Simulation | FilmStart | None,
    length_nm: float | None,
) -> Stage:
    """The stage that follows `stages`."""
    stated = _stated(source)
    diffusivity = None if isinstance(stated, Recipe) else stated.pop(DIFFUSIVITY, None)
    steps = None if isinstance(stated, Recipe) else stated.pop(STEPS, None)
    process = stage_process(stated, None if stages else material_name)
    if stages:
        begun: FilmStart | None = _expected(stages, process)
    else:
        begun = None if start is None else as_start(start, process)
    name = material_name
    if name and stages and (begun is None or begun.kept or not find_process(process).suits(material(name))):
        # An earlier stage has the material's parameters, or they mean something else here.
        name = None
    usual = find_process(process).units
    if name:
        usual = material(name).units
    elif begun is not None and begun.units is not None:
        usual = begun.units
    length = stages[0].units.length_nm if stages else length_nm
    units = Units(
        length_nm=usual.length_nm if length is None else length,
        diffusivity=usual.diffusivity if diffusivity is None else diffusivity,
    )
    schedule: Schedule | Steps = Schedule()
    if not isinstance(stated, Recipe):
        stated, schedule = split_schedule(stated, process, units=units)
        stated = without_units(find_process(process).recipe, stated, units=units)
    recipe = (
        resolve_recipe(stated, process=process, material_name=name)
        if begun is None
        else begun.recipe(stated, name)
    )
    if isinstance(schedule, Schedule):
        recipe = schedule.started(recipe)
    if steps is not None:
        schedule = steps_from_dict(steps, [knob.name for knob in find_process(process).knobs])
    return Stage(
        number=len(stages) + 1,
        recipe=recipe,
        units=units,
        schedule=schedule,
        fixed=frozenset() if begun is None else begun.fixed(),
    )


def _stated(source: RecipeSource) -> Recipe | dict[str, Any]:
    """What a source states, with schedules and units as they are."""
    return read_toml(source) if isinstance(source, str | Path) else read_recipe_values(source)


def stage_process(stated: Recipe | Mapping[str, Any], material_name: str | None) -> str:
    """The process that a stage states, or that of its material.

    Raises:
        InputError: there is none.
    """
    if isinstance(stated, Recipe):
        return process_of(stated).name
    if "process" not in stated:
        if material_name:
            return material(material_name).process
        raise InputError(f"the process is missing; name one: {', '.join(PROCESSES)}")
    return find_process(stated["process"]).name


def _expected(stages: Sequence[Stage], process: str) -> FilmStart:
    """What the film is expected to be after some stages, for the process that follows."""
    before = stages[-1].recipe
    thickness = None
    if isinstance(before, TernaryRecipe) and process_of(before).end is None:
        # Vapour acts for a given time, after which the film may be wet or dry. Only a film that can't be
        # continued in either case is refused beforehand.
        solvent = max(before.solvent, before.last_solvent)
        thickness = before.initial_thickness * (1.0 - before.solvent) / (1.0 - solvent)
    found = replace(
        start_after(before, process, thickness),
        name=f"stage {len(stages)}",
        kept={},
        length_nm=stages[0].units.length_nm,
        diffusivity=None,
    )
    for earlier in reversed(stages):
        if process_of(earlier.recipe).energy_unit == find_process(process).energy_unit:
            kept = start_after(earlier.recipe, process).kept
            return replace(found, kept=kept, diffusivity=earlier.units.diffusivity)
    return found
