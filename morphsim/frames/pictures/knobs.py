"""Knobs in physical units: their settings as texts, and their course over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.errors import InputError
from morphsim.simulator import Recipe, Units, find_process
from morphsim.simulator.quantities import ZERO_CELSIUS

_NAMES = {"ambient_vapour": "vapour"}


@dataclass(frozen=True, kw_only=True, eq=False)
class KnobTrace:
    """One knob of a film over time.

    Attributes:
        name: as the picture names it.
        unit: of the values, such as °C; may be empty.
        time_s: (n,) times in order [s].
        values: (n,) settings at these times, with straight lines between them; NaN while there is no such
            knob.

    Raises:
        InputError: no setting, times and values that don't match, or that are not finite or in order.
    """

    name: str
    unit: str
    time_s: NDArray[np.float64]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        times, values = np.asarray(self.time_s, np.float64), np.asarray(self.values, np.float64)
        if times.ndim != 1 or times.shape != values.shape or times.size == 0:
            raise InputError(
                f"the knob {self.name} has times of shape {times.shape} and values of shape {values.shape}; "
                "give one value for each time, (n,)"
            )
        known = np.isfinite(values)
        whole = known.any() and (known | np.isnan(values)).all() and np.isfinite(times).all()
        if not (whole and (np.diff(times) >= 0.0).all()):
            raise InputError(f"the knob {self.name} must have finite values at times in order")
        object.__setattr__(self, "time_s", times)
        object.__setattr__(self, "values", values)

    @property
    def is_constant(self) -> bool:
        """Whether the knob is never turned."""
        known = self.values[np.isfinite(self.values)]
        return bool(np.ptp(known) <= 1e-6 * max(1.0, float(np.abs(known).max())))

    @property
    def begins(self) -> float:
        """The first time at which there is a setting [s]."""
        return float(self.time_s[np.isfinite(self.values).argmax()])

    def at(self, time_s: float) -> float:
        """The setting at a time; at a step the one before it, with which the film of that moment was made.

        Before the first and after the last given time the setting is held.
        """
        first = int(np.searchsorted(self.time_s, time_s, side="left"))
        if first < len(self.time_s) and self.time_s[first] == time_s:
            return float(self.values[first])
        return float(np.interp(time_s, self.time_s, self.values))

    def text(self, time_s: float) -> str:
        """The setting at a time, with name and unit."""
        return f"{self.name} {self.at(time_s):.3g} {self.unit}".rstrip()


def held_settings(
    settings: Mapping[str, ArrayLike], units: Units, time_s: ArrayLike
) -> tuple[KnobTrace, ...]:
    """Knobs that are set at the start of each step and held until its end, in physical units.

    Args:
        settings: (T,) by the knob's name, in the recipe's units.
        units: of the film.
        time_s: (T + 1,) start of each step, and end of the last [s].
    """
    times = np.asarray(time_s, np.float64)
    return tuple(
        knob_trace(name, np.repeat(times, 2)[1:-1], np.repeat(np.asarray(values, np.float64), 2), units)
        for name, values in settings.items()
    )


def knob_traces(
    recipe: Recipe, units: Units, time_s: ArrayLike, columns: Mapping[str, NDArray[Any]]
) -> tuple[KnobTrace, ...]:
    """The knobs of a film's process in physical units.

    Args:
        recipe: of the film; gives the setting of a knob that has no column.
        units: of the film.
        time_s: (N,) times of the frames [s].
        columns: settings of turned knobs at these times, (N,) by the knob's name, in the recipe's units.
    """
    times = np.atleast_1d(np.asarray(time_s, np.float64))
    traces = []
    for knob in find_process(recipe.process).knobs:
        settings = columns.get(knob.name, np.full(len(times), getattr(recipe, knob.name)))
        traces.append(knob_trace(knob.name, times, np.asarray(settings, np.float64), units))
    return tuple(traces)


def physical(name: str, settings: NDArray[np.float64], units: Units) -> tuple[NDArray[np.float64], str]:
    """Settings of a knob in a unit for readers, and the unit: °C, nm/s or µm/s, or none."""
    if name == "temperature":
        return settings - ZERO_CELSIUS, "°C"
    if name == "evaporation":
        rates = settings * units.evaporation_nm_per_s(1.0)
        return (rates, "nm/s") if np.nanmax(rates) < 1e3 else (rates / 1e3, "µm/s")
    return settings, ""


def knob_trace(
    name: str, time_s: NDArray[np.float64], settings: NDArray[np.float64], units: Units
) -> KnobTrace:
    """The course of a knob, whose settings are in the recipe's units, in physical units."""
    values, unit = physical(name, settings, units)
    return KnobTrace(name=_NAMES.get(name, name.replace("_", " ")), unit=unit, time_s=time_s, values=values)
