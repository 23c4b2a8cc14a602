"""A knob that follows its set-point no faster than it can, and that changes no more often than it may."""

from __future__ import annotations

import math
from collections.abc import Mapping

from morphsim.simulator.processes.knob import Knob
from morphsim.simulator.schedules.profile import parts_between

# Share of a part or a dwell, and of the time, by which a clock may arrive before its end.
_SLACK, _CLOCK = 1e-6, 1e-10
_STATE = ("wish", "target", "begin", "since")


class KnobFollower:
    """A knob of one film.

    The setting runs to the set-point at the limit of its rate, in parts in which it is constant, as ramps of
    a `Profile` are. A set-point that comes within the dwell after the last one is taken when the dwell is
    over, unless another one has come by then.

    Args:
        knob: with its range.
        setting: at the start.
        rate: largest rate of change [unit of the parameter per unit of time].
        dwell: shortest time between two changes of the set-point [units of time].
    """

    def __init__(self, knob: Knob, setting: float, *, rate: float = math.inf, dwell: float = 0.0) -> None:
        self.knob, self.rate, self.dwell = knob, rate, dwell
        self.jump(setting)

    def ask(self, set_point: float) -> None:
        """Ask for a set-point, which `at` takes as soon as it may."""
        self.wish = float(set_point)

    def jump(self, setting: float) -> None:
        """Put the knob at a setting at once, whatever its limits."""
        self.wish = self.target = self.begin = float(setting)
        self.since = -math.inf

    def at(self, time: float) -> tuple[float, float]:
        """The setting from `time` on, and the time until which it holds, infinite if nothing ends it."""
        waited = time - self.since + _CLOCK * abs(time) >= self.dwell * (1.0 - _SLACK)
        if self.wish != self.target and waited:
            self.begin, self.since, self.target = self._position(time), time, self.wish
        value, until = self._part(time)
        if self.wish != self.target:
            until = min(until, self.since + self.dwell)
        return value, until

    def state(self) -> dict[str, float]:
        """All that changes, by name."""
        return {name: getattr(self, name) for name in _STATE}

    def restore(self, state: Mapping[str, float]) -> None:
        """Go back to a `state`.

        Raises:
            ValueError: not numbers that a knob can have.
        """
        found = {name: float(state[name]) for name in _STATE}
        if not all(math.isfinite(found[name]) or name == "since" for name in _STATE):
            raise ValueError("a setting is not finite")
        if math.isnan(found["since"]):
            raise ValueError("its time is not a number")
        for name, value in found.items():
            setattr(self, name, value)

    def _position(self, time: float) -> float:
        """Where the knob is, in between the values of the parts."""
        if math.isinf(self.rate) or math.isinf(self.since):
            return self.target
        reach, way = self.rate * (time - self.since), self.target - self.begin
        return self.target if abs(way) <= reach else self.begin + math.copysign(reach, way)

    def _part(self, time: float) -> tuple[float, float]:
        """The setting of the present part, and the time of its end."""
        way = self.target - self.begin
        if way == 0.0 or math.isinf(self.rate):
            return self.target, math.inf
        parts = parts_between(self.knob, self.begin, self.target)
        length = abs(way) / self.rate / parts
        part = math.floor((time - self.since + _CLOCK * abs(time)) / length + _SLACK)
        if part >= parts:
            return self.target, math.inf
        return self.begin + way * (part + 0.5) / parts, self.since + (part + 1) * length
