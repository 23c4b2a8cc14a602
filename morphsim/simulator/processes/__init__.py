"""Processes by which films are made, by name.

A process is one file: a subclass of `morphsim.simulator.processes.base.Process` and its recipe. The table
here lists the files, which are imported when a process is first used.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from morphsim.checks import shown
from morphsim.errors import InputError
from morphsim.suggest import did_you_mean

if TYPE_CHECKING:
    from morphsim.simulator.processes.base import Process

    ProcessName = str

_PLACES: dict[str, str] = {
    "annealing": "morphsim.simulator.processes.annealing",
    "drying": "morphsim.simulator.processes.drying",
    "vapour-annealing": "morphsim.simulator.processes.vapour_annealing",
}

PROCESSES: Mapping[str, str] = MappingProxyType(_PLACES)
"""The module of each process; its variable `PROCESS` is the process."""

DEFAULT_PROCESS = "drying"
"""The process of agents and commands unless another one is given."""

if not TYPE_CHECKING:
    # Command lines list these as choices.
    ProcessName = Literal[tuple(_PLACES)]


def find_process(name: str) -> Process[Any]:
    """The process called `name`.

    Raises:
        InputError: there is none.
    """
    if not isinstance(name, str) or name not in _PLACES:
        raise InputError(f"process is {shown(name)}; {did_you_mean(name, _PLACES)}")
    found: Process[Any] = import_module(_PLACES[name]).PROCESS
    return found


def register_process(name: str, module: str) -> None:
    """Add a process from outside the package.

    Args:
        name: of the process, `Process.name`.
        module: whose variable `PROCESS` is the process; imported when the process is first used.

    Raises:
        InputError: another module has a process of this name.
    """
    if _PLACES.setdefault(name, module) != module:
        raise InputError(f"the process {name!r} is already that of {_PLACES[name]}; choose another name")
