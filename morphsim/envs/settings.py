"""The settings of an environment, and the film that each episode gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from morphsim.checks import check_shape, is_finite_number
from morphsim.device import resolve_device
from morphsim.envs.arguments import ObservationName
from morphsim.envs.checks import number, options_of, pair, whole
from morphsim.envs.drafts import EVAPORATION
from morphsim.envs.knobs import Panel
from morphsim.envs.pace import PaceName, film_pace
from morphsim.envs.randomize import FIXED, Randomizer, default_ranges, parameter_names
from morphsim.envs.reach import check_knobs, check_reach
from morphsim.envs.recipes import known_material, material_recipe, other_recipe, with_parameters
from morphsim.envs.sensors import sensor_names
from morphsim.errors import InputError
from morphsim.frames.film_file import Recording, film_text
from morphsim.frames.read_start import Start, read_start
from morphsim.simulator import Knob, Process, Recipe, Units, find_process
from morphsim.simulator.cells import solver_cells
from morphsim.simulator.core.control import TOLERANCE
from morphsim.simulator.film_start import FilmStart
from morphsim.simulator.materials import material
from morphsim.simulator.processes.pace import Pace
from morphsim.simulator.recipe import without_units
from morphsim.simulator.resolution import check_resolution
from morphsim.simulator.resolve import RecipeSource, resolve_recipe
from morphsim.simulator.schedules.drive import FilmDrive
from morphsim.simulator.schedules.follower import KnobFollower
from morphsim.simulator.schedules.steps import Steps
from morphsim.suggest import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Film:
    """The film of one episode."""

    recipe: Recipe
    """Its recipe, with the initial values of the knobs."""
    units: Units
    """Its scales."""
    material: str
    """Name of its material; empty for none."""
    seed: int
    """Seed of its noise."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FilmSettings:
    """The settings shared by all films of an environment: the checked arguments of `film_settings`."""

    recipe: Recipe
    units: Units
    material: str
    shape: tuple[int, int]
    cells: tuple[int, int]
    pace: Pace
    step_time_s: float | None
    drafts: float
    panel: Panel
    randomizer: Randomizer
    start: FilmStart | None
    start_file: str | None
    observation: ObservationName
    sensors: tuple[str, ...]
    threshold: float
    tolerance: float
    device: str

    @property
    def process(self) -> str:
        """The name of the process."""
        return self.recipe.process

    @property
    def process_object(self) -> Process[Any]:
        """The process itself."""
        return find_process(self.process)

    @property
    def steps(self) -> int:
        """Steps of an episode without delay."""
        return self.pace.steps

    @property
    def limit(self) -> int:
        """Largest number of steps of an episode."""
        return self.pace.limit

    @property
    def agent_sets_length(self) -> bool:
        """Whether the number of steps of an episode depends on the actions."""
        has_end = self.process_object.end is not None
        return has_end and (self.step_time_s is not None or self.limit > self.steps)

    def film(self, random: np.random.Generator, options: Mapping[str, Any] | None) -> Film:
        """Draw the film of an episode.

        The draws from the generator do not depend on the options.

        Args:
            random: of the environment.
            options: of `reset`.

        Raises:
            InputError: an unknown or invalid option.
        """
        chosen = without_units(self.process_object.recipe, options_of(options), units=self.units)
        parameters = parameter_names(self.process)
        for name in chosen:
            if name in FIXED:
                raise InputError(
                    f"reset can't change {name}, since a pixel must mean the same in every episode; make "
                    "another environment"
                )
            if self.start is not None and name in self.start.fixed():
                raise InputError(f"reset can't change {name}, which is that of the film in start")
            if name not in ("recipe", "material", "film_seed", *parameters):
                raise InputError(
                    f"reset has no option {name!r}; "
                    + did_you_mean(name, ("recipe", "film_seed", "material", *parameters))
                )
        if "recipe" in chosen and "material" in chosen:
            raise InputError("reset has both a recipe and a material; give one of them")
        seed = int(random.integers(2**31 - 1))
        drawn = self.randomizer.draw(random)
        if not chosen and not drawn:
            return Film(recipe=self.recipe, units=self.units, material=self.material, seed=seed)
        seed = whole("film_seed", chosen.pop("film_seed", seed), 0)
        name, units = str(chosen.pop("material", drawn.pop("material", ""))), self.units
        if "recipe" in chosen:
            base, name, drawn = other_recipe(self.recipe, chosen.pop("recipe"), self.units), "", {}
        elif name:
            base, units = self.recipe_of(name), material(name).units
        else:
            base, name = self.recipe, self.material
        recipe = self.started(with_parameters(base, name, drawn, chosen))
        if chosen or base is not self.recipe:
            check_reach([recipe], self.panel, self.drafts)
        return Film(recipe=recipe, units=units, material=name, seed=seed)

    def drive(self, film: Film) -> FilmDrive:
        """The knobs of a film that begins, at the values of its recipe."""
        driven = {knob.name: knob for knob in self.process_object.knobs if knob.name in self._turned}
        driven |= {knob.name: knob for knob in self.panel.knobs}
        return FilmDrive(
            {
                name: KnobFollower(
                    knob,
                    getattr(film.recipe, name),
                    rate=knob.rate_limit_per_s * film.units.time_s,
                    dwell=knob.dwell_s / film.units.time_s,
                )
                for name, knob in driven.items()
            }
        )

    @property
    def _turned(self) -> tuple[str, ...]:
        """Knobs that turn whether or not they are in the action."""
        finishing = tuple(self.process_object.finishing) if self.pace.finish else ()
        return (*finishing, EVAPORATION) if self.drafts else finishing

    def film_text(self, film: Film, steps: Steps) -> str:
        """The steps of a film as a file from which `morphsim simulate` makes it again, bit for bit.

        Raises:
            InputError: no step was made, or the film started from fields that no file has.
        """
        if not steps:
            raise InputError("the film has made no step yet; its schedule begins with the first one")
        if self.start is not None and self.start_file is None:
            raise InputError(
                "start was not the name of a file, so no file can say how the film began; save it, and give "
                "its name as start"
            )
        recording = Recording(
            shape=self.shape,
            cells=self.cells,
            seed=film.seed,
            threshold=self.threshold,
            tolerance=self.tolerance,
            start=self.start_file,
        )
        return film_text(film.recipe, steps, recording, units=film.units)

    def started(self, recipe: Recipe) -> Recipe:
        """A recipe with the parameters that the initial state of the films determines."""
        return recipe if self.start is None else self.start.applied(recipe)

    def recipe_of(self, name: str) -> Recipe:
        """The recipe of a material with the width and the boundary of the environment's own recipe.

        Raises:
            InputError: no such material, or one for another process.
        """
        fixed = {key: getattr(self.recipe, key) for key in FIXED}
        return material_recipe(self.process, name, None, fixed)


