"""Names of the film environments."""

from __future__ import annotations


def environment_id(process: str) -> str:
    """Name of the environment of a process, as `gymnasium.make` takes it anywhere.

    The prefix lets worker processes find it, which have not imported the package.

    >>> environment_id("vapour-annealing")
    'morphsim:morphsim/VapourAnnealing-v0'
    """
    return f"morphsim:morphsim/{process.title().replace('-', '')}-v0"
