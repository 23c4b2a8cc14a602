"""The steps by which films were really made: constant knobs, and where each step ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from morphsim.checks import is_finite_number, shown
from morphsim.errors import InputError
from morphsim.suggest import did_you_mean

if TYPE_CHECKING:
    from morphsim.simulator.simulation import Simulation

_NO_KNOBS = ("time", "dryness", "frame")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A stretch with constant knobs.

    Attributes:
        knobs: the value of each knob, by name.
        time: the step ends at this time [units of time],
        dryness: or where the film reaches this dryness before; None if time alone counts.
        frame: whether a frame shows the film at the end of the step.
    """

    knobs: Mapping[str, float]
    time: float
    dryness: float | None = None
    frame: bool = True


@dataclass(frozen=True, eq=False, kw_only=True)
class Trace:
    """What knobs really did, N steps.

    Attributes:
        time: the beginning of each step and the end of the last, (N + 1,) [units of time].
        knobs: settings during each step, (N,), by name.
    """

    time: NDArray[np.float64]
    knobs: Mapping[str, NDArray[np.float64]]


@dataclass
class Steps:
    """The steps of one film, in order: a schedule that makes the same film again, bit for bit.

    Attributes:
        steps: that were made.
        ends: time at the end of each, (N,) [units of time]; empty for steps that were read from a file.
    """

    steps: list[Step] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.steps)

    @property
    def frames(self) -> int:
        """The number of steps that have a frame."""
        return sum(step.frame for step in self.steps)

    def add(self, step: Step, end: float) -> None:
        """Add a step that ended at the time `end`."""
        self.steps.append(step)
        self.ends.append(end)

    def show(self, simulation: Simulation, film: int) -> None:
        """Let a frame show a film as it is now.

        Args:
            simulation: that holds it.
            film: its number there.
        """
        if not self.steps or self.steps[-1].frame:
            knobs = {name: float(values[film]) for name, values in simulation.knobs.items()}
            time = float(simulation.time[film])
            self.add(Step(knobs=knobs, time=time), time)
        else:
            self.steps[-1] = replace(self.steps[-1], frame=True)

    def trace(self) -> Trace:
        """The settings against time.

        Raises:
            InputError: no step was made.
        """
        if not self.ends:
            raise InputError("no step was made yet, so there is no trace; simulate the film first")
        names = self.steps[0].knobs
        return Trace(
            time=np.array([0.0, *self.ends]),
            knobs={name: np.array([step.knobs[name] for step in self.steps]) for name in names},
        )

    def to_dict(self) -> dict[str, list[float] | list[bool]]:
        """Columns by name, as `steps_from_dict` takes them."""
        columns: dict[str, list[float] | list[bool]] = {"time": [step.time for step in self.steps]}
        if any(step.dryness is not None for step in self.steps):
            columns["dryness"] = [np.inf if s.dryness is None else s.dryness for s in self.steps]
        for name in self.steps[0].knobs if self.steps else ():
            columns[name] = [step.knobs[name] for step in self.steps]
        if not all(step.frame for step in self.steps):
            columns["frame"] = [step.frame for step in self.steps]
        return columns


def steps_from_dict(columns: object, knobs: Sequence[str]) -> Steps:
    """Steps from the columns of a file.

    Args:
        columns: `time`, every knob, and optionally `dryness` and `frame`: lists of one length.
        knobs: names of all knobs of the process.

    Raises:
        InputError: a column is missing, unknown, or not a list of such values.
    """
    if not isinstance(columns, Mapping):
        raise InputError(f"steps is {shown(columns)}; it must be a table of lists")
    for name in columns:
        if name not in (*_NO_KNOBS, *knobs):
            raise InputError(f"steps has the column {name!r}; {did_you_mean(name, (*_NO_KNOBS, *knobs))}")
    for name in ("time", *knobs):
        if name not in columns:
            raise InputError(f"steps lacks the column {name}; it must list time and every knob")
    return steps_from_columns(columns)


def steps_from_columns(columns: Mapping[str, Any]) -> Steps:
    """Steps from columns, of which those that are not `time`, `dryness` or `frame` are knobs.

    Raises:
        InputError: columns that are no lists of one length of such values, or no frame at the end.
    """
    lengths = {len(values) if isinstance(values, list) else -1 for values in columns.values()}
    if len(lengths) > 1 or lengths <= {-1, 0}:
        raise InputError("the columns of steps must be lists of one length, with at least one step")
    for name, values in columns.items():
        for value in values:
            fine = isinstance(value, bool) if name == "frame" else is_finite_number(value)
            if not fine and not (name == "dryness" and value == np.inf):
                raise InputError(
                    f"{name} of steps holds {shown(value)}; it must hold "
                    + ("true and false" if name == "frame" else "numbers")
                )
    knobs = [name for name in columns if name not in _NO_KNOBS]
    steps = [
        Step(
            knobs={name: float(columns[name][row]) for name in knobs},
            time=float(columns["time"][row]),
            dryness=_dryness(columns.get("dryness"), row),
            frame=columns["frame"][row] if "frame" in columns else True,
        )
        for row in range(lengths.pop())
    ]
    if not steps[-1].frame:
        raise InputError("the last of the steps has no frame; nothing would show the film's end")
    return Steps(steps)


def _dryness(column: Sequence[float] | None, row: int) -> float | None:
    return None if column is None or not np.isfinite(column[row]) else float(column[row])
