"""Conversion between actions from -1 to 1 and the settings of knobs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.envs.checks import number, pair
from morphsim.errors import InputError
from morphsim.lazy import renamed_argument
from morphsim.simulator import Knob
from morphsim.suggest import did_you_mean


class Panel:
    """The knobs of an environment, in the order of its action.

    Args:
        available: the knobs of the process.
        names: the knobs in the action, in this order; all by default. A `Knob` in place of a name has limits
            of its own, and its own range if it has one.
        ranges: (low, high) that replace those of some knobs.

    Raises:
        InputError: an unknown or repeated name, no name, or an invalid range, or one given twice.
    """

    def __init__(
        self,
        available: Sequence[Knob],
        *,
        names: Sequence[str | Knob] | None = None,
        ranges: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        by_name = {knob.name: knob for knob in available}
        if isinstance(names, str):
            raise InputError(f"knobs is the text {names!r}; give a list, [{names!r}]")
        if names is not None and not isinstance(names, Sequence | np.ndarray):
            raise InputError(f"knobs is {names!r}; give a list of some of {', '.join(by_name)}")
        if ranges is not None and not isinstance(ranges, Mapping):
            raise InputError(f"ranges is {ranges!r}; give a dict of (low, high) by knob")
        own = {each.name: each for each in (names if names is not None else ()) if isinstance(each, Knob)}
        chosen = (
            list(by_name)
            if names is None
            else [each.name if isinstance(each, Knob) else each for each in names]
        )
        for name in (*chosen, *(ranges or {})):
            if not isinstance(name, str) or name not in by_name:
                raise InputError(f"knob {name!r} is unknown; {did_you_mean(name, by_name)}")
        stated = {name: (knob.low, knob.high) for name, knob in own.items() if not _is_of_process(knob)}
        for name in stated.keys() & (ranges or {}).keys():
            raise InputError(f"the range of {name} is given twice, in its Knob and in ranges; give it once")
        for name, knob in own.items():
            usual = by_name[name]
            logarithmic = usual.logarithmic if _is_of_process(knob) else knob.logarithmic
            by_name[name] = replace(knob, low=usual.low, high=usual.high, logarithmic=logarithmic)
        for name, ends in (stated | dict(ranges or {})).items():
            title = f"range of {name}"
            low, high = (number(title, end, -math.inf) for end in pair(title, ends, "(low, high)"))
            knob = by_name[name]
            if not (low < high and (low > 0 or not knob.logarithmic)):
                raise InputError(
                    f"range of {name} is ({low:g}, {high:g}); low must be below high"
                    + (" and above 0" if knob.logarithmic else "")
                )
            by_name[name] = replace(knob, low=low, high=high)
        if not chosen or len(set(chosen)) < len(chosen):
            raise InputError(f"knobs are {chosen}; name at least one, and each once")
        self.knobs = [by_name[name] for name in chosen]

    def __len__(self) -> int:
        return len(self.knobs)

    def values(self, action: NDArray[Any]) -> dict[str, float]:
        """Settings by name for an action (len(self),).

        Raises:
            InputError: an action of another size, or NaN.
        """
        if np.shape(action) != (len(self),) or np.isnan(action).any():
            names = ", ".join(knob.name for knob in self.knobs)
            raise InputError(f"action is {action}; it must be {len(self)} numbers from -1 to 1, for {names}")
        return {knob.name: knob.value(float(a)) for knob, a in zip(self.knobs, action, strict=True)}

    def nearest(self, values: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """The actions (B, len(self)) nearest to settings (B,) by name."""
        actions = [
            [knob.action(min(max(float(value), knob.low), knob.high)) for value in values[knob.name]]
            for knob in self.knobs
        ]
        return np.array(actions, np.float32).T

    @renamed_argument("usual", "defaults")
    def action(self, values: Mapping[str, float], *, defaults: object = None) -> NDArray[np.float32]:
        """The action (len(self),) for settings by name.

        Args:
            values: settings of knobs.
            defaults: an object with the settings of all other knobs as attributes.

        Raises:
            InputError: a setting is missing, out of range, or of an unknown knob.
        """
        if not isinstance(values, Mapping):
            raise InputError(f"the settings are {values!r}; give a dict of numbers by knob")
        names = [knob.name for knob in self.knobs]
        unknown = [name for name in values if name not in names]
        if unknown:
            raise InputError(f"knob {unknown[0]!r} is not in the action; {did_you_mean(unknown[0], names)}")
        missing = [name for name in names if name not in values and not hasattr(defaults, name)]
        if missing:
            raise InputError(f"no value is given for {', '.join(missing)}")
        settings = [values[name] if name in values else getattr(defaults, name) for name in names]
        return np.array(
            [
                knob.action(number(knob.name, value, -math.inf))
                for knob, value in zip(self.knobs, settings, strict=True)
            ],
            np.float32,
        )


def _is_of_process(knob: Knob) -> bool:
    """Whether a knob leaves its range to the process."""
    return math.isnan(knob.low) and math.isnan(knob.high)
