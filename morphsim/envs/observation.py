"""Observations of films: their spaces, the numbers of the process state, and rows of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.envs.drafts import EVAPORATION, draft_factor
from morphsim.envs.last_step import LastStep
from morphsim.envs.sensors import last_actions_of, log_rate, sensor_bounds
from morphsim.envs.settings import Film, FilmSettings
from morphsim.simulator import Simulation

Observation = Any
"""Observation of B films: (B, 1, H, W) uint8, (B, C, H, W) float32, or a dict of arrays."""


def observation_space(settings: FilmSettings) -> gym.Space[Any]:
    """The observation space of one film."""
    frame = gym.spaces.Box(0, 255, (1, *settings.shape), np.uint8)
    if settings.observation == "frame":
        return frame
    if settings.observation == "fields":
        components = len(settings.recipe.composition)
        return gym.spaces.Box(0.0, 1.0, (components, *settings.shape), np.float32)
    low, high = sensor_bounds(settings.process_object, settings.sensors)
    return gym.spaces.Dict({"frame": frame, "state": gym.spaces.Box(low, high, dtype=np.float32)})


def row_of(observation: Observation, row: int) -> Observation:
    """A copy of one film's observation from a batch."""
    if isinstance(observation, dict):
        return {name: values[row].copy() for name, values in observation.items()}
    return observation[row].copy()


def put_row(observation: Observation, row: int, other: Observation, other_row: int) -> None:
    """Copy one film's observation from batch `other` into batch `observation`."""
    if isinstance(observation, dict):
        for name, values in observation.items():
            values[row] = other[name][other_row]
    else:
        observation[row] = other[other_row]


def process_state(
    simulation: Simulation,
    films: Sequence[Film],
    done: NDArray[np.int64],
    last: LastStep,
    settings: FilmSettings,
) -> NDArray[np.float32]:
    """The entries of `FilmSettings.sensors` for B films, (B, S), within their bounds.

    Args:
        simulation: of B films.
        films: their recipes, scales and seeds.
        done: number of steps of each film so far, (B,).
        last: their last step.
        settings: of their environment.
    """
    process, names = settings.process_object, settings.sensors
    initial = np.array([film.recipe.initial_thickness for film in films])
    knobs = settings.panel.nearest(_set_points(simulation, films, done, settings))
    entries: dict[str, NDArray[Any]] = {
        **process.state_of(simulation),
        "thickness": simulation.thickness / initial,
        "step_fraction": done / settings.limit,
        **{knob.name: knobs[:, place] for place, knob in enumerate(settings.panel.knobs)},
        **last_actions_of(settings.panel, last.actions),
    }
    if "time" in names:
        durations = np.array([film.recipe.duration for film in films])
        entries["time"] = np.log1p(simulation.time) / np.log1p(durations)
    if "drying_rate" in names:
        gained = simulation.dryness - process.dryness(simulation.recipes, last.thickness)
        entries["drying_rate"] = log_rate(last.per_time(gained, simulation.time))
    state = np.stack([entries[name].astype(np.float32) for name in names], axis=1)
    return np.asarray(np.clip(state, *sensor_bounds(process, names)), np.float32)


def _set_points(
    simulation: Simulation, films: Sequence[Film], done: NDArray[np.int64], settings: FilmSettings
) -> dict[str, NDArray[np.float64]]:
    """The present setting of each knob, (B,), without the drafts of the last step."""
    knobs = simulation.knobs
    if settings.drafts:
        knobs[EVAPORATION] /= [
            draft_factor(film.seed, step - 1, settings.drafts) if step else 1.0
            for film, step in zip(films, done.tolist(), strict=True)
        ]
    return knobs
