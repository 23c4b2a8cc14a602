"""The set-points of one knob over time or over dryness."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from morphsim.checks import check_choice, check_flag, is_finite_number, shown
from morphsim.errors import InputError
from morphsim.simulator.processes.knob import Knob

Axis = Literal["time", "dryness"]

PARTS = 100
"""A ramp is followed in parts in which the knob is constant, at least this many over the knob's range."""


@dataclass(frozen=True)
class Profile:
    """The set-points of one knob over time or over dryness.

    Attributes:
        points: times [units of time of the process], or drynesses from 0 to 1; the first is 0, and they
            increase. A dryness counts when the film first reaches it.
        values: the set-point from each point on, in the unit of the recipe's parameter.
        over: what the points are.
        ramp: whether the set-point changes linearly from each point to the next, instead of in steps.
        rate_limit: largest rate at which the knob follows its set-point, as a hot plate does [unit of the
            parameter per unit of time].
        dwell: shortest time between two steps [units of time].

    Raises:
        InputError: points or values that are no such numbers, or steps closer than `dwell`.

    >>> Profile((0.0, 0.05), (300.0, 400.0), ramp=True).over
    'time'
    """

    points: Sequence[float]
    values: Sequence[float]
    over: Axis = "time"
    ramp: bool = False
    rate_limit: float = math.inf
    dwell: float = 0.0

    def __post_init__(self) -> None:
        check_choice("over", self.over, ("time", "dryness"))
        check_flag("ramp", self.ramp)
        object.__setattr__(self, "points", check_points(self.over, self.points))
        object.__setattr__(self, "values", _numbers("value", self.values))
        if len(self.points) != len(self.values):
            raise InputError(
                f"it has {len(self.points)} points and {len(self.values)} values; give one value for each "
                "point"
            )
        if self.over == "dryness" and self.points[-1] > 1.0:
            raise InputError(f"its last dryness is {self.points[-1]:g}; a film is dry at 1")
        if self.ramp and len(self.points) < 2:
            raise InputError("a ramp needs at least two points")
        if not (_is_number(self.rate_limit) and self.rate_limit > 0.0):
            raise InputError(f"its rate limit is {shown(self.rate_limit)}; it must be a number above 0")
        if not (is_finite_number(self.dwell) and self.dwell >= 0.0):
            raise InputError(f"its dwell is {shown(self.dwell)}; it must be a finite number, 0 or above")
        self._check_dwell()

    def _check_dwell(self) -> None:
        if self.dwell <= 0.0:
            return
        if self.ramp:
            raise InputError("dwell is the time between steps, and a ramp changes all the time; leave it out")
        if self.over == "dryness":
            return
        for (number, first), second in zip(enumerate(self.points, start=1), self.points[1:], strict=False):
            # The first point is no change, but the knob's state at the start.
            if number > 1 and second - first < self.dwell * (1.0 - 1e-9):
                raise InputError(
                    f"its points {number} and {number + 1} are {second - first:g} apart, less than the dwell "
                    f"of {self.dwell:g} [units of time]; leave more time between steps"
                )

    @property
    def lags(self) -> bool:
        """Whether its limits keep the knob from following the set-points at once.

        Over dryness, whose pace is not known before, any change under a limit counts.
        """
        changes = [abs(last - first) for first, last in pairwise(self.values)]
        if self.over == "dryness":
            limited = math.isfinite(self.rate_limit) or self.dwell > 0.0
            return limited and max(changes, default=0.0) > 0.0
        lengths = [last - first for first, last in pairwise(self.points)]
        reach = [self.rate_limit * (length if self.ramp else 0.0) for length in lengths]
        if math.isinf(self.rate_limit):
            return False
        return any(change > most * (1.0 + 1e-9) for change, most in zip(changes, reach, strict=True))

    def pieces(self, knob: Knob) -> Iterator[tuple[float, float]]:
        """Where constant set-points begin, and their values.

        A ramp is cut into equal parts, each with the value of its middle, so that the error of what the knob
        does falls with the square of their number: as many that the knob moves by at most 1/`PARTS` of its
        range, or of its logarithm, in each.

        Args:
            knob: with its range.
        """
        if not self.ramp:
            yield from zip(self.points, self.values, strict=True)
            return
        ends = zip(pairwise(self.points), pairwise(self.values), strict=True)
        for (begin, end), (first, last) in ends:
            parts = parts_between(knob, first, last)
            for part in range(parts):
                middle = first + (last - first) * (part + 0.5) / parts
                yield begin + (end - begin) * part / parts, middle
        yield self.points[-1], self.values[-1]


def parts_between(knob: Knob, first: float, last: float) -> int:
    """The number of parts in which a knob goes from one setting to another, see `Profile.pieces`."""
    share = abs(last - first) / (knob.high - knob.low)
    if knob.logarithmic and min(first, last) > 0.0:
        share = max(share, abs(math.log(last / first)) / math.log(knob.high / knob.low))
    return max(1, math.ceil(PARTS * share * (1.0 - 1e-9)))


def check_points(name: str, points: object) -> tuple[float, ...]:
    """The points of a profile as numbers that increase from 0.

    Args:
        name: what they are, for errors.
        points: as they were given, in any unit.

    Raises:
        InputError: they are not.
    """
    found = _numbers(name, points)
    if found[0] != 0.0:
        raise InputError(
            f"its first {name} is {found[0]:g}; it must be 0, since a film begins with a setting"
        )
    for number, (first, second) in enumerate(pairwise(found), start=2):
        if not second > first:
            raise InputError(
                f"its {name} {second:g} (entry {number}) does not follow {first:g}; each must be larger than "
                "the one before"
            )
    return found


def _numbers(name: str, values: object) -> tuple[float, ...]:
    if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
        raise InputError(f"its {name} is {shown(values)}; give a list of numbers")
    for value in values:
        if not is_finite_number(value):
            raise InputError(f"its {name} holds {shown(value)}; it must be a list of numbers")
    return tuple(float(value) for value in values)


def _is_number(value: object) -> bool:
    return is_finite_number(value) or value == math.inf
