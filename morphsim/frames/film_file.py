"""Files that make one film again: its recipe, its schedule, and how it is recorded."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from morphsim.checks import MOST_SEED, check_choice, check_fraction, check_shape, shown, whole_number
from morphsim.errors import InputError
from morphsim.frames.plan import check_recording
from morphsim.simulator import Recipe, Units, process_of
from morphsim.simulator.core.control import TOLERANCE
from morphsim.simulator.recipe import parameter_unit
from morphsim.simulator.schedules import Profile, Schedule, Steps
from morphsim.suggest import did_you_mean

FILM, STEPS = "film", "steps"
"""The tables of a recipe file besides parameters and schedules: `Recording`, and the columns of `Steps`."""

_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Recording:
    """All that decides the frames of a film besides its recipe and its schedule.

    Raises:
        InputError: a value out of range.
    """

    frames: int = 50
    """Number of snapshots."""
    shape: tuple[int, int] = (100, 400)
    """(H, W) of the frames [pixels]."""
    cells: tuple[int, int] | None = None
    """(h, w) of the solver's grid; None for the default of the process."""
    seed: int = 0
    """Seed of the noise."""
    threshold: float = 0.5
    """Smallest donor share of a donor pixel."""
    dtype: str = "float32"
    """Precision of the simulation."""
    tolerance: float = TOLERANCE
    """Largest error of a volume fraction over one step."""
    start: str | None = None
    """Initial state, see `read_start`; None for a mixed film."""
    length_nm: float | None = None
    """h0 [nm]; None for a default."""
    diffusivity: float | None = None
    """Diffusivity of the unit of time [m^2/s]; None for a default."""

    def __post_init__(self) -> None:
        for name in ("shape", "cells"):
            value = getattr(self, name)
            if isinstance(value, list | tuple):
                object.__setattr__(self, name, check_shape(tuple(value), name))
        if not isinstance(self.shape, tuple) or not isinstance(self.cells, tuple | None):
            raise InputError(f"shape and cells are {shown([self.shape, self.cells])}; give two whole numbers")
        whole_number("seed", self.seed, 0, MOST_SEED)
        check_fraction("threshold", self.threshold)
        check_recording(
            frames=self.frames,
            shape=self.shape,
            cells=self.cells,
            seed=self.seed,
            threshold=self.threshold,
        )
        check_choice("dtype", self.dtype, ("float32", "float64"))
        if not isinstance(self.tolerance, int | float) or not 0.0 < self.tolerance <= 0.5:
            raise InputError(f"tolerance is {shown(self.tolerance)}; it must lie above 0 and up to 0.5")
        if not isinstance(self.start, str | None):
            raise InputError(f"start is {shown(self.start)}; give the name of a file")


def recording_of(table: object, options: Mapping[str, Any]) -> Recording:
    """The recording of a film file's table `film`, changed by the options that are not None.

    Raises:
        InputError: not a table, an unknown entry, or a value out of range.
    """
    known = [entry.name for entry in fields(Recording)]
    if not isinstance(table, Mapping):
        raise InputError(f"{FILM} is {shown(table)}; it must be a table, as [film] seed = 3")
    for name in table:
        if name not in known:
            raise InputError(f"{FILM} has no entry {name!r}; {did_you_mean(name, known)}")
    given = {name: value for name, value in options.items() if value is not None}
    return Recording(**{**table, **given})


def recipe_text(
    recipe: Recipe,
    schedule: Schedule | None = None,
    *,
    units: Units | None = None,
    without: Collection[str] = (),
) -> str:
    """All parameters of a recipe, and its schedules, as TOML.

    Args:
        recipe: of the film.
        schedule: of its knobs, in place of their values; `load_recipe` reads recipes without any.
        units: scales of the film, for comments in physical units.
        without: parameters that are left out.
    """
    profiles = schedule.profiles if schedule else {}
    lines = []
    for name, value in recipe.to_dict().items():
        if name in without:
            continue
        if name not in profiles:
            # Strings and numbers are written alike in JSON and TOML.
            lines.append(f"{name} = {json.dumps(value)}")
            continue
        if units is not None:
            lines.append(f"# {_in_words(recipe, name, profiles[name], units)}")
        lines.append(f"{name} = {_table(profiles[name])}")
    return "\n".join(lines) + "\n"


