"""Where a step of an episode ends, and what is then told of the films."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.envs.settings import Film, FilmSettings
from morphsim.simulator import Simulation

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
        return settings.process_object.advance_until(simulation, (done + 1) * step)
    return settings.process_object.advance_step(
        simulation, done, steps=settings.steps, longest=settings.longest_step
    )


def columns(simulation: Simulation, films: Sequence[Film], settings: FilmSettings) -> dict[str, Column]:
    """What `info` says of films in numbers, (B,) each."""
    told: dict[str, Column] = {
        "time_s": simulation.time * np.array([film.units.time_s for film in films]),
        "thickness_nm": simulation.thickness * np.array([film.units.length_nm for film in films]),
        "temperature_K": simulation.knobs["temperature"],
    }
    return told | settings.process_object.info(simulation, [film.units for film in films])


def state_names(settings: FilmSettings) -> tuple[str, ...]:
    """Entries of the process state that a policy may see."""
    knobs = (knob.name for knob in settings.panel.knobs)
    return (*settings.process_object.state, "thickness", "step_fraction", *knobs)


def state_bounds(settings: FilmSettings) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Smallest and largest value of each entry of `state_names`."""
    outer = {**settings.process_object.state, "thickness": (0.0, 2.0), "step_fraction": (0.0, 1.0)}
    pairs = [outer.get(name, (-1.0, 1.0)) for name in state_names(settings)]
    low, high = np.array(pairs, np.float32).T
    return low, high


def process_state(
    simulation: Simulation, films: Sequence[Film], done: NDArray[np.int64], settings: FilmSettings
) -> NDArray[np.float32]:
    """The entries of `state_names` for B films, (B, S), within their bounds."""
    initial = np.array([film.recipe.initial_thickness for film in films])
    told = settings.process_object.state_of(simulation)
    parts = [*told.values(), simulation.thickness / initial, done / settings.limit]
    turned = settings.panel.nearest(simulation.knobs)
    state = np.concatenate([np.stack(parts, axis=1).astype(np.float32), turned], axis=1)
    return np.asarray(np.clip(state, *state_bounds(settings)), np.float32)
