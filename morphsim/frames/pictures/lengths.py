"""Lengths, times and round numbers as texts of a picture."""

from __future__ import annotations

import math

_TIMES = {"": 1.0, "m": 1e3, "µ": 1e6, "n": 1e9}
_STEPS = (1, 2, 5)
_MICROMETRE = 1e3


def round_length(longest: float) -> float:
    """The largest of 1, 2, 5, 10, 20, 50, ... (times any power of ten) that is at most `longest`, above 0."""
    power = math.floor(math.log10(longest))
    # One power more on either side, since the logarithm is rounded.
    candidates = [step * 10.0**exponent for exponent in range(power - 1, power + 2) for step in _STEPS]
    return max(value for value in candidates if value <= longest * (1.0 + 1e-9))


def length_text(nanometres: float) -> str:
    """A length with three digits, in nm below 1 µm."""
    if nanometres < _MICROMETRE * (1.0 - 1e-9):
        return f"{nanometres:.3g} nm"
    return f"{_number(nanometres / _MICROMETRE)} µm"


def time_scale(longest: float) -> tuple[float, str]:
    """A factor and a unit in which times up to `longest` [s] are readable numbers."""
    prefix, factor = next((pair for pair in _TIMES.items() if longest * pair[1] >= 1.0), ("n", 1e9))
    return factor, f"{prefix}s"


def _number(value: float) -> str:
    """Three digits, without an exponent for large values."""
    return f"{value:.3g}" if value < _MICROMETRE else f"{value:.0f}"
