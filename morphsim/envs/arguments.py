"""The arguments that all film environments share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from morphsim.frames.read_start import Start
from morphsim.simulator import Knob, Units
from morphsim.simulator.resolve import RecipeSource
from morphsim.suggest import did_you_mean

ObservationName = Literal["frame", "fields", "dict"]


class FilmArguments(TypedDict, total=False):
    """Keyword arguments of every film environment, all optional; see `DryingEnv`."""

    recipe: RecipeSource
    start: Start
    material: str | None
    shape: Sequence[int]
    cells: Sequence[int] | None
    steps: int | None
    step_time_s: float | None
    drafts: float
    knobs: Sequence[str | Knob] | None
    ranges: Mapping[str, tuple[float, float]] | None
    randomize: bool | Mapping[str, Any]
    observation: ObservationName
    sensors: Sequence[str] | None
    units: Units | None
    threshold: float
    tolerance: float
    device: str


def checked_arguments(kind: str, arguments: FilmArguments) -> FilmArguments:
    """Keyword arguments of an environment, none of which is unknown.

    Args:
        kind: name of the environment's class.
        arguments: to check.

    Raises:
        TypeError: an argument that film environments do not share.
    """
    for name in arguments:
        if name not in FilmArguments.__annotations__:
            hint = did_you_mean(name, FilmArguments.__annotations__)
            raise TypeError(f"{kind}() got an unexpected keyword argument {name!r}; {hint}")
    return arguments
