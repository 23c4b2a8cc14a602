"""Checks of user input; each error names the value and the allowed range."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from morphsim.errors import InputError

LARGEST = 10**9
"""Default upper limit of counts: anything larger would take years."""
MOST_PROCESSES = 256
"""Upper limit of parallel processes."""
MOST_THREADS = 1024
"""Upper limit of threads of a process."""
LEARNING_RATES = (1e-12, 1e3)
"""Range of learning rates: below it weights do not change in single precision, above it they diverge."""
MOST_SEED = 2**63 - 1
"""Seeds are stored as int64 in arrays and files."""


MOST_CELLS, MOST_CELLS_ACROSS = 2**24, 2**13
"""Largest number of cells of a film, and in each direction; a larger film does not fit into memory."""


def is_finite_number(value: object) -> bool:
    """Return whether `value` is a finite number (not a bool) that a float can represent."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        # An integer of 400 digits.
        return False


def whole_number(name: str, value: Any, low: int, high: int) -> int:
    """Return a whole number from `low` to `high` as an int.

    Raises:
        InputError: the value is not such a number.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not low <= value <= high:
        raise InputError(f"{name} is {shown(value)}; it must be a whole number from {low} to {high}")
    return int(value)


def check_whole(name: str, value: object, least: int, most: int = LARGEST) -> None:
    """Check that a value is a whole number from `least` to `most`.

    Raises:
        InputError: the check fails.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {shown(value)}; it must be a whole number of at least {least}")
    if value > most:
        raise InputError(f"{name} is {shown(value)}; it must be a whole number of at most {most}")


def check_seed(name: str, value: object, below: int = MOST_SEED + 1) -> None:
    """Check that a value is a whole number that can be a seed.

    Raises:
        InputError: the check fails.
    """
    check_whole(name, value, 0, LARGEST if below <= LARGEST else below)
    if value >= below:  # type: ignore[operator]
        raise InputError(f"{name} is {shown(value)}; it must be below 2**{below.bit_length() - 1}")


def check_tuple(name: str, value: object, least: int, most: int, what: str) -> None:
    """Check that a value is a tuple of `least` to `most` entries.

    Args:
        name: name of the value in the error message.
        value: value to check.
        least: smallest number of entries.
        most: largest number of entries.
        what: requirement, for the error message.

    Raises:
        InputError: the check fails.
    """
    if not isinstance(value, tuple) or not least <= len(value) <= most:
        raise InputError(f"{name} is {shown(value)}; it must be {what}")


def check_frame_shape(name: str, value: Any) -> None:
    """Check that a value is a tuple of a height and a width, whole numbers of at least 1.

    Raises:
        InputError: the check fails.
    """
    check_tuple(name, value, 2, 2, "a height and a width")
    for side in value:
        check_whole(name, side, 1)


def check_shape(shape: Any, name: str = "shape") -> tuple[int, int]:
    """Height and width of a film in cells, or of a frame in pixels.

    Args:
        shape: to check.
        name: of the value, for errors.

    Raises:
        InputError: not two whole numbers, or too many cells.
    """
    try:
        height, width = shape
    except (TypeError, ValueError):
        raise InputError(
            f"{name} is {shown(shape)}; it must be two whole numbers, height and width"
        ) from None
    height = whole_number(f"height of {name}", height, 1, MOST_CELLS_ACROSS)
    width = whole_number(f"width of {name}", width, 1, MOST_CELLS_ACROSS)
    if height * width > MOST_CELLS:
        raise InputError(
            f"{name} {height} x {width} has {height * width} cells; at most {MOST_CELLS} are possible"
        )
    return height, width


def check_number(
    name: str, value: object, low: float, high: float, *, above: bool = False, below: bool = False
) -> None:
    """Check that a value is a finite number from `low` to `high`.

    Args:
        name: name of the value in the error message.
        value: value to check.
        low: lower limit.
        high: upper limit; infinity for any finite number.
        above: whether `low` itself is excluded.
        below: whether `high` itself is excluded.

    Raises:
        InputError: the check fails.
    """
    # The functions of `math` fail for integers that no float can represent.
    good = isinstance(value, int | float) and not isinstance(value, bool) and -math.inf < value < math.inf
    good = good and low <= value <= high and not (above and value == low) and not (below and value == high)  # type: ignore[operator]
    if not good:
        start = f"above {low:g}" if above else f"at least {low:g}"
        end = "" if math.isinf(high) else f" and below {high:g}" if below else f" and at most {high:g}"
        raise InputError(f"{name} is {shown(value)}; it must be a finite number {start}{end}")


def check_fraction(name: str, value: object) -> None:
    """Check that a value is a number between 0 and 1, both excluded; NumPy numbers are accepted.

    Raises:
        InputError: the check fails.
    """
    if not is_finite_number(value) or not 0.0 < value < 1.0:  # type: ignore[operator]
        raise InputError(f"{name} is {shown(value)}; it must lie between 0 and 1")


def check_positive(name: str, value: Any, what: str = "a positive number") -> None:
    """Check that a value, or an array of a single one, is finite and positive.

    Args:
        name: name of the value in the error message.
        value: value to check.
        what: requirement, for the error message.

    Raises:
        InputError: the check fails.
    """
    try:
        good = math.isfinite(value) and value > 0.0
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        raise InputError(f"{name} is {shown(value)}; it must be {what}")


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Check that a value is one of several strings.

    Raises:
        InputError: the check fails.
    """
    if not isinstance(value, str) or value not in choices:
        raise InputError(f"{name} is {shown(value)}; use one of {', '.join(choices)}")


def check_flag(name: str, value: object) -> None:
    """Check that a value is true or false.

    Raises:
        InputError: the check fails.
    """
    if not isinstance(value, bool):
        raise InputError(f"{name} is {shown(value)}; it must be true or false")


def exact_fields(kind: type, values: object, what: str, *more: str) -> dict[str, Any]:
    """Return stored values for a dataclass.

    Args:
        kind: the dataclass.
        values: values by the names of its fields.
        what: name of the values in the error message.
        more: names that are stored beside the fields.

    Raises:
        InputError: not a mapping, or a field is missing or unknown.
    """
    names = [*(entry.name for entry in fields(kind)), *more]
    if not isinstance(values, Mapping) or set(values) != set(names):
        raise InputError(f"{what} must have exactly the fields {', '.join(names)}")
    return dict(values)


def shown(value: object) -> str:
    """Format a value for an error message, shortened if it is very long."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
        return "a whole number of over 30 digits"
    if isinstance(value, list | tuple) and len(value) > 20:
        return f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
