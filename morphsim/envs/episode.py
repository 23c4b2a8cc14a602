"""One step of an episode, and the numbers that `info` then holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.envs.drafts import EVAPORATION, draft_factor
from morphsim.envs.last_step import LastStep
from morphsim.envs.settings import Film, FilmSettings
from morphsim.simulator import Simulation
from morphsim.simulator.schedules.drive import FilmDrive
from morphsim.simulator.schedules.drive import advance as drive_films

_SCALES = ("time_s", "length_nm")


def advance(
    simulation: Simulation,
    films: Sequence[Film],
    drives: Sequence[FilmDrive],
    done: NDArray[np.int64],
    settings: FilmSettings,
) -> NDArray[np.bool_]:
    """Advance films by one step.

    Args:
        simulation: of B films.
        films: their recipes, scales and seeds.
        drives: of their knobs.
        done: number of steps of each film so far, (B,).
        settings: of their environment.

    Returns:
        (B,) True for films that diverged; they keep their last valid state.
    """
    if settings.step_time_s is not None:
        step = np.array([settings.step_time_s / film.units.time_s for film in films])
        goal = settings.process_object.goal_at((done + 1) * step)
    else:
        goal = settings.process_object.step_goal(simulation, done, settings.pace)
    if settings.drafts:
        for drive, film, step in zip(drives, films, done.tolist(), strict=True):
            drive.factors = {EVAPORATION: draft_factor(film.seed, step, settings.drafts)}
    for row in np.flatnonzero(settings.pace.finishes(done)).tolist():
        drives[row].jump(settings.process_object.finishing)
    diverged = drive_films(simulation, drives, goal, tolerate=True)
    for row, drive in enumerate(drives):
        drive.steps.show(simulation, row)
    return diverged


def info_columns(
    simulation: Simulation, films: Sequence[Film], last: LastStep, settings: FilmSettings
) -> dict[str, NDArray[Any]]:
    """The numbers in the `info` of films, (B,) each.

    Args:
        simulation: of B films.
        films: their recipes, scales and seeds.
        last: their last step.
        settings: of their environment.
    """
    process = settings.process_object
    second, length = (np.array([getattr(film.units, name) for film in films]) for name in _SCALES)
    found: dict[str, NDArray[Any]] = {
        "time_s": simulation.time * second,
        "thickness_nm": simulation.thickness * length,
        "temperature_K": simulation.knobs["temperature"],
    }
    if process.thickness_changes:
        lost = last.per_time(last.thickness - simulation.thickness, simulation.time)
        found["drying_rate_nm_per_s"] = lost * length / second
    return found | process.info(simulation, [film.units for film in films])
