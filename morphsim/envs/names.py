"""Names of the film environments."""

from __future__ import annotations


def environment_id(process: str) -> str:
    """The name of a process's environment for `gymnasium.make`.

    The prefix makes `gymnasium.make` import the package, which worker processes need.

    >>> environment_id("vapour-annealing")
    'morphsim:morphsim/VapourAnnealing-v0'
    """
    return f"morphsim:morphsim/{process.title().replace('-', '')}-v0"
