"""Checks that the configurations of this room share."""

from __future__ import annotations

import math
from collections.abc import Collection

from morphsim.errors import InputError


def check_whole(name: str, value: object, least: int) -> None:
    """Check that a value is a whole number of at least `least`.

    Raises:
        InputError: it isn't.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {value!r}; it must be a whole number of at least {least}")


def check_number(name: str, value: object, low: float, high: float, *, above: bool = False) -> None:
    """Check that a value is a finite number from `low` to `high`.

    Args:
        name: what the value is called in an error.
        value: to check.
        low: the least that is allowed.
        high: the most that is allowed; infinity for any finite number.
        above: whether `low` itself is too low.

    Raises:
        InputError: it isn't.
    """
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not low <= value <= high or (above and value == low):  # type: ignore[operator]
        start = f"above {low:g}" if above else f"at least {low:g}"
        end = f" and at most {high:g}" if math.isfinite(high) else ""
        raise InputError(f"{name} is {value!r}; it must be a finite number {start}{end}")


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Check that a value is one of some texts.

    Raises:
        InputError: it isn't.
    """
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"{name} is {value!r}; use one of {', '.join(choices)}")
