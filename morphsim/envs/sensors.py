"""The entries of the process state in observations of kind "dict"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.envs.knobs import Panel
from morphsim.errors import InputError
from morphsim.simulator import Process
from morphsim.suggest import did_you_mean

LAST_ACTIONS = "last_actions"
"""Stands for the last action of every knob."""
_LAST_ACTION = "last_action:"
LOG_RATES = (-5.0, 2.0)
"""Smallest and largest `drying_rate`, the common logarithm of the dryness gained per unit of time."""


def usual_sensors(process: Process[Any], panel: Panel) -> tuple[str, ...]:
    """The entries of the state where none are named."""
    return (*process.state, "thickness", "step_fraction", *(knob.name for knob in panel.knobs))


def known_sensors(process: Process[Any], panel: Panel) -> tuple[str, ...]:
    """All names of entries that a state may have."""
    rates = ("drying_rate",) if process.clock == "dryness" else ()
    return (*usual_sensors(process, panel), "time", *rates, LAST_ACTIONS)


def sensor_names(process: Process[Any], panel: Panel, sensors: Sequence[str] | None) -> tuple[str, ...]:
    """The entries of the state, one name for each number.

    Args:
        process: of the films.
        panel: the knobs in the action.
        sensors: names of `known_sensors`; None for the usual ones.

    Raises:
        InputError: no name, or one that is unknown or repeated.
    """
    if sensors is None:
        return usual_sensors(process, panel)
    known = known_sensors(process, panel)
    if isinstance(sensors, str) or not isinstance(sensors, Sequence | np.ndarray) or not len(sensors):
        raise InputError(f"sensors is {sensors!r}; give a list of some of {', '.join(known)}")
    names: list[str] = []
    for name in sensors:
        if name not in known:
            raise InputError(f"sensor {name!r} is unknown; {did_you_mean(name, known)}")
        several = [f"{_LAST_ACTION}{knob.name}" for knob in panel.knobs]
        names += several if name == LAST_ACTIONS else [name]
    if len(set(names)) < len(names):
        raise InputError(f"sensors are {list(sensors)}; name each once")
    return tuple(names)


def sensor_bounds(
    process: Process[Any], names: Sequence[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Smallest and largest value of each entry."""
    outer = {
        **process.state,
        "thickness": (0.0, process.thickest),
        "step_fraction": (0.0, 1.0),
        "time": (0.0, 1.0),
        "drying_rate": LOG_RATES,
    }
    low, high = np.array([outer.get(name, (-1.0, 1.0)) for name in names], np.float32).T
    return low, high


def last_actions_of(panel: Panel, actions: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Actions (B, K) as entries of the state, (B,) each."""
    return {f"{_LAST_ACTION}{knob.name}": actions[:, place] for place, knob in enumerate(panel.knobs)}


def log_rate(rate: NDArray[Any]) -> NDArray[np.float64]:
    """`drying_rate` of the dryness gained per unit of time, (B,); at its lower bound where none is gained."""
    low, high = LOG_RATES
    return np.asarray(np.log10(np.clip(rate, 10.0**low, 10.0**high)))
