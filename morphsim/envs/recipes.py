"""Recipes of films from what a user gives: objects, parameters, files and names of materials."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from morphsim.envs.randomize import FIXED
from morphsim.errors import InputError
from morphsim.simulator import AnnealingRecipe, DryingRecipe, Recipe, load_recipe, recipe_from_dict
from morphsim.simulator.materials import Material, material
from morphsim.simulator.recipe import known_recipe
from morphsim.text_files import read_toml

RecipeSource = Recipe | Mapping[str, Any] | str | Path | None


def read_recipe(process: str, source: RecipeSource) -> AnnealingRecipe | DryingRecipe:
    """A recipe of `process` from an object, a dict of its parameters or a TOML file.

    Raises:
        InputError: no recipe, or one of the other process.
    """
    if source is None:
        source = {}
    if isinstance(source, str | Path):
        source = load_recipe(source)
    if isinstance(source, Mapping):
        source = recipe_from_dict({"process": process, **source})
    if not isinstance(source, Recipe):
        raise InputError(f"recipe is {source!r}; give a recipe, a dict of its parameters or a TOML file")
    if source.process != process:
        raise InputError(
            f"the recipe is of {source.process}, this environment of {process}; use the other one"
        )
    return known_recipe(source)


def other_recipe(own: AnnealingRecipe | DryingRecipe, source: RecipeSource) -> AnnealingRecipe | DryingRecipe:
    """A whole recipe for a film among those of the recipe `own`, whose width and boundary all share.

    A dict or a TOML file says what differs from the process's usual recipe at the width and with the boundary
    of `own`.

    Raises:
        InputError: another width or boundary, or as `read_recipe`.
    """
    if isinstance(source, str | Path):
        load_recipe(source)
        # Whether the file names a width is not to be seen in the recipe that it describes.
        source = read_toml(source)
    if source is None:
        source = {}
    if isinstance(source, Mapping):
        source = {**{name: getattr(own, name) for name in FIXED}, **source}
    recipe = read_recipe(own.process, source)
    check_same_pixels(own, recipe)
    return recipe


def check_same_pixels(own: Recipe, recipe: Recipe) -> None:
    """Check that a film has the width and the boundary of the recipe `own`.

    Raises:
        InputError: it has not.
    """
    for name in FIXED:
        wanted, there = getattr(recipe, name), getattr(own, name)
        if wanted != there:
            raise InputError(
                f"the recipe has {name} {wanted!r} and this environment {there!r}; a pixel must mean the "
                "same in every episode: leave it out, or make another environment"
            )


def material_recipe(process: str, name: str, parameters: Mapping[str, Any]) -> AnnealingRecipe | DryingRecipe:
    """The recipe of a material, with some parameters that differ.

    Raises:
        InputError: no such material, one of the other process, or an impossible parameter.
    """
    found = known_material(process, name)
    changed = {key: value for key, value in parameters.items() if key != "process"}
    if process == "drying":
        return read_recipe(process, found.drying_recipe().to_dict() | _spun(name, changed))
    return found.annealing_recipe(**changed)


def with_parameters(
    recipe: AnnealingRecipe | DryingRecipe, name: str, *layers: Mapping[str, Any]
) -> AnnealingRecipe | DryingRecipe:
    """The recipe of a material, or of none where `name` is empty, with some parameters that differ.

    Args:
        recipe: what they differ from.
        name: of the material.
        layers: parameters, each of which wins over those before.

    Raises:
        InputError: an impossible parameter.
    """
    changed: dict[str, Any] = {}
    for layer in layers:
        changed |= _spun(name, layer) if isinstance(recipe, DryingRecipe) else layer
    return dataclasses.replace(recipe, **changed)


def _spun(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters whose spin speed means what was published of the material, where that is known."""
    known = name and material(name).spin_speeds
    return material(name).spun(parameters) if known else dict(parameters)


def own_recipe(process: str, recipe: RecipeSource, name: str | None) -> AnnealingRecipe | DryingRecipe:
    """The recipe of an environment from its arguments `recipe` and `material`.

    Raises:
        InputError: they don't fit together, or as `read_recipe` and `material_recipe`.
    """
    if name is None:
        return read_recipe(process, recipe)
    if recipe is not None and not isinstance(recipe, Mapping):
        raise InputError(
            "both a material and a recipe are given; beside a material, recipe is a dict of what shall differ"
        )
    return material_recipe(process, name, recipe or {})


def known_material(process: str, name: str) -> Material:
    """The material called `name`.

    Raises:
        InputError: there is none, or it is of the other process.
    """
    found = material(name)
    if found.process != process:
        other = "Annealing-v0" if found.process == "annealing" else "Drying-v0"
        raise InputError(
            f"material {name} is for {found.process}, this environment for {process}; "
            f"use morphsim:morphsim/{other}, or another material"
        )
    return found
