"""Processes by which films are made, by name.

A process is one file: a subclass of `morphsim.simulator.processes.base.Process` and its recipe. The table
here lists the files, which are imported when a process is first used.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from morphsim.checks import shown
from morphsim.errors import InputError
from morphsim.suggest import did_you_mean

if TYPE_CHECKING:
    from morphsim.simulator.processes.base import Process

    ProcessName = str

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "annealing": "morphsim.simulator.processes.annealing",
        "drying": "morphsim.simulator.processes.drying",
        "vapour-annealing": "morphsim.simulator.processes.vapour_annealing",
    }
)
"""The module of each process of this package."""

DEFAULT_PROCESS = "drying"
"""The process of agents and commands unless another one is given."""

PLUGINS = "morphsim.processes"
"""The group of entry points by which other packages add processes to every program that uses this one."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def _plugins() -> dict[str, str]:
    found = {point.name: point.value.partition(":")[0] for point in entry_points(group=PLUGINS)}
    for name in list(found):
        if not _NAME.fullmatch(name):
            warnings.warn(
                f"the process {name!r} of {found.pop(name)} is left out; names are lower-case words with "
                "hyphens",
                stacklevel=1,
            )
    return found


_PLACES: dict[str, str] = {**_plugins(), **BUILT_IN}

PROCESSES: Mapping[str, str] = MappingProxyType(_PLACES)
"""The module of each process; its variable `PROCESS` is the process."""


def __getattr__(name: str) -> object:
    if name == "ProcessName":
        # Made when it is asked for, so that command lines offer processes that were registered before.
        return Literal[tuple(_PLACES)]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def find_process(name: str) -> Process[Any]:
    """The process called `name`.

    Raises:
        InputError: there is none, or its module can't be imported or has no such process.
    """
    if not isinstance(name, str) or name not in _PLACES:
        raise InputError(f"process is {shown(name)}; {did_you_mean(name, _PLACES)}")
    try:
        found: Process[Any] = import_module(_PLACES[name]).PROCESS
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"the process {name!r} can't be had from {_PLACES[name]} ({error}); its module needs a variable "
            "PROCESS"
        ) from error
    if getattr(found, "name", None) != name:
        raise InputError(
            f"PROCESS of {_PLACES[name]} is not the process {name!r}; its `name` is "
            f"{shown(getattr(found, 'name', None))}"
        )
    return found


def register_process(name: str, module: str) -> None:
    """Add a process from outside the package, for this program.

    Worker processes import what the program's main module imports, so call this at the top level of a module
    rather than under `if __name__ == "__main__":`. An entry point of the group `morphsim.processes` in a
    package's metadata, `NAME = "MODULE"`, makes a process known to the commands as well.

    Args:
        name: of the process, `Process.name`: lower-case words with hyphens.
        module: whose variable `PROCESS` is the process; imported when the process is first used.

    Raises:
        InputError: no such name or module, or another module has a process of this name.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(f"the name of a process is {shown(name)}; use lower-case words with hyphens")
    if not isinstance(module, str) or not module:
        raise InputError(f"module is {shown(module)}; give the name of the module that has PROCESS")
    if _PLACES.setdefault(name, module) != module:
        raise InputError(f"the process {name!r} is already that of {_PLACES[name]}; choose another name")
