"""Recipes from dicts and TOML files, by the name of their process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from morphsim.errors import InputError
from morphsim.simulator.processes import PROCESSES, find_process
from morphsim.simulator.processes.base import Process
from morphsim.simulator.recipe import Recipe, without_units
from morphsim.simulator.units import Units
from morphsim.suggest import did_you_mean
from morphsim.text_files import read_toml

STAGES = "stage"
"""The tables of a file that describes a film of several processes in turn."""


def process_of(recipe: object) -> Process[Any]:
    """The process of a recipe; the recipe may be of a user's subclass.

    Raises:
        InputError: it belongs to no known process.
    """
    name = getattr(recipe, "process", None)
    if isinstance(name, str) and name in PROCESSES:
        process = find_process(name)
        if isinstance(recipe, process.recipe):
            return process
    kinds = ", ".join(find_process(known).recipe.__name__ for known in PROCESSES)
    raise InputError(f"{type(recipe).__name__} is not a recipe of a film; use {kinds}, or a subclass")


def recipe_from_dict(values: Mapping[str, Any], *, units: Units | None = None) -> Recipe:
    """Build a recipe from what `to_dict` or a TOML file gives: `process` and any of its parameters.

    What `to_dict` gave in a version with fewer parameters means the same film as in that version.

    Args:
        values: by name; a quantity may be a text with its unit, such as `"80 °C"`.
        units: scales of the film, needed where a length or a time has a physical unit.

    Raises:
        InputError: an unknown process or parameter, a value out of range, or another unit than expected.
    """
    parameters = dict(values)
    if STAGES in parameters:
        raise InputError(
            "it describes a film of several stages, and only one process can be used here; make the film "
            "with `morphsim simulate`"
        )
    name = parameters.pop("process", None)
    kind = find_process(name).recipe
    known = [entry.name for entry in fields(kind)]
    for key in parameters:
        if key not in known:
            raise InputError(f"{name} has no parameter {key!r}; {did_you_mean(key, known)}")
        if isinstance(parameters[key], Mapping):
            raise InputError(
                f"{key} is a schedule, and only a number can be used here; films with schedules are made by "
                "`morphsim simulate` and record_film(..., schedule=...)"
            )
    return kind(**_before(kind, parameters), **without_units(kind, parameters, units=units))


def _before(kind: type[Recipe], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that a record of an earlier version lacks, with what the films of that version had.

    A record states every parameter that there was. Who writes a recipe states few, and means the defaults.
    """
    older = {entry.name for entry in fields(kind) if "before" not in entry.metadata}
    if not older <= parameters.keys():
        return {}
    return {
        entry.name: entry.metadata["before"]
        for entry in fields(kind)
        if entry.name not in older and entry.name not in parameters
    }


def load_recipe(path: str | Path, *, units: Units | None = None) -> Recipe:
    """Read a recipe from a TOML file.

    Args:
        path: the file.
        units: as for `recipe_from_dict`.

    Raises:
        InputError: the file is missing, not TOML, or not a recipe.
    """
    values = read_toml(path)
    try:
        return recipe_from_dict(values, units=units)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def read_recipe_values(source: Recipe | Mapping[str, Any] | str | Path | None) -> Recipe | dict[str, Any]:
    """Exactly the parameters that a source states: a dict or a TOML file; a recipe object states them all.

    Raises:
        InputError: a file that can't be read, or another kind of source.
    """
    if isinstance(source, str | Path):
        load_recipe(source)
        source = read_toml(source)
    if source is None:
        return {}
    if not isinstance(source, Recipe | Mapping):
        raise InputError(f"recipe is {source!r}; give a recipe, a dict of its parameters or a TOML file")
    return source if isinstance(source, Recipe) else dict(source)
