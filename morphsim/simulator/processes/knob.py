"""Knobs: parameters that may change while a film is made."""

from __future__ import annotations

import math
from dataclasses import dataclass

from morphsim.errors import InputError


@dataclass(frozen=True)
class Knob:
    """A parameter that may change while a film is made, and its range.

    Attributes:
        name: of the recipe's parameter.
        low: value at position -1.
        high: value at position 1.
        logarithmic: whether equal changes of the position multiply the value by equal factors.
    """

    name: str
    low: float
    high: float
    logarithmic: bool = False

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
