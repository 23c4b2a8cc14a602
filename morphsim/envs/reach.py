"""Whether films can be simulated at all settings of their knobs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from morphsim.envs.drafts import EVAPORATION, largest_factor
from morphsim.envs.knobs import Panel
from morphsim.errors import InputError
from morphsim.simulator import Grid, Recipe, process_of


def check_knobs(panel: Panel, recipe: Recipe) -> None:
    """Check that the knobs stay within the ranges of a recipe's parameters.

    Raises:
        InputError: one does not.
    """
    for knob in panel.knobs:
        low, high = type(recipe).__dataclass_fields__[knob.name].metadata["range"]
        if not low <= knob.low <= knob.high <= high:
            raise InputError(
                f"knob {knob.name} reaches from {knob.low:g} to {knob.high:g}; it must stay within {low:g} "
                f"to {high:g}: give it other ranges"
            )


def check_reach(recipes: Iterable[Recipe], panel: Panel, drafts: float = 0.0) -> None:
    """Check that films can be simulated at all settings of the knobs.

    Args:
        recipes: of the films.
        panel: the knobs.
        drafts: standard deviation of the logarithm of a factor on the evaporation.

    Raises:
        InputError: evaporation or diffusion would be too fast.
    """
    films, corners = [], []
    for recipe in recipes:
        for bits in range(2 ** len(panel)):
            values = {knob.name: float(getattr(recipe, knob.name)) for knob in process_of(recipe).knobs}
            for place, knob in enumerate(panel.knobs):
                values[knob.name] = knob.high if bits >> place & 1 else knob.low
            if drafts:
                values[EVAPORATION] = _in_drafts(recipe, values[EVAPORATION], drafts)
            films.append(recipe)
            corners.append(values)
    grid = Grid((2, 2), width=1.0, boundary="no-flux", dtype=torch.float64, device=torch.device("cpu"))
    knobs = {name: np.array([values[name] for values in corners]) for name in corners[0]}
    try:
        process_of(films[0]).model(films, knobs, grid)
    except InputError as error:
        raise InputError(
            f"the ranges of the knobs are too wide for this film: {error}; or give other ranges"
        ) from error


def _in_drafts(recipe: Recipe, evaporation: float, drafts: float) -> float:
    """The highest rate of evaporation that drafts make of a setting."""
    highest = evaporation * largest_factor(drafts)
    _, most = type(recipe).__dataclass_fields__[EVAPORATION].metadata["range"]
    if highest > most:
        raise InputError(
            f"drafts {drafts:g} may raise evaporation {evaporation:g} to {highest:.3g}; at most {most:g} can "
            "be simulated: lower drafts, or give evaporation other ranges"
        )
    return highest
