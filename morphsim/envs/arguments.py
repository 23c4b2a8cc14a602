"""The arguments that all film environments share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from morphsim.frames.starts import Start
from morphsim.simulator import Units
from morphsim.simulator.resolve import RecipeSource

ObservationName = Literal["frame", "fields", "dict"]


class FilmArguments(TypedDict, total=False):
    """Keyword arguments of every film environment, all optional; see `DryingEnv`."""

    recipe: RecipeSource
    start: Start
    material: str | None
    shape: Sequence[int]
    steps: int
    step_time_s: float | None
    knobs: Sequence[str] | None
    ranges: Mapping[str, tuple[float, float]] | None
    randomize: bool | Mapping[str, Any]
    observation: ObservationName
    units: Units | None
    threshold: float
    tolerance: float
    device: str
