"""A search in a folder: its target and its films, and the file that keeps its candidates and results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from morphsim._version import __version__
from morphsim.agents.optimise.config import OptimiseConfig
from morphsim.agents.optimise.distance import TargetDistance
from morphsim.agents.optimise.search import RecipeSearch
from morphsim.agents.optimise.space import KnobSpace
from morphsim.errors import InputError
from morphsim.files import read_sealed_json, write_sealed_json
from morphsim.resuming import check_same_run

SEARCH = "search.json"
_DERIVED = ("breakpoints", "cells")


@dataclass(frozen=True, eq=False, kw_only=True)
class Study:
    """A search in a folder."""

    config: OptimiseConfig
    """Its options."""
    distance: TargetDistance
    """From the target."""
    space: KnobSpace
    """The films to choose from."""
    search: RecipeSearch
    """Candidates and results so far."""

    def save(self) -> None:
        """Write candidates and results into the folder."""
        values = {"version": __version__, "search": self._identity(), **self.search.to_dict()}
        write_sealed_json(self.config.out / SEARCH, values)

    def _identity(self) -> dict[str, Any]:
        return {
            **self.config.identity(),
            **self.space.to_dict(),
            "encoder": self.distance.encoder.hash,
            "target": self.distance.target_hash(),
        }

    def _restore(self) -> None:
        path = self.config.out / SEARCH
        stored = read_sealed_json(path)
        if not isinstance(stored, dict) or not isinstance(stored.get("search"), dict):
            raise InputError(f"{path} does not describe a search; search again with another --out")
        before, now = dict(stored["search"]), self._identity()
        # These follow from the recipe and the schedule, so another one of those is told first.
        derived = [{name: each.pop(name, None) for name in _DERIVED} for each in (before, now)]
        check_same_run(before, now)
        check_same_run(*derived)
        try:
            self.search.restore(stored)
        except InputError as error:
            raise InputError(f"{path} can't be used: {error}; search again with another --out") from error


def open_study(config: OptimiseConfig) -> Study:
    """Begin a search, or continue that in the folder.

    Raises:
        InputError: the target, the encoder or the recipe can't be used or don't fit together, a package is
            missing, or the folder holds another search.
    """
    distance = TargetDistance.read(config.encoder, config.target)
    space = config.space(distance.encoder)
    search = RecipeSearch(
        space, distance=distance, method=config.method, seed=config.seed, population=config.population
    )
    study = Study(config=config, distance=distance, space=space, search=search)
    if (config.out / SEARCH).exists():
        study._restore()
    return study
