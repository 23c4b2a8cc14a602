"""Names of version 0.1 without a direct replacement."""

from __future__ import annotations

from morphsim.lazy import warn_of_old_name
from morphsim.simulator.processes import PROCESSES, find_process


def __getattr__(name: str) -> object:
    if name == "KNOBS":
        warn_of_old_name("morphsim.simulator.KNOBS", "find_process(name).knobs", stacklevel=4)
        return {process: tuple(knob.name for knob in find_process(process).knobs) for process in PROCESSES}
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
