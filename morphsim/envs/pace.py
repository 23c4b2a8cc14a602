"""Where the steps of an episode end, from the arguments of an environment."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from morphsim.envs.checks import flag, number, whole
from morphsim.errors import InputError
from morphsim.simulator import Process
from morphsim.simulator.processes.pace import Pace
from morphsim.suggest import did_you_mean

PaceName = str | Sequence[float]
"""The name of a pace, or the drynesses at which steps end."""

EVEN = "even"
_STEPS = 20


def film_pace(
    process: Process[Any],
    *,
    steps: int | None,
    limit: int | None,
    longest_step: float | None,
    pace: PaceName,
    finish: bool,
    step_time_s: float | None,
) -> Pace:
    """Check the arguments of an environment that say where its steps end. `DryingEnv` explains them.

    Raises:
        InputError: an invalid argument, or arguments that contradict each other.
    """
    if longest_step is not None:
        number("longest_step", longest_step, 0.0)
    if step_time_s is not None:
        number("step_time_s", step_time_s, 0.0)
    if longest_step is not None and step_time_s is not None:
        raise InputError("longest_step is for steps even in dryness; leave it out where step_time_s is given")
    stops = _stops(process, pace)
    if stops is not None and step_time_s is not None:
        raise InputError("pace is for steps that end at a dryness; leave it out where step_time_s is given")
    if stops is not None and steps is not None:
        raise InputError(f"steps follows from the pace, which has {len(stops)}; leave steps out")
    if flag("finish", finish) and (process.end is None or not process.finishing):
        raise InputError(f"finish is for films that dry, and not for {process.name}; leave it out")
    if finish and step_time_s is not None:
        raise InputError("finish is for steps that end at a dryness; leave it out where step_time_s is given")
    made = len(stops) if stops is not None else whole("steps", _STEPS if steps is None else steps, 1)
    may_be_delayed = process.end is not None and step_time_s is None
    usual = 2 * made if may_be_delayed else made
    most = usual if limit is None else whole("limit", limit, 1)
    return Pace(steps=made, limit=most, longest=longest_step, stops=stops, finish=bool(finish))


def _stops(process: Process[Any], pace: PaceName) -> tuple[float, ...] | None:
    """The drynesses at which steps end; None for steps even in dryness, or in a clock without dryness."""
    if isinstance(pace, str) and pace == EVEN:
        return None
    if process.clock != "dryness":
        raise InputError(f"pace is for films that dry, and not for {process.name}; leave it out")
    if isinstance(pace, str):
        if pace not in process.paces:
            hint = did_you_mean(pace, (EVEN, *process.paces))
            raise InputError(f"pace is {pace!r}; {hint}, or give the drynesses at which steps end")
        return process.paces[pace]
    if not isinstance(pace, Sequence | np.ndarray) or len(pace) == 0:
        raise InputError(f"pace is {pace!r}; give a name, or the drynesses at which steps end, the last 1")
    stops = tuple(number("a dryness of pace", stop, 0.0, 1.0, closed=True) for stop in pace)
    if stops[-1] != 1.0 or any(later <= stop for stop, later in pairwise(stops)):
        raise InputError(f"pace is {list(stops)}; its drynesses must increase, and the last must be 1")
    return stops
