"""Bounds between which a search may vary a setting."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SearchRange:
    """Numbers from `low` to `high`, drawn uniformly in their logarithm.

    They are whole numbers if both bounds are.
    """

    low: float
    high: float


@dataclass(frozen=True)
class SearchChoice:
    """One of several values; a tuple of numbers is written as a text, as on the command line."""

    values: tuple[int | str, ...]


SearchDimension = SearchRange | SearchChoice
