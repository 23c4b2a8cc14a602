"""The films among which a search looks: positions of knobs, constant or in stages, and their films."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.checks import check_choice, check_whole, shown
from morphsim.envs.knobs import Panel
from morphsim.errors import InputError
from morphsim.frames.film import Film
from morphsim.simulator import Recipe, find_process
from morphsim.simulator.cells import solver_cells
from morphsim.simulator.processes.base import FIRST_SNAPSHOT
from morphsim.simulator.resolution import check_resolution
from morphsim.simulator.schedules import Profile, Schedule

ScheduleKind = Literal["constant", "steps"]

DECIDED = (0.45, 0.9)
"""Drynesses between which the stages after the first begin: there the pattern of a film is decided."""

_MOST_STAGES = 64
_FINEST = 1e-9


class KnobSpace:
    """The films that a search may make: a film whose knobs are constant, or change in steps.

    A film is a position (D,) from -1 to 1: the position of each knob (see `Knob`), so that logarithmic knobs
    are searched logarithmically; in stages those of the first stage come first, D = stages x knobs.

    Args:
        film: gives everything but the searched knobs; its own schedules of these are replaced.
        knobs: names of the searched knobs; all of the process by default.
        schedule: "constant", or "steps": each knob has a value in each stage.
        stages: number of stages.
        breakpoints: where the stages after the first begin: drynesses of a drying film, and otherwise shares
            of the duration. By default drying films have them from 0.45 on, at equal distances that lead to
            0.9 (0.45, 0.6 and 0.75 for four stages), and other films equally spaced in the logarithm of time.
        ranges: (low, high) that replace those of some knobs, in units of the recipe.
        around: whether the ranges lie around the recipe's own values, as suits the recipe of a material.

    Raises:
        InputError: an unknown knob, a number out of range, or a film that repeats the steps of another.
    """

    def __init__(
        self,
        film: Film,
        *,
        knobs: Sequence[str] | None = None,
        schedule: ScheduleKind = "constant",
        stages: int = 4,
        breakpoints: Sequence[float] = (),
        ranges: Mapping[str, tuple[float, float]] | None = None,
        around: bool = False,
    ) -> None:
        check_choice("schedule", schedule, ("constant", "steps"))
        check_whole("stages", stages, 2, _MOST_STAGES)
        if not isinstance(film.schedule, Schedule):
            raise InputError(
                "the recipe has the steps of a film, which say what all knobs do; remove its table [steps]"
            )
        process = find_process(film.recipe.process)
        self.panel = Panel(
            process.knobs_around(film.recipe) if around else process.knobs, names=knobs, ranges=ranges
        )
        self.schedule: ScheduleKind = schedule
        self.over: Literal["dryness", "time"] = "dryness" if process.clock == "dryness" else "time"
        self.shares: tuple[float, ...] = (0.0,)
        """Where stages begin: drynesses, or shares of the duration; 0 alone for constant knobs."""
        if schedule == "steps":
            self.shares = _shares(self.over, stages, breakpoints)
        elif breakpoints:
            raise InputError("breakpoints are those of stages; give them with schedule steps")
        # One grid for all candidates, so that they differ by their knobs alone.
        self.extremes = self._extremes(film.recipe)
        """Recipes with each knob at either end of its range, in all combinations."""
        before = None if film.start is None else film.start.before
        cells = solver_cells(
            film.recipe, film.recording.shape, film.recording.cells, before=before, others=self.extremes
        )
        self.base = dataclasses.replace(
            film, recording=dataclasses.replace(film.recording, frames=1, cells=cells)
        )
        """The film with its own knobs, on a grid that resolves those of all candidates."""

    def _extremes(self, recipe: Recipe) -> list[Recipe]:
        ends = [[(knob.name, knob.low), (knob.name, knob.high)] for knob in self.panel.knobs]
        try:
            return [dataclasses.replace(recipe, **dict(each)) for each in product(*ends)]  # type: ignore[arg-type]
        except InputError as error:
            raise InputError(f"the range of a knob goes too far: {error}") from error

    def check_resolution(self) -> None:
        """Check that the solver's grid resolves the interfaces of all candidates.

        Raises:
            InputError: less than a cell across an interface.

        Warns:
            ResolutionWarning: fewer than three.
        """
        start, cells = self.base.start, self.base.cells
        before = [] if start is None or start.before is None else [start.before]
        check_resolution((each, cells) for each in (self.base.recipe, *self.extremes, *before))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the knobs."""
        return tuple(knob.name for knob in self.panel.knobs)

    @property
    def size(self) -> int:
        """D, the length of a position."""
        return len(self.panel) * len(self.shares)

    @property
    def points(self) -> tuple[float, ...]:
        """Where stages begin: drynesses, or times [units of time]."""
        scale = 1.0 if self.over == "dryness" else self.base.recipe.duration
        return tuple(share * scale for share in self.shares)

    def settings(self, position: ArrayLike) -> dict[str, tuple[float, ...]]:
        """The value of each knob in each stage, in units of the recipe.

        Args:
            position: (D,) from -1 to 1.

        Raises:
            InputError: another number of values, or NaN.
        """
        given = np.asarray(position, np.float64)
        if given.shape != (self.size,) or not np.isfinite(given).all():
            raise InputError(
                f"position is {shown(position)}; it must be {self.size} finite numbers from -1 to 1"
            )
        stages = [self.panel.values(row) for row in given.reshape(len(self.shares), len(self.panel))]
        return {name: tuple(stage[name] for stage in stages) for name in self.names}

    def film(self, position: ArrayLike, *, seed: int = 0) -> Film:
        """The film at a position (D,), with the noise of `seed`.

        Raises:
            InputError: a position that is none, or values that the recipe does not accept.
        """
        settings, base = self.settings(position), self.seeded(seed)
        assert isinstance(base.schedule, Schedule)
        profiles = {name: each for name, each in base.schedule.profiles.items() if name not in settings}
        if self.schedule == "constant":
            first: dict[str, float] = {name: values[0] for name, values in settings.items()}
            recipe = dataclasses.replace(base.recipe, **first)  # type: ignore[arg-type]
            return dataclasses.replace(base, recipe=recipe, schedule=Schedule(profiles))
        profiles |= {name: Profile(self.points, values, self.over) for name, values in settings.items()}
        schedule = Schedule(profiles)
        return dataclasses.replace(base, recipe=schedule.started(base.recipe), schedule=schedule)

    def seeded(self, seed: int) -> Film:
        """The film with its own knobs and the noise of `seed`."""
        return dataclasses.replace(self.base, recording=dataclasses.replace(self.base.recording, seed=seed))

    def to_dict(self) -> dict[str, object]:
        """Everything that decides the films but their seeds, as values that JSON can hold."""
        recording, units = self.base.recording, self.base.units
        assert isinstance(self.base.schedule, Schedule)
        return {
            "recipe": self.base.recipe.to_dict(),
            "profiles": {name: str(profile) for name, profile in self.base.schedule.profiles.items()},
            "start": recording.start,
            "shape": list(recording.shape),
            "cells": list(self.base.cells),
            "threshold": recording.threshold,
            "dtype": recording.dtype,
            "tolerance": recording.tolerance,
            "length_nm": units.length_nm,
            "diffusivity": units.diffusivity,
            "knobs": {knob.name: [knob.low, knob.high] for knob in self.panel.knobs},
            "schedule": self.schedule,
            "breakpoints": list(self.shares[1:]),
        }


def _shares(over: str, stages: int, given: Sequence[float]) -> tuple[float, ...]:
    if not given:
        return (0.0, *_default_breakpoints(over, stages).tolist())
    values = tuple(given)
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if not numbers or len(values) != stages - 1:
        raise InputError(
            f"breakpoints are {shown(list(values))}; {stages} stages have {stages - 1}, each a number"
        )
    ends = (0.0, *values, 1.0)
    if not all(second - first > _FINEST for first, second in pairwise(ends)):
        raise InputError(
            f"breakpoints are {shown(list(values))}; they must lie between 0 and 1, each above the one before"
        )
    return 0.0, *map(float, values)


def _default_breakpoints(over: str, stages: int) -> NDArray[np.float64]:
    if over == "dryness":
        # To 12 digits, so that files have 0.6 and not 0.6000000000000001.
        return np.round(np.linspace(*DECIDED, stages)[:-1], 12)
    # As snapshots are: films coarsen by equal factors in equal parts of the logarithm of time.
    return np.asarray(FIRST_SNAPSHOT ** (1.0 - np.arange(1, stages) / stages))
