"""Quantities with units, as texts such as `80 °C`, `600 nm` and `5 min`, in the units of recipes."""

from __future__ import annotations

import re

from morphsim.errors import InputError
from morphsim.simulator.units import Units

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S.*)?")
ZERO_CELSIUS = 273.15

LENGTHS = {"nm": 1.0, "µm": 1e3, "mm": 1e6}
"""Units of length [nm]."""
TIMES = {"µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
"""Units of time [s]."""
_SPELLINGS = {
    "C": "°C",
    "degC": "°C",
    "deg C": "°C",
    "℃": "°C",
    "um": "µm",
    "us": "µs",
    # Greek mu instead of the sign for micro.
    "\u03bcm": "µm",
    "\u03bcs": "µs",
    "seconds": "s",
    "minutes": "min",
    "hours": "h",
}


def split_quantity(text: str) -> tuple[float, str] | None:
    """The number and the unit of a text; the unit is empty if there is none, None if there is no number.

    >>> split_quantity("80 degC")
    (80.0, '°C')
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    unit = (match[2] or "").strip()
    return float(match[1]), _SPELLINGS.get(unit, unit)


def quantity(
    name: str, text: str, unit: str, *, units: Units | None = None, difference: bool = False
) -> float:
    """A quantity in the unit of a parameter.

    Args:
        name: of the parameter, for errors.
        text: a number with or without its unit.
        unit: of the parameter: "K", "rpm", "h0", a unit of time such as "h0^2/D_s", or empty.
        units: the scales of the film; without them lengths and times in physical units are refused.
        difference: whether a temperature is a difference, for which °C would be ambiguous.

    Raises:
        InputError: not a number, another unit than the expected one, or scales that are unknown.

    >>> quantity("temperature", "80 °C", "K")
    353.15
    """
    found = split_quantity(text)
    if found is None or not (found[1] in ("", unit) or found[1] in accepted_units(unit, difference)):
        allowed = accepted_units(unit, difference)
        told = f" of {' or '.join(allowed)}" if allowed else " without a unit" if found else ""
        raise InputError(f"{name} is {text!r}; it must be a number{told}")
    return in_unit(name, *found, unit, units=units)


def in_unit(name: str, value: float, given: str, unit: str, *, units: Units | None) -> float:
    """A number of one accepted unit, or of none, in another; see `quantity`.

    Raises:
        InputError: the conversion needs scales that are unknown.
    """
    if given in ("", unit):
        return value
    if given == "°C":
        return value + ZERO_CELSIUS
    if units is None:
        scale = "h0" if given in LENGTHS else "the unit of time"
        raise InputError(
            f"{name} is {value:g} {given}, but {scale} is not known here, so it can't be converted; give it "
            f"in {unit}"
        )
    return (
        value * LENGTHS[given] / units.length_nm if given in LENGTHS else value * TIMES[given] / units.time_s
    )


def accepted_units(unit: str, difference: bool = False) -> tuple[str, ...]:
    """The units in which a parameter of this unit may be given, its own first; none if it has no unit."""
    if unit == "K":
        return ("K",) if difference else ("K", "°C")
    if unit == "h0":
        return ("h0", *LENGTHS)
    if is_time(unit):
        return (unit, *TIMES)
    return (unit,) if unit else ()


def is_time(unit: str) -> bool:
    """Whether a recipe's unit is one of time, h0^2 over a diffusivity."""
    return unit.startswith("h0^2/")
