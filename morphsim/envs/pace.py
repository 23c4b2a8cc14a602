"""Where a step of an episode ends, for each process, and what is then told of the films."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.envs.settings import Film, FilmSettings
from morphsim.simulator import Simulation, snapshot_times

# A film counts as arrived when it is this share of a step short of a goal: thickness is met to 1e-4.
_SAME = 1e-2
# Longest step of a drying film [its recipe's duration].
_LONGEST = 0.05

Column = NDArray[Any]


def advance(
    simulation: Simulation, films: Sequence[Film], done: NDArray[np.int64], settings: FilmSettings
) -> NDArray[np.bool_]:
    """Make films for one step.

    Args:
        simulation: of B films.
        films: what they are.
        done: steps that each has made, (B,).
        settings: of their environment.

    Returns:
        (B,) the films that can't be advanced any further, which stand where they last were sound.
    """
    if settings.step_time_s is not None:
        step = np.array([settings.step_time_s / film.units.time_s for film in films])
        until = (done + 1) * step
        if settings.process == "drying":
            return simulation.advance_to_dryness(1.0, time=until, tolerate=True)
        return simulation.advance(time=until, tolerate=True)
    if settings.process == "drying":
        return _dry(simulation, films, settings)
    ends = [
        snapshot_times(film.recipe.duration, settings.steps)[number]
        for film, number in zip(films, done, strict=True)
    ]
    return simulation.advance(time=np.array(ends), tolerate=True)


def _dry(simulation: Simulation, films: Sequence[Film], settings: FilmSettings) -> NDArray[np.bool_]:
    longest = [
        _LONGEST * film.recipe.duration if settings.longest_step is None else settings.longest_step
        for film in films
    ]
    goals = (np.floor(simulation.dryness * settings.steps + _SAME) + 1.0) / settings.steps
    return simulation.advance_to_dryness(
        np.minimum(goals, 1.0), time=simulation.time + np.array(longest), tolerate=True
    )


def finished(simulation: Simulation) -> NDArray[np.bool_]:
    """Which films have come to their physical end, (B,): those that are dry; annealing has none."""
    return simulation.dry if simulation.process == "drying" else np.zeros(len(simulation), np.bool_)


def columns(simulation: Simulation, films: Sequence[Film]) -> dict[str, Column]:
    """What `info` says of films in numbers, (B,) each."""
    knobs = simulation.knobs
    told: dict[str, Column] = {
        "time_s": simulation.time * np.array([film.units.time_s for film in films]),
        "thickness_nm": simulation.thickness * np.array([film.units.length_nm for film in films]),
        "temperature_K": knobs["temperature"],
    }
    if simulation.process == "annealing":
        return told | {"chi": simulation.chi}
    biot = zip(films, simulation.biot, strict=True)
    return told | {
        "evaporation_nm_per_s": np.array([film.units.evaporation_nm_per_s(float(bi)) for film, bi in biot]),
        "ambient_vapour": knobs["ambient_vapour"],
        "dryness": simulation.dryness,
    }


def state_names(settings: FilmSettings) -> tuple[str, ...]:
    """Entries of the process state that a policy may see."""
    drying = ("dryness",) if settings.process == "drying" else ()
    return (*drying, "thickness", "step_fraction", *(knob.name for knob in settings.panel.knobs))


def state_bounds(settings: FilmSettings) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Smallest and largest value of each entry of `state_names`."""
    outer = {"dryness": (-1.0, 1.0), "thickness": (0.0, 2.0), "step_fraction": (0.0, 1.0)}
    pairs = [outer.get(name, (-1.0, 1.0)) for name in state_names(settings)]
    low, high = np.array(pairs, np.float32).T
    return low, high


def process_state(
    simulation: Simulation, films: Sequence[Film], done: NDArray[np.int64], settings: FilmSettings
) -> NDArray[np.float32]:
    """The entries of `state_names` for B films, (B, S), within their bounds."""
    initial = np.array([film.recipe.initial_thickness for film in films])
    parts = [simulation.dryness] if settings.process == "drying" else []
    parts += [simulation.thickness / initial, done / settings.limit]
    turned = settings.panel.nearest(simulation.knobs)
    state = np.concatenate([np.stack(parts, axis=1).astype(np.float32), turned], axis=1)
    return np.asarray(np.clip(state, *state_bounds(settings)), np.float32)
