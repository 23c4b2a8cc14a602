"""Randomised films: parameters drawn from ranges or choices in each episode."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from morphsim.errors import InputError
from morphsim.simulator import Recipe, find_process, process_of
from morphsim.suggest import did_you_mean

FIXED = ("width", "boundary")
"""Parameters shared by all films of an environment, so that pixels mean the same in every episode."""

# Parameters whose limits depend on each other.
_COUPLED = (
    "solvent",
    "residual_solvent",
    "evaporation",
    "evaporation_coefficient",
    "spin_speed",
    "reference_spin_speed",
    "evaporation_enthalpy",
    "activation_energy",
    "temperature",
    "reference_temperature",
)


# Which end of a range gives the thinner interfaces, in cells of the film: the first or the last.
_SHARPEST = {
    "chi": -1,
    "kappa": 0,
    "n_donor": -1,
    "n_acceptor": -1,
    "barrier": 0,
    "initial_thickness": -1,
    "solvent": 0,
    "residual_solvent": 0,
}


def parameter_names(process: str) -> tuple[str, ...]:
    """Recipe parameters that may differ between the films of an environment."""
    return tuple(entry.name for entry in fields(find_process(process).recipe) if entry.name not in FIXED)


@dataclass(frozen=True)
class Range:
    """A parameter drawn uniformly between two numbers."""

    low: float
    high: float

    def draw(self, random: np.random.Generator) -> float:
        """Draw a number."""
        return float(random.uniform(self.low, self.high))

    @property
    def extremes(self) -> tuple[float, ...]:
        """The values to check: if these are valid, all are."""
        return (self.low, self.high)


@dataclass(frozen=True)
class Choice:
    """A parameter drawn from several values with equal probability."""

    values: tuple[Any, ...]

    def draw(self, random: np.random.Generator) -> Any:
        """Draw a value."""
        return self.values[int(random.integers(len(self.values)))]

    @property
    def extremes(self) -> tuple[Any, ...]:
        """The values to check: all of them."""
        return self.values


class Randomizer:
    """Draws the parameters of a film.

    Args:
        process: of the films.
        ranges: for each parameter two numbers (low, high) to draw between, or at least three numbers, or
            texts, to choose from; `material` takes names of materials.
        periodic: whether the films are periodic along x.
        fixed: parameters that the initial state of the films determines.

    Raises:
        InputError: an unknown parameter, or an invalid range or choice.
    """

    def __init__(
        self,
        process: str,
        ranges: Mapping[str, Any],
        *,
        periodic: bool,
        fixed: frozenset[str] = frozenset(),
    ) -> None:
        known = ("material", *parameter_names(process))
        for name in ranges:
            if name in FIXED:
                raise InputError(
                    f"randomize can't change {name}, since a pixel must mean the same in every episode; "
                    "set it in the recipe"
                )
            if name in fixed:
                raise InputError(f"randomize can't change {name}, which is that of the film in start")
            if name not in known:
                raise InputError(f"randomize has no {name!r} for {process}; {did_you_mean(name, known)}")
        # Not in the caller's order: equal ranges must give equal films.
        self.draws = {name: _parse_range(name, ranges[name]) for name in known if name in ranges}
        if periodic and isinstance(self.draws.get("substrate_period"), Range):
            raise InputError(
                "randomize draws substrate_period between two numbers, of which few divide the width of a "
                "periodic film; name three or more values that do"
            )

    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        """Draw parameters by name, and `material` if it is randomised."""
        return {name: draw.draw(random) for name, draw in self.draws.items()}

    @property
    def materials(self) -> tuple[str, ...]:
        """Names of the materials that may be drawn."""
        return tuple(map(str, self.draws["material"].extremes)) if "material" in self.draws else ()

    def sharpest(self, recipe: Recipe) -> dict[str, Any]:
        """Parameters of the film with the thinnest interfaces that may be drawn around a recipe."""
        chosen = _SHARPEST | {"temperature": 0 if recipe.chi_slope > 0.0 else -1}
        values = {name: sorted(draw.extremes) for name, draw in self.draws.items()}
        parameters = {name: values[name][end] for name, end in chosen.items() if name in values}
        if "blend_ratio" in values:
            parameters["blend_ratio"] = min(values["blend_ratio"], key=lambda share: abs(share - 0.5))
        return parameters

    def extremes(self) -> Iterator[dict[str, Any]]:
        """Parameters of the extreme films: if these are valid, all are."""
        parameters = {name: draw.extremes for name, draw in self.draws.items() if name != "material"}
        for name in [name for name in parameters if name not in _COUPLED]:
            for value in parameters.pop(name):
                yield {name: value}
        ends = {name: (min(values), max(values)) for name, values in parameters.items()}
        for values in itertools.product(*ends.values()):
            yield dict(zip(ends, values, strict=True))


def default_ranges(recipe: Recipe) -> dict[str, tuple[float, float]]:
    """Ranges around a recipe, wide enough that the same actions give different films.

    `blend_ratio` within 0.15 of the recipe's, `initial_thickness` 0.75 to 1.33 times and `chi` 0.85 to 1.2
    times the recipe's, `substrate_strength` 0 to 0.01 and `substrate_donor` 0.2 to 0.8. When drying, chain
    lengths half to twice the recipe's, and `solvent` 0.1 less to 0.05 more; when annealing, `kappa` 0.75 to
    1.5 times the recipe's. See `morphsim.simulator.Process.ranges`.
    """
    around = process_of(recipe).ranges(recipe)
    kind = type(recipe)
    for name, (low, high) in around.items():
        least, most = kind.__dataclass_fields__[name].metadata["range"]
        around[name] = (max(low, least), min(high, most))
    return around


def _parse_range(name: str, given: Any) -> Range | Choice:
    if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray) or not len(given):
        raise InputError(
            f"randomize has {name} = {given!r}; give two numbers (low, high), or a list to choose from"
        )
    values = tuple(value.item() if isinstance(value, np.generic) else value for value in given)
    if all(isinstance(value, str) for value in values):
        return Choice(values)
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in values):
        raise InputError(f"randomize has {name} = {given!r}; give numbers only, or texts only")
    if len(values) > 2:
        return Choice(tuple(float(value) for value in values))
    if len(values) == 1 or values[0] > values[1]:
        raise InputError(
            f"randomize has {name} = {given!r}; give two numbers (low, high) with low not above high"
        )
    return Range(float(values[0]), float(values[1]))
