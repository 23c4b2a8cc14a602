"""The plan of a generated data set: its films, each with its own recipe and noise."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from morphsim._version import __version__
from morphsim.checks import MOST_SEED, check_fraction, check_shape, whole_number
from morphsim.errors import InputError
from morphsim.frames.code_digest import simulator_digest
from morphsim.frames.presets import Preset
from morphsim.simulator import PROCESSES, Recipe, find_process, recipe_from_dict
from morphsim.simulator.cells import solver_cells
from morphsim.simulator.recipe import Scalar, parse_settings
from morphsim.simulator.recipe_io import STAGES
from morphsim.simulator.resolution import check_resolution
from morphsim.simulator.resolve import name_and_value
from morphsim.text_files import read_toml

_MOST_FILMS = 1_000_000
# All snapshots of a film are kept in memory, with at most two components of four bytes per pixel.
_MOST_VALUES = 2**28


@dataclass(frozen=True, kw_only=True)
class DatasetPlan:
    """Everything that decides the bytes of a generated data set."""

    version: str
    """Version of morphsim."""
    simulator: str
    """Digest of the simulator's code, so that films of two versions never mix in one file."""
    recipe: dict[str, Scalar]
    """`process`, and every parameter that is not in the grid: shared by all films."""
    grid: dict[str, list[Scalar]]
    """Values of each varied parameter; the recipes are their Cartesian product, the last varying fastest."""
    replicas: int
    """Films of each recipe, with different noise."""
    frames: int
    """Snapshots of each film."""
    shape: list[int]
    """[H, W] of the frames."""
    cells: list[int] | None = None
    """[h, w] of the solver's grid; None for the default of the process, by the recipe of each film."""
    seed: int
    """Seed of all noise."""
    threshold: float
    """Smallest donor share of a donor pixel."""
    dtype: str
    """Precision of the simulation."""
    device: str
    """Device of the simulation."""

    def __post_init__(self) -> None:
        whole_number("replicas", self.replicas, 1, _MOST_FILMS)
        check_recording(
            frames=self.frames,
            shape=self.shape,
            cells=self.cells,
            seed=self.seed,
            threshold=self.threshold,
        )
        if self.films > _MOST_FILMS:
            raise InputError(
                f"the grid asks for {self.films} films; make at most {_MOST_FILMS} in one data set"
            )

    @property
    def films(self) -> int:
        """The number of films."""
        return math.prod(len(values) for values in self.grid.values()) * self.replicas

    def film_recipe(self, film: int) -> Recipe:
        """The recipe of film `film`; the replicas of a recipe follow each other."""
        place = np.unravel_index(film // self.replicas, [len(values) for values in self.grid.values()] or [1])
        varied = {name: values[int(at)] for (name, values), at in zip(self.grid.items(), place, strict=False)}
        return recipe_from_dict({**self.recipe, **varied})

    def check_resolution(self) -> None:
        """Warn, once, of recipes whose films the solver's cells do not resolve; see `check_resolution`.

        Raises:
            InputError: a recipe with less than a cell across its interfaces.
        """
        height, width = self.shape
        cells = None if self.cells is None else (self.cells[0], self.cells[1])
        recipes = map(self.film_recipe, range(0, self.films, self.replicas))
        check_resolution((each, solver_cells(each, (height, width), cells)) for each in recipes)

    def film_seed(self, film: int) -> int:
        """The seed of film `film`, of 53 bits, which a column of floats holds exactly."""
        state = np.random.SeedSequence([self.seed, film]).generate_state(1, np.uint64)
        return int(state[0] >> np.uint64(11))

    def to_json(self) -> str:
        """The plan as JSON, which `differences` compares with another plan."""
        return json.dumps(asdict(self), indent=2, allow_nan=False) + "\n"

    def differences(self, text: str) -> list[str]:
        """The differences from the plan stored as `text`, each as `name is A there and B here`."""
        try:
            there = json.loads(text)
        except (ValueError, RecursionError):
            there = None
        if not isinstance(there, dict):
            return ["its plan can't be read"]
        here = json.loads(self.to_json())
        return list(_differences(there, here))


def check_recording(
    *, frames: int, shape: Sequence[int], cells: Sequence[int] | None, seed: int, threshold: float
) -> None:
    """Check the options by which a film is recorded.

    Args:
        frames: number of snapshots.
        shape: (H, W) of each.
        cells: (h, w) of the solver's grid; None for the default of the process.
        seed: of the noise.
        threshold: smallest donor share of a donor pixel.

    Raises:
        InputError: a number out of range, or more values than fit into memory.
    """
    whole_number("frames", frames, 1, _MOST_VALUES)
    whole_number("seed", seed, 0, MOST_SEED)
    height, width = check_shape(shape)
    if cells is not None:
        check_shape(cells, "cells")
    values = frames * height * width
    if values > _MOST_VALUES:
        raise InputError(
            f"{frames} frames of {height} x {width} hold {values:.2g} values; "
            f"the limit of a film is {_MOST_VALUES:.2g}: ask for fewer or smaller frames"
        )
    check_fraction("threshold", threshold)


def make_plan(
    *,
    process: str | None,
    file: Path | None,
    settings: Iterable[str],
    grid: Iterable[str],
    replicas: int | None,
    preset: Preset | None = None,
    **rest: Any,
) -> DatasetPlan:
    """Join a preset, a recipe file and command-line options, where later ones override earlier ones.

    Every recipe is checked.

    Args:
        process: of the films; required unless the file or the preset names it.
        file: TOML: `process`, parameters, `replicas`, and a table `[grid]` of lists.
        settings: `NAME=VALUE` for parameters shared by all films.
        grid: `NAME=VALUE,VALUE,...` for varied parameters.
        replicas: films of each recipe; None for those of the file or the preset, or 1.
        preset: process, parameters and lists to start from; None to start from nothing.
        rest: the other fields of `DatasetPlan`.

    Raises:
        InputError: an unknown name, an invalid value, a name given twice, or a process that contradicts the
            preset.
    """
    base, lists, own_replicas = read_grid_file(file) if file else ({}, {}, None)
    name = process or base.get("process")
    base.pop("process", None)
    if preset is not None:
        if name not in (None, preset.process):
            raise InputError(
                f"the process is {name!r} and the preset is for {preset.process}; leave one of them out"
            )
        name = preset.process
        base, lists = _joined(
            (dict(preset.set), {key: list(values) for key, values in preset.grid.items()}), (base, lists)
        )
        own_replicas = preset.replicas if own_replicas is None else own_replicas
    kind = find_process(stated_process(name)).recipe
    fixed = parse_settings(kind, dict(name_and_value(settings, "NAME=VALUE")))
    varied = {
        key: [parse_settings(kind, {key: value})[key] for value in text.split(",")]
        for key, text in name_and_value(grid, "NAME=VALUE,VALUE")
    }
    if twice := sorted(fixed.keys() & varied.keys()):
        raise InputError(f"{twice[0]} is both set and varied; keep one of them")
    base, lists = _joined((base, lists), (fixed, varied))
    for key, values in lists.items():
        if len(set(values)) < len(values):
            raise InputError(
                f"the grid lists a value of {key} twice; use replicas for more films of a recipe"
            )
        if key == "boundary":
            raise InputError("boundary can't be varied in one file; make a data set for each")
    try:
        products = itertools.product(*lists.values())
        first = next(products)
        shared = recipe_from_dict({"process": name, **base, **dict(zip(lists, first, strict=True))}).to_dict()
        plan = DatasetPlan(
            version=__version__,
            simulator=simulator_digest(name),
            recipe={key: _plain(value) for key, value in shared.items() if key not in lists},
            grid={key: [_plain(value) for value in values] for key, values in lists.items()},
            replicas=replicas if replicas is not None else 1 if own_replicas is None else own_replicas,
            **rest,
        )
        for film in range(0, plan.films, plan.replicas):
            plan.film_recipe(film)
    except InputError as error:
        raise InputError(f"{file}: {error}" if file else str(error)) from error
    return plan


def _joined(
    below: tuple[dict[str, Any], dict[str, list[Any]]], above: tuple[dict[str, Any], dict[str, list[Any]]]
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Shared and varied parameters of two descriptions; those of `above` replace those of `below`."""
    lists = {key: values for key, values in below[1].items() if key not in above[0]} | above[1]
    base = {key: value for key, value in (below[0] | above[0]).items() if key not in lists}
    return base, lists


def _plain(value: Scalar) -> Scalar:
    return value if isinstance(value, str) else float(value)


def stated_process(name: object) -> str:
    """Check the name of the process that options and files give.

    Raises:
        InputError: the name is missing, or there is no such process.
    """
    if not isinstance(name, str) or name not in PROCESSES:
        found = "missing" if name is None else repr(name)
        raise InputError(f"the process is {found}; add --process {' or '.join(PROCESSES)}")
    return name


def read_grid_file(path: Path) -> tuple[dict[str, Any], dict[str, list[Any]], int | None]:
    """Parameters, lists of parameters and replicas of a TOML file; the replicas are None if it has none.

    Raises:
        InputError: the file is missing or not TOML, or its grid is not a table of lists.
    """
    values = read_toml(path)
    if STAGES in values:
        raise InputError(
            f"{path} describes a film of several stages; make it with `morphsim simulate`, by itself"
        )
    grid = values.pop("grid", {})
    replicas = values.pop("replicas", None)
    if not isinstance(grid, dict):
        raise InputError(f"{path}: grid is {grid!r}; it must be a table of lists, as [grid] chi = [2.4, 2.8]")
    for name, entries in grid.items():
        if not (isinstance(entries, list) and entries and all(_scalar(entry) for entry in entries)):
            raise InputError(f"{path}: {name} in grid is {entries!r}; it must be a list of numbers or texts")
    return values, grid, replicas


def read_film_file(path: Path) -> dict[str, Any]:
    """The parameters of a recipe file that describes one film.

    Raises:
        InputError: as `read_grid_file`, or several films.
    """
    values, lists, replicas = read_grid_file(path)
    films = math.prod(len(entries) for entries in lists.values()) * (replicas or 1)
    if films > 1:
        raise InputError(f"{path} describes {films} films; make them with `morphsim dataset`")
    return values | {name: entries[0] for name, entries in lists.items()}


def _scalar(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _differences(there: Mapping[str, Any], here: Mapping[str, Any], owner: str = "") -> Iterator[str]:
    for key in dict.fromkeys([*here, *there]):
        old, new = there.get(key, "missing"), here.get(key, "missing")
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{key} ")
            # The order of the grid sets the order of the films.
            if old == new and list(old) != list(new):
                yield f"{key} is in the order {', '.join(old)} there and {', '.join(new)} here"
        elif old != new:
            yield f"{owner}{key} is {old} there and {new} here"
