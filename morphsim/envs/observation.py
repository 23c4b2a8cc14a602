"""Observations of films: their spaces, the entries of the process state, and rows of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

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
    low, high = state_bounds(settings)
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


def state_names(settings: FilmSettings) -> tuple[str, ...]:
    """Entries of the process state in observations of kind "dict"."""
    knobs = (knob.name for knob in settings.panel.knobs)
    return (*settings.process_object.state, "thickness", "step_fraction", *knobs)


def state_bounds(settings: FilmSettings) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Smallest and largest value of each entry of `state_names`."""
    outer = {
        **settings.process_object.state,
        "thickness": (0.0, settings.process_object.thickest),
        "step_fraction": (0.0, 1.0),
    }
    pairs = [outer.get(name, (-1.0, 1.0)) for name in state_names(settings)]
    low, high = np.array(pairs, np.float32).T
    return low, high


def process_state(
    simulation: Simulation, films: Sequence[Film], done: NDArray[np.int64], settings: FilmSettings
) -> NDArray[np.float32]:
    """The entries of `state_names` for B films, (B, S), within their bounds."""
    initial = np.array([film.recipe.initial_thickness for film in films])
    sensors = settings.process_object.state_of(simulation)
    parts = [*sensors.values(), simulation.thickness / initial, done / settings.limit]
    knobs = settings.panel.nearest(simulation.knobs)
    state = np.concatenate([np.stack(parts, axis=1).astype(np.float32), knobs], axis=1)
    return np.asarray(np.clip(state, *state_bounds(settings)), np.float32)
