"""Checks of numbers that a user gives, the same in every room."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from morphsim.errors import InputError

MOST_SEED = 2**63 - 1
"""Seeds stand in arrays and files of int64."""


def is_finite_number(value: object) -> bool:
    """Whether `value` is a number, no truth value, that a float can hold and that is finite."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        # A whole number of 400 digits.
        return False


def whole_number(name: str, value: Any, low: int, high: int) -> int:
    """A whole number from `low` to `high`, as an int.

    Raises:
        InputError: it is none.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not low <= value <= high:
        raise InputError(f"{name} is {shown(value)}; it must be a whole number from {low} to {high}")
    return int(value)


def shown(value: object) -> str:
    """A value for an error, cut where it is long."""
    try:
        text = repr(value)
    except ValueError:
        # Python prints no number of more than 4300 digits.
        return "a number of thousands of digits"
    return text if len(text) <= 40 else f"{text[:36]}..."
