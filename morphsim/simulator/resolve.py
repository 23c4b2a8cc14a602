"""Recipes from user input: objects, parameters, files, texts and names of materials."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from morphsim.errors import InputError
from morphsim.simulator.materials import material
from morphsim.simulator.processes import find_process
from morphsim.simulator.recipe import Recipe, Scalar, parse_settings, without_units
from morphsim.simulator.recipe_io import load_recipe, process_of, recipe_from_dict
from morphsim.simulator.units import Units

RecipeSource = Recipe | Mapping[str, Any] | str | Path | None
"""A recipe, a dict of its parameters, the path of a TOML file, or None for the default recipe."""


def resolve_recipe(
    source: RecipeSource = None,
    *,
    process: str | None = None,
    material_name: str | None = None,
    changes: Mapping[str, Any] | Iterable[str] = (),
    units: Units | None = None,
) -> Recipe:
    """The recipe that results from all of a user's choices.

    Args:
        source: the recipe to start from; with a material, a dict of parameters to override.
        process: of the film; None for that of the source or the material.
        material_name: a material whose parameters are used; empty or None for none.
        changes: parameters that override all others, by name or as texts `NAME=VALUE`.
        units: scales that convert lengths and times with units; by default those of the material.

    Raises:
        InputError: a process, material or parameter that is unknown or does not match, or no process at all.
    """
    if material_name:
        return _of_material(source, process, material_name, changes, units)
    if isinstance(source, str | Path):
        source = load_recipe(source, units=units)
    if source is None:
        source = {}
    if isinstance(source, Mapping):
        name = source.get("process", process)
        kind = find_process(name).recipe if changes else None
        changed = {} if kind is None else changed_parameters(kind, changes, units=units)
        source = recipe_from_dict({"process": name, **source, **changed}, units=units)
        changes = ()
    if not isinstance(source, Recipe):
        raise InputError(f"recipe is {source!r}; give a recipe, a dict of its parameters or a TOML file")
    if process is not None and source.process != process:
        raise InputError(f"the recipe is of {source.process}, not of {process}; use a recipe of {process}")
    process_of(source)
    changed = changed_parameters(type(source), changes, units=units)
    return dataclasses.replace(source, **changed) if changed else source


def changed_parameters(
    kind: type[Recipe], changes: Mapping[str, Any] | Iterable[str], *, units: Units | None = None
) -> dict[str, Any]:
    """Parameters by name, from a mapping or from texts `NAME=VALUE`; see `resolve_recipe`.

    Raises:
        InputError: a text of another form, an unknown parameter, or a text where a number is needed.
    """
    if isinstance(changes, Mapping):
        return without_units(kind, changes, units=units)
    return dict(parse_settings(kind, dict(name_and_value(changes, "NAME=VALUE")), units=units))


def name_and_value(texts: Iterable[str], form: str) -> Iterator[tuple[str, str]]:
    """The names and values in texts of the form NAME=VALUE.

    Raises:
        InputError: a text of another form, or a repeated name.
    """
    seen: set[str] = set()
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise InputError(f"{text!r} is not of the form {form}")
        if name in seen:
            raise InputError(f"{name} is given twice; give it once")
        seen.add(name)
        yield name, value


def _of_material(
    source: RecipeSource,
    process: str | None,
    name: str,
    changes: Mapping[str, Any] | Iterable[str],
    units: Units | None,
) -> Recipe:
    found = material(name)
    if source is not None and not isinstance(source, Mapping):
        raise InputError(
            f"the material {name!r} and a recipe are both given; with a material, a recipe must be a dict of "
            "parameters to override"
        )
    kind = find_process(found.process if process is None else process)
    if not kind.suits(found):
        raise InputError(
            f"the material {name!r} is for {found.process}, not for {kind.name}; take the process "
            f"{found.process}, or another material"
        )
    scales = found.units if units is None else units
    overrides: dict[str, Scalar] = {
        **without_units(kind.recipe, source or {}, units=scales),
        **changed_parameters(kind.recipe, changes, units=scales),
    }
    overrides.pop("process", None)
    recipe: Recipe = kind.recipe_of(found, overrides)
    return recipe