def film_settings(
    process: str,
    *,
    recipe: RecipeSource = None,
    start: Start = None,
    material: str | None = None,
    shape: Sequence[int] = (100, 400),
    cells: Sequence[int] | None = None,
    steps: int | None = None,
    limit: int | None = None,
    longest_step: float | None = None,
    pace: PaceName = "even",
    finish: bool = False,
    step_time_s: float | None = None,
    drafts: float = 0.0,
    knobs: Sequence[str | Knob] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    randomize: bool | Mapping[str, Any] = False,
    observation: ObservationName = "frame",
    sensors: Sequence[str] | None = None,
    units: Units | None = None,
    threshold: float = 0.5,
    tolerance: float = TOLERANCE,
    device: str = "cpu",
) -> FilmSettings:
    """Check the arguments of an environment. `DryingEnv` explains them.

    Raises:
        InputError: an invalid argument, or a film that may be drawn but can't be simulated.

    Warns:
        ResolutionWarning: cells that are too coarse for the recipe, or for one that may be drawn.
    """
    height, width = pair("shape", shape, "(H, W), pixels in depth and width")
    side = f"a side of the shape {tuple(shape)}"
    frame = whole(side, height, 1), whole(side, width, 1)
    grid = None if cells is None else check_shape(cells, "cells")
    kind = find_process(process)
    episode = film_pace(
        kind,
        steps=steps,
        limit=limit,
        longest_step=longest_step,
        pace=pace,
        finish=finish,
        step_time_s=step_time_s,
    )
    resolve_device(device)
    if units is not None and not isinstance(units, Units):
        raise InputError(f"units is {units!r}; give morphsim.simulator.Units(...)")
    if not isinstance(observation, str) or observation not in get_args(ObservationName):
        raise InputError(
            f"observation is {observation!r}; {did_you_mean(observation, get_args(ObservationName))}"
        )
    if sensors is not None and observation != "dict":
        raise InputError(
            'sensors are entries of the state, which observation="dict" has; leave sensors out, or give it'
        )
    before = read_start(start, process)
    if material is not None:
        known_material(process, material)
    if units is None and material:
        units = known_material(process, material).units
    if units is None and before is not None:
        # A film keeps the scales of the film that it starts from.
        units = before.units
    units = kind.units if units is None else units
    if before is None:
        own = resolve_recipe(recipe, process=process, material_name=material, units=units)
    else:
        own = before.recipe(recipe, material)
    panel = Panel(kind.knobs_around(own) if material else kind.knobs, names=knobs, ranges=ranges)
    check_knobs(panel, own)
    settings = FilmSettings(
        recipe=own,
        units=units,
        material=material or "",
        shape=frame,
        cells=frame if grid is None else grid,
        pace=episode,
        step_time_s=step_time_s,
        drafts=_drafts(kind, drafts),
        panel=panel,
        randomizer=_randomizer(own, randomize, frozenset() if before is None else before.fixed()),
        start=before,
        start_file=str(start) if isinstance(start, str | Path) else None,
        observation=observation,
        sensors=sensor_names(kind, panel, sensors),
        threshold=number("threshold", threshold, 0.0, 1.0),
        tolerance=number("tolerance", tolerance, 0.0, 0.5, closed=True),
        device=device,
    )
    check_reach([own], panel, settings.drafts)
    _check_draws(settings)
    return _on_cells(settings, grid)


