"""Checks of the values that a user gives, each of which names the value and what it may be."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from morphsim.errors import InputError

LARGEST = 10**9
"""Of counts, where nothing else is said: what is larger would take years."""
MOST_PROCESSES = 256
"""Of processes side by side."""
MOST_THREADS = 1024
"""Of threads of a process."""
LEARNING_RATES = (1e-12, 1e3)
"""From the least to the largest: with less no weight moves in single precision, with more none survives."""
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


def check_whole(name: str, value: object, least: int, most: int = LARGEST) -> None:
    """Check that a value is a whole number from `least` to `most`.

    Raises:
        InputError: it isn't.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {shown(value)}; it must be a whole number of at least {least}")
    if value > most:
        raise InputError(f"{name} is {shown(value)}; it must be a whole number of at most {most}")


def check_seed(name: str, value: object, below: int = MOST_SEED + 1) -> None:
    """Check that a value is a whole number that can be a seed.

    Raises:
        InputError: it isn't.
    """
    check_whole(name, value, 0, LARGEST if below <= LARGEST else below)
    if value >= below:  # type: ignore[operator]
        raise InputError(f"{name} is {shown(value)}; it must be below 2**{below.bit_length() - 1}")


def check_tuple(name: str, value: object, least: int, most: int, what: str) -> None:
    """Check that a value is a tuple of `least` to `most` entries.

    Args:
        name: what the value is called in an error.
        value: to check.
        least: the fewest entries.
        most: the most entries.
        what: what it must be, in words.

    Raises:
        InputError: it isn't.
    """
    if not isinstance(value, tuple) or not least <= len(value) <= most:
        raise InputError(f"{name} is {shown(value)}; it must be {what}")


def check_number(
    name: str, value: object, low: float, high: float, *, above: bool = False, below: bool = False
) -> None:
    """Check that a value is a finite number from `low` to `high`.

    Args:
        name: what the value is called in an error.
        value: to check.
        low: the least that is allowed.
        high: the most that is allowed; infinity for any finite number.
        above: whether `low` itself is too low.
        below: whether `high` itself is too high.

    Raises:
        InputError: it isn't.
    """
    # A whole number that no float can hold can't be compared by the functions of `math`.
    good = isinstance(value, int | float) and not isinstance(value, bool) and -math.inf < value < math.inf
    good = good and low <= value <= high and not (above and value == low) and not (below and value == high)  # type: ignore[operator]
    if not good:
        start = f"above {low:g}" if above else f"at least {low:g}"
        end = "" if math.isinf(high) else f" and below {high:g}" if below else f" and at most {high:g}"
        raise InputError(f"{name} is {shown(value)}; it must be a finite number {start}{end}")


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Check that a value is one of some texts.

    Raises:
        InputError: it isn't.
    """
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"{name} is {shown(value)}; use one of {', '.join(choices)}")


def check_flag(name: str, value: object) -> None:
    """Check that a value is true or false.

    Raises:
        InputError: it isn't.
    """
    if not isinstance(value, bool):
        raise InputError(f"{name} is {shown(value)}; it must be true or false")


def shown(value: object) -> str:
    """Write a value for an error, cut where it would fill the screen."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
        return "a whole number of over 30 digits"
    if isinstance(value, list | tuple) and len(value) > 20:
        return f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
