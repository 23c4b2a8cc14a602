"""Knobs: parameters that may change while a film is made."""

from __future__ import annotations

import math
from dataclasses import InitVar, dataclass, field

from morphsim.checks import is_finite_number, shown
from morphsim.errors import InputError


@dataclass(frozen=True)
class Knob:
    """A parameter that may change while a film is made, and its range.

    Attributes:
        name: of the recipe's parameter.
        low: value at position -1; NaN, as `high`, for the range of the process.
        high: value at position 1.
        logarithmic: whether equal changes of the position multiply the value by equal factors; the process's
            own scale where the range is that of the process.
        rate_limit_per_s: largest rate at which the setting follows its set-point, as a hot plate does [unit
            of the parameter / s].
        dwell_s: shortest time between two changes of the set-point [s].

    Args:
        rate_limit_K_per_s: `rate_limit_per_s` of a temperature.

    Raises:
        InputError: a rate or a dwell that is no such number.

    >>> Knob("temperature", rate_limit_K_per_s=2.0).rate_limit_per_s
    2.0
    """

    name: str
    low: float = math.nan
    high: float = math.nan
    logarithmic: bool = False
    rate_limit_per_s: float = field(default=math.inf, kw_only=True)
    dwell_s: float = field(default=0.0, kw_only=True)
    rate_limit_K_per_s: InitVar[float | None] = field(default=None, kw_only=True)  # noqa: N815

    def __post_init__(self, rate_limit_K_per_s: float | None) -> None:
        if rate_limit_K_per_s is not None:
            if not self.name.endswith("temperature"):
                raise InputError(
                    f"rate_limit_K_per_s is for a temperature; limit {self.name} by rate_limit_per_s, in "
                    "units of the knob per second"
                )
            if not math.isinf(self.rate_limit_per_s):
                raise InputError("rate_limit_K_per_s and rate_limit_per_s are the same; give one of them")
            object.__setattr__(self, "rate_limit_per_s", rate_limit_K_per_s)
        rate, dwell = self.rate_limit_per_s, self.dwell_s
        if not ((is_finite_number(rate) or rate == math.inf) and rate > 0.0):
            raise InputError(f"the rate limit of {self.name} is {shown(rate)}; it must be a number above 0")
        if not (is_finite_number(dwell) and dwell >= 0.0):
            raise InputError(
                f"dwell_s of {self.name} is {shown(dwell)}; it must be a number of s, 0 or above"
            )

    def value(self, action: float) -> float:
        """The setting at a position, which is clipped to -1..1."""
        share = 0.5 * (min(max(action, -1.0), 1.0) + 1.0)
        if self.logarithmic:
            return float(self.low * (self.high / self.low) ** share)
        return float(self.low + share * (self.high - self.low))

    def action(self, value: float) -> float:
        """The position of a setting.

        Raises:
            InputError: the setting is out of range.
        """
        if not self.low * (1 - 1e-9) <= value <= self.high * (1 + 1e-9):
            raise InputError(
                f"{self.name} {value:g} can't be set; it must lie from {self.low:g} to {self.high:g}"
            )
        if self.logarithmic:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return min(max(2.0 * share - 1.0, -1.0), 1.0)