def _on_cells(settings: FilmSettings, cells: tuple[int, int] | None) -> FilmSettings:
    """Settings with the given cells, or those by default, which are checked to resolve the films.

    Raises:
        InputError: cells that are too coarse, or an initial state of another shape.
    """
    start, drawn = settings.start, _sharpest_draws(settings)
    before = None if start is None else start.before
    cells = solver_cells(settings.recipe, settings.shape, cells, before=before, others=drawn)
    if start is not None:
        start.check_shape(settings.shape, cells)
    made = [settings.recipe, *([] if before is None else [before]), *drawn]
    check_resolution((recipe, cells) for recipe in made)
    return replace(settings, cells=cells)


def _sharpest_draws(settings: FilmSettings) -> list[Recipe]:
    """Of each material that may be drawn, the film with the thinnest interfaces."""
    if not settings.randomizer.draws:
        return []
    films = []
    for name, base in _bases(settings).items():
        parameters = settings.randomizer.sharpest(base)
        films.append(settings.started(with_parameters(base, name, parameters)))
    return films


def _drafts(process: Process[Any], drafts: float) -> float:
    """The checked standard deviation of the logarithm of the drafts' factor; 0 for none."""
    if is_finite_number(drafts) and drafts == 0.0:
        return 0.0
    if EVAPORATION not in {knob.name for knob in process.knobs}:
        raise InputError(
            f"drafts act on evaporation, which is no knob of {process.name}; only films that dry have them: "
            "leave drafts out"
        )
    return number("drafts", drafts, 0.0, 1.0, closed=True)


def _randomizer(
    recipe: Recipe, randomize: bool | Mapping[str, Any] | None, fixed: frozenset[str]
) -> Randomizer:
    ranges = randomize
    if randomize is True:
        ranges = {name: ends for name, ends in default_ranges(recipe).items() if name not in fixed}
    ranges = {} if ranges is None or ranges is False else ranges
    if not isinstance(ranges, Mapping):
        raise InputError(f"randomize is {randomize!r}; use True, or ranges by parameter")
    return Randomizer(recipe.process, ranges, periodic=recipe.boundary == "periodic", fixed=fixed)


def _bases(settings: FilmSettings) -> dict[str, Recipe]:
    """The recipes around which films are drawn, by name of the material."""
    drawn = {name: settings.recipe_of(name) for name in settings.randomizer.materials}
    return drawn or {settings.material: settings.recipe}


def _check_draws(settings: FilmSettings) -> None:
    randomizer = settings.randomizer
    if not randomizer.draws:
        return
    films = []
    for name, base in _bases(settings).items():
        for parameters in randomizer.extremes():
            try:
                films.append(settings.started(with_parameters(base, name, parameters)))
            except (InputError, TypeError) as error:
                raise InputError(f"randomize may draw an impossible film: {error}") from error
    try:
        check_reach(films, settings.panel, settings.drafts)
    except InputError as error:
        raise InputError(f"randomize may draw an impossible film: {error}") from error
