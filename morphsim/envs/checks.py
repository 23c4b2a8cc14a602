"""Checks of the arguments of environments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from morphsim.checks import MOST_SEED, is_finite_number, shown
from morphsim.errors import InputError


def whole(name: str, value: Any, least: int) -> int:
    """Check an integer of at least `least`.

    Raises:
        InputError: another value.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= MOST_SEED:
        raise InputError(
            f"{name} is {shown(value)}; it must be a whole number of at least {least}, below 2^63"
        )
    return int(value)


def number(name: str, value: Any, low: float, high: float = math.inf, *, closed: bool = False) -> float:
    """Check a finite number above `low` and below `high`.

    Args:
        name: of the value, for errors.
        value: to check.
        low: lower bound, excluded.
        high: upper bound.
        closed: whether `high` itself is allowed.

    Raises:
        InputError: another value.
    """
    if not is_finite_number(value) or not (low < value < high or (closed and value == high)):
        end = "" if high == math.inf else f" and {'at most' if closed else 'below'} {high:g}"
        raise InputError(f"{name} is {shown(value)}; it must be a finite number above {low:g}{end}")
    return float(value)


def flag(name: str, value: Any) -> bool:
    """Check that a value is True or False.

    Raises:
        InputError: it is neither.
    """
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} is {value!r}; it must be True or False")
    return bool(value)


def options_of(options: Any) -> dict[str, Any]:
    """A copy of the options of `reset`; empty for None.

    Raises:
        InputError: they are not a dict.
    """
    if options is not None and not isinstance(options, Mapping):
        raise InputError(f"options is {options!r}; it must be a dict")
    return dict(options or {})


def pair(name: str, value: Any, meaning: str) -> tuple[Any, Any]:
    """Check a pair of values.

    Raises:
        InputError: it is not a sequence of two values.
    """
    several = isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)
    if not several or len(value) != 2:
        raise InputError(f"{name} is {value!r}; it must be {meaning}")
    return value[0], value[1]
