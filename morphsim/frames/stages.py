"""Frames of films that went through several processes, and the recipes of their stages.

Such a set has the process `chain`. Each frame has the columns `stage` (from 1) and `process`; `time` is in
seconds and runs through all stages, as does `thickness_nm`; where a stage has a schedule, each knob has a
column in the unit of its recipe. The recipe of stage 2 consists of the recipe columns `2.process`,
`2.temperature` and so on, with `2.diffusivity`, D of its unit of time [m^2/s], and `2.schedule`, its
schedules as TOML, whose first values are in the columns of their knobs; h0 is `length_nm` [nm]. What the film
itself determines at the begin of a later stage (width, blend ratio, thickness and solvent) is in no column,
so that films of equal recipes have equal columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from morphsim.errors import InputError
from morphsim.frames.film_file import schedule_text
from morphsim.frames.frame_set import CHAIN, SCHEDULE, Column, FrameSet
from morphsim.frames.transforms import binarise
from morphsim.simulator import Recipe, Snapshot, TernaryRecipe, find_process, process_of, recipe_from_dict
from morphsim.simulator.chain import DIFFUSIVITY, Stage
from morphsim.simulator.film_start import FilmStart, start_after
from morphsim.simulator.recipe import Scalar, parameter_unit
from morphsim.simulator.schedules import Schedule

STAGE = "stage"
LENGTH = "length_nm"
_OF_SET = frozenset({"boundary"})


def chain_frames(moments: Iterable[tuple[Stage, Snapshot]], *, seed: int, threshold: float) -> FrameSet:
    """Binarise the snapshots of one film through all its stages, and add their recipes and units.

    Args:
        moments: at least one, ordered by time, as `record_chain` yields them; of an iterator only one
            snapshot is held in memory.
        seed: of the film's noise.
        threshold: smallest donor share of a donor pixel.
    """
    frames, rows, processes, grids = [], [], [], set()
    stages: dict[int, Stage] = {}
    knobs: list[Mapping[str, float]] = []
    for stage, snapshot in moments:
        frames.append(binarise(snapshot.share, threshold=threshold))
        stages[stage.number] = stage
        processes.append(stage.recipe.process)
        grids.add(snapshot.cells)
        knobs.append(snapshot.knobs)
        rows.append((
            stage.number, stage.time_s(snapshot), snapshot.dryness, snapshot.thickness,
            stage.thickness_nm(snapshot),
        ))  # fmt: skip
    number, time, dryness, thickness, nm = np.array(rows, np.float64).T
    first = stages[min(stages)]
    settings = _settings(knobs) if any(stage.schedule for stage in stages.values()) else {}
    return FrameSet(
        frames=np.stack(frames),
        columns={
            "trajectory": np.zeros(len(frames), np.int64),
            STAGE: number.astype(np.int64),
            "process": np.array(processes),
            "time": time.copy(),
            "dryness": dryness.copy(),
            "thickness": thickness.copy(),
            "thickness_nm": nm.copy(),
            "seed": np.full(len(frames), seed, np.int64),
            **settings,
        },
        recipes={LENGTH: np.array([first.units.length_nm])}
        | {
            f"{stage.number}.{name}": np.array([value])
            for stage in stages.values()
            for name, value in _columns_of(stage).items()
            if name not in stage.fixed | _OF_SET
        },
        process=CHAIN,
        boundary=first.recipe.boundary,
        threshold=threshold,
        units={"time": "s", "thickness": "h0", "thickness_nm": "nm", **_units_of(settings, stages.values())},
        cells=grids.pop() if len(grids) == 1 else None,
    )


def _columns_of(stage: Stage) -> dict[str, Scalar]:
    """What defines a stage, by name."""
    columns = {**stage.recipe.to_dict(), DIFFUSIVITY: stage.units.diffusivity}
    if isinstance(stage.schedule, Schedule) and stage.schedule:
        columns[SCHEDULE] = schedule_text(stage.schedule)
    return columns


def _settings(knobs: Sequence[Mapping[str, float]]) -> dict[str, Column]:
    """Columns of the settings of all knobs, NaN in stages that lack one."""
    names = dict.fromkeys(name for present in knobs for name in present)
    return {name: np.array([present.get(name, np.nan) for present in knobs]) for name in names}


def _units_of(settings: Iterable[str], stages: Iterable[Stage]) -> dict[str, str]:
    kinds = [type(stage.recipe) for stage in stages]
    units = {name: parameter_unit(kind, name) for name in settings for kind in kinds if hasattr(kind, name)}
    return {name: unit for name, unit in units.items() if unit}


def has_stages(frame_set: FrameSet, row: int) -> bool:
    """Whether a frame is of a film that went through several processes."""
    column = frame_set.columns.get(STAGE)
    return column is not None and column.dtype.kind in "iuf" and not np.isnan(column[row])


def stage_recipes(frame_set: FrameSet, row: int) -> list[Recipe]:
    """The recipes of a frame's film, up to the stage that the frame shows.

    In later stages `initial_thickness` and `solvent` are those of a film with the same amount of solids.

    Raises:
        InputError: a recipe is missing, or not one of a process that is known here.
    """
    trajectory = int(frame_set.trajectory[row])
    recipes: list[Recipe] = []
    for number in range(1, int(frame_set.columns[STAGE][row]) + 1):
        values = stage_values(frame_set, trajectory, number)
        for name in (DIFFUSIVITY, SCHEDULE):
            values.pop(name, None)
        if recipes:
            values = {name: getattr(recipes[0], name) for name in ("width", "blend_ratio")} | values
        recipe = recipe_from_dict({"boundary": frame_set.boundary, **values})
        if recipes:
            solvent = recipe.solvent if isinstance(recipe, TernaryRecipe) else 0.0
            recipe = replace(recipe, initial_thickness=_solids(recipes[0]) / (1.0 - solvent))
        recipes.append(recipe)
    if not recipes:
        raise InputError(f"stage is {frame_set.columns[STAGE][row]} in row {row}; stages count from 1")
    return recipes


def stage_values(frame_set: FrameSet, trajectory: int, number: int) -> dict[str, Scalar]:
    """The recipe columns of a stage for one film by the names of parameters, without unknown values."""
    prefix = f"{number}."
    found = {
        name.removeprefix(prefix): _scalar(column, trajectory)
        for name, column in frame_set.recipes.items()
        if name.startswith(prefix)
    }
    return {name: value for name, value in found.items() if value == value and value != ""}


def start_at(frame_set: FrameSet, row: int, process: str) -> FilmStart:
    """What is known of the film that a frame with a stage shows, when another process follows; no fields.

    Raises:
        InputError: as for `stage_recipes`.
    """
    recipes = stage_recipes(frame_set, row)
    trajectory, following = int(frame_set.trajectory[row]), find_process(process)
    thickness = float(frame_set.columns["thickness"][row]) if "thickness" in frame_set.columns else np.nan
    start = start_after(recipes[-1], process, thickness if np.isfinite(thickness) else None)
    length = frame_set.recipes.get(LENGTH)
    found = replace(start, kept={}, diffusivity=None)
    if length is not None and length.dtype.kind == "f" and np.isfinite(length[trajectory]):
        found = replace(found, length_nm=float(length[trajectory]))
    for number, recipe in reversed(list(enumerate(recipes, 1))):
        if process_of(recipe).energy_unit == following.energy_unit:
            value = stage_values(frame_set, trajectory, number).get(DIFFUSIVITY)
            kept = start_after(recipe, process).kept
            return replace(found, kept=kept, diffusivity=value if isinstance(value, float) else None)
    return found


def _scalar(column: Column, row: int) -> Scalar:
    value: Scalar = column[row].item()
    return value


def _solids(recipe: Recipe) -> float:
    solvent = recipe.solvent if isinstance(recipe, TernaryRecipe) else 0.0
    return recipe.initial_thickness * (1.0 - solvent)