def schedule_text(schedule: Schedule) -> str:
    """The schedules of knobs as TOML, in the units of the recipe and of time of the process."""
    return "\n".join(f"{name} = {_table(profile)}" for name, profile in schedule.profiles.items())


def film_text(
    recipe: Recipe, schedule: Schedule | Steps | None, recording: Recording, *, units: Units
) -> str:
    """A file from which `morphsim simulate` makes a film again, bit for bit on the same machine.

    Numbers are written to the last digit, times in the units of the process, so that nothing is rounded.

    Args:
        recipe: of the film.
        schedule: of its knobs, or the steps that were made.
        recording: of the film.
        units: its scales.
    """
    profiles = schedule if isinstance(schedule, Schedule) else None
    parts = ["# A film: `morphsim simulate` with this file makes it again.\n"]
    parts.append(recipe_text(recipe, profiles, units=units))
    scales = {"length_nm": float(units.length_nm), "diffusivity": float(units.diffusivity)}
    # Steps have frames of their own.
    parts.append(
        recording_text(recording, scales | ({"frames": None} if isinstance(schedule, Steps) else {}))
    )
    if isinstance(schedule, Steps):
        parts.append(steps_text(recipe, schedule, units))
    return "".join(parts)


def recording_text(recording: Recording, changes: Mapping[str, Any]) -> str:
    """The table `film` of a recording.

    Args:
        recording: of the film.
        changes: entries that replace its own; None leaves one out.
    """
    written: dict[str, Any] = {entry.name: getattr(recording, entry.name) for entry in fields(Recording)}
    lines = [
        f"{name} = {json.dumps(list(value) if isinstance(value, tuple) else value)}"
        for name, value in (written | dict(changes)).items()
        if value is not None
    ]
    return "\n".join([f"\n[{FILM}]", *lines]) + "\n"


def steps_text(recipe: Recipe, steps: Steps, units: Units, *, table: str = STEPS) -> str:
    """The steps of a film as a table of this name."""
    clock = process_of(recipe).time_unit
    lines = [f"\n# Each step ends at its time [{clock} = {units.time_s!r} s], or where the film reaches its"]
    lines += ["# dryness before; the knobs are in the units of the recipe.", f"[{table}]"]
    for name, column in steps.to_dict().items():
        lines.append(f"{name} = [{', '.join(map(_number, column))}]")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    # JSON has another word for infinity.
    return "inf" if isinstance(value, float) and math.isinf(value) else json.dumps(value)


def _table(profile: Profile) -> str:
    entries: dict[str, Any] = {profile.over: list(profile.points), "value": list(profile.values)}
    if profile.ramp:
        entries["ramp"] = True
    if math.isfinite(profile.rate_limit):
        entries["rate_limit"] = profile.rate_limit
    if profile.dwell:
        entries["dwell"] = profile.dwell
    return "{" + ", ".join(f"{name} = {json.dumps(value)}" for name, value in entries.items()) + "}"


def _in_words(recipe: Recipe, name: str, profile: Profile, units: Units) -> str:
    """A profile in physical units, for readers."""
    unit = parameter_unit(type(recipe), name)
    points = []
    for point, value in zip(profile.points, profile.values, strict=True):
        where = f"{point * units.time_s:.6g} s" if profile.over == "time" else f"dryness {point:.6g}"
        points.append(f"{where}: {value:.6g} {unit}".rstrip())
    more = ", ..." if len(points) > _SHOWN else ""
    return f"{name}, {'ramp' if profile.ramp else 'steps'}: {', '.join(points[:_SHOWN])}{more}"
