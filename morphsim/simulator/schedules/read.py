"""Schedules from the tables of TOML files and dicts, and from CSV files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from morphsim.checks import is_finite_number, shown
from morphsim.csv_files import number_of, read_text_file, table_rows
from morphsim.errors import InputError
from morphsim.simulator.processes import find_process
from morphsim.simulator.processes.base import Process
from morphsim.simulator.quantities import accepted_units, in_unit, quantity
from morphsim.simulator.recipe import is_difference, parameter_unit
from morphsim.simulator.schedules.profile import Profile, check_points
from morphsim.simulator.schedules.schedule import Schedule
from morphsim.simulator.units import Units
from morphsim.suggest import did_you_mean
from morphsim.text_files import read_toml

_ASCII = {"°C": "C", "µm": "um", "µs": "us"}
_RAMP = " ramp"


def schedule_from_dict(process: str, tables: Mapping[str, Any], *, units: Units | None = None) -> Schedule:
    """A schedule from a table for each knob.

    A table has the points as `dryness`, `time` [units of time], or `time_s`, `time_min` and so on; a `value`
    for each point, in the unit of the parameter, or `value_C` and so on; and optionally `ramp`, `rate_limit`
    (also `rate_limit_K_per_s`) and `dwell` (also `dwell_s`), see `Profile`.

    Args:
        process: of the film.
        tables: by name of the knob.
        units: scales of the film, needed where times are in physical units.

    Raises:
        InputError: an unknown knob or key, or values that are no schedule.

    >>> from morphsim.simulator import Units
    >>> table = {"time_s": [0, 60], "value_C": [25, 140], "ramp": True}
    >>> made = schedule_from_dict(
    ...     "annealing", {"temperature": table}, units=Units(length_nm=100, diffusivity=1e-16)
    ... )
    >>> made.profiles["temperature"].values
    (298.15, 413.15)
    """
    kind = find_process(process)
    knobs = [knob.name for knob in kind.knobs]
    profiles = {}
    for name, table in tables.items():
        if name not in knobs:
            raise InputError(f"{process} has no knob {name!r} to schedule; {did_you_mean(name, knobs)}")
        if not isinstance(table, Mapping):
            raise InputError(f"the schedule of {name} is {shown(table)}; give a table with time and value")
        try:
            profiles[name] = _Table(kind, name, table, units).profile()
        except InputError as error:
            raise InputError(f"the schedule of {name} can't be used: {error}") from error
    return Schedule(profiles)


def split_schedule(
    values: Mapping[str, Any], process: str, *, units: Units | None = None
) -> tuple[dict[str, Any], Schedule]:
    """The parameters of a recipe without its schedules, and the schedules.

    Args:
        values: parameters by name; those that are tables are schedules.
        process: of the film.
        units: as for `schedule_from_dict`.

    Raises:
        InputError: as `schedule_from_dict`.
    """
    tables = {name: value for name, value in values.items() if isinstance(value, Mapping)}
    numbers = {name: value for name, value in values.items() if name not in tables}
    return numbers, schedule_from_dict(process, tables, units=units)


def read_schedule(path: str | Path, process: str, *, units: Units | None = None) -> Schedule:
    """Read a schedule from a TOML file with a table for each knob, or from a CSV file.

    A CSV file has a column `dryness`, `time`, `time_s`, `time_min` or the like, and a column for each knob,
    with its unit if it is not that of the parameter: `temperature_C`, `evaporation`. `temperature_C ramp` is
    a ramp. An empty cell leaves the knob as it is.

    Raises:
        InputError: the file can't be read, or as `schedule_from_dict`.
    """
    try:
        if Path(path).suffix.lower() == ".toml":
            tables = read_toml(path)
            if "process" in tables:
                raise InputError("it is a complete recipe; give it in place of the recipe")
        else:
            if not Path(path).is_file():
                raise InputError("it does not exist; give a CSV or TOML file")
            tables = _tables_of_csv(table_rows(read_text_file(path)), find_process(process))
        return schedule_from_dict(process, tables, units=units)
    except InputError as error:
        told = str(error)
        raise InputError(told if told.startswith(str(path)) else f"{path}: {told}") from error


class _Table:
    """The table of one knob, whose entries are taken out one by one."""

    def __init__(
        self, process: Process[Any], name: str, table: Mapping[str, Any], units: Units | None
    ) -> None:
        self._name, self._left, self._units = name, dict(table), units
        self._unit = parameter_unit(process.recipe, name)
        self._difference = is_difference(process.recipe, name)
        self._clock = parameter_unit(process.recipe, "duration")

    def profile(self) -> Profile:
        over, points = self._points()
        values = self._numbers("value", self._unit)
        if values is None:
            raise InputError(f"it has no values; add {' or '.join(self._keys('value', self._unit))}")
        options: dict[str, Any] = {"ramp": self._left.pop("ramp", False)}
        dwell = self._numbers("dwell", self._clock)
        if dwell is not None:
            options["dwell"] = dwell
        rate = self._rate()
        if rate is not None:
            options["rate_limit"] = rate
        if self._left:
            key = next(iter(self._left))
            known = (*self._keys("time", self._clock), "dryness", *self._keys("value", self._unit), "ramp")
            known = (*known, *self._rates(), *self._keys("dwell", self._clock))
            raise InputError(f"it has the key {key!r}; {did_you_mean(key, known)}")
        return Profile(points, values, over, **options)

    def _points(self) -> tuple[Any, Any]:
        keys = self._keys("time", self._clock)
        present = [key for key in (*keys, "dryness") if key in self._left]
        if len(present) != 1:
            found = f"it has {' and '.join(present)}" if present else "it has no points"
            raise InputError(f"{found}; give one of {', '.join(keys)}, dryness")
        if present == ["dryness"]:
            return "dryness", self._left.pop("dryness")
        given = self._left[present[0]]
        if isinstance(given, Sequence) and not any(isinstance(point, str) for point in given):
            # In the unit of the file, so that an error shows the file's own numbers.
            check_points(present[0], given)
        return "time", self._numbers("time", self._clock)

    def _rates(self) -> dict[str, tuple[str, str]]:
        """The units of the parameter and of time behind each name of a rate."""
        stems = [""] + [f"_{_ASCII.get(unit, unit)}" for unit in accepted_units(self._unit)]
        times = [unit for unit in accepted_units(self._clock) if unit != self._clock]
        named = {f"rate_limit{stem}_per_{_ASCII.get(t, t)}": t for stem in stems for t in times}
        return {"rate_limit": ("", ""), **{key: ("", time) for key, time in named.items()}}

    def _rate(self) -> float | None:
        present = [key for key in self._rates() if key in self._left]
        if len(present) > 1:
            raise InputError(f"it has {' and '.join(present)}; give one of them")
        if not present:
            return None
        rate = self._left.pop(present[0])
        if not is_finite_number(rate):
            raise InputError(f"its {present[0]} is {shown(rate)}; it must be a number above 0")
        time = self._rates()[present[0]][1]
        return float(rate) / in_unit(present[0], 1.0, time, self._clock, units=self._units)

    def _keys(self, stem: str, unit: str) -> dict[str, str]:
        """The unit behind each name of an entry: `time`, `time_s`, `time_min`."""
        units = [each for each in accepted_units(unit) if each != unit or each == "K"]
        return {stem: "", **{f"{stem}_{_ASCII.get(each, each)}": each for each in units}}

    def _numbers(self, stem: str, unit: str) -> Any:
        """The entry of this name, with or without a unit in it, in another unit; None if there is none."""
        keys = self._keys(stem, unit)
        present = [key for key in keys if key in self._left]
        if len(present) > 1:
            raise InputError(f"it has {' and '.join(present)}; give one of them")
        if not present:
            self._refuse_other_unit(stem, keys)
            return None
        key = present[0]
        given = self._left.pop(key)
        if isinstance(given, list | tuple):
            return [self._number(key, value, keys[key], unit) for value in given]
        return self._number(key, given, keys[key], unit)

    def _number(self, key: str, value: Any, given: str, unit: str) -> Any:
        if isinstance(value, str) and not given:
            return quantity(key, value, unit, units=self._units, difference=self._difference)
        # What is no number is refused with its value by the profile.
        return in_unit(key, value, given, unit, units=self._units) if is_finite_number(value) else value

    def _refuse_other_unit(self, stem: str, keys: Mapping[str, str]) -> None:
        other = next((key for key in self._left if key.startswith(f"{stem}_")), None)
        if other is not None:
            raise InputError(f"it has {other}, which is not a unit of it; use {' or '.join(keys)}")


def _tables_of_csv(rows: Sequence[Sequence[str]], process: Process[Any]) -> dict[str, dict[str, Any]]:
    """A table for each knob from the rows of a CSV file, the header first."""
    if len(rows) < 2 or len(rows[0]) < 2:
        raise InputError("it must hold a header, as `time_s,temperature_C`, and a line for each point")
    odd = next((line for line, row in enumerate(rows, start=1) if len(row) != len(rows[0])), None)
    if odd is not None:
        raise InputError(f"its line {odd} has {len(rows[odd - 1])} cells, and its header {len(rows[0])}")
    axis, *headers = rows[0]
    if not re.fullmatch(r"dryness|time(_\w+)?", axis):
        raise InputError(f"its first column is {axis!r}; it must be a time, as time_s, or dryness")
    tables: dict[str, dict[str, Any]] = {}
    for column, header in enumerate(headers, start=1):
        name, unit = _knob_of(header.removesuffix(_RAMP).strip(), process)
        if name in tables:
            raise InputError(f"it has two columns for {name}; keep one")
        filled = [row for row in rows[1:] if row[column]]
        if not filled:
            raise InputError(f"its column {header} is empty")
        tables[name] = {
            axis: [_cell(row[0]) for row in filled],
            f"value{unit}": [_cell(row[column]) for row in filled],
            "ramp": header.endswith(_RAMP),
        }
    return tables


def _knob_of(header: str, process: Process[Any]) -> tuple[str, str]:
    """The knob that a column is of, and `_UNIT` if the header ends so."""
    knobs = [knob.name for knob in process.knobs]
    for name in knobs:
        if header == name or header.startswith(f"{name}_"):
            return name, header.removeprefix(name)
    raise InputError(f"{process.name} has no knob {header!r} to schedule; {did_you_mean(header, knobs)}")


def _cell(text: str) -> float | str:
    try:
        return number_of(text)
    except ValueError:
        return text
