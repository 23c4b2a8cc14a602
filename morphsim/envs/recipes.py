"""Recipes of films from what a user gives: objects, parameters, files and names of materials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from morphsim.errors import InputError
from morphsim.simulator import AnnealingRecipe, DryingRecipe, Recipe, load_recipe, recipe_from_dict
from morphsim.simulator.materials import Material, material

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
    if source.process != process:
        raise InputError(
            f"the recipe is of {source.process}, this environment of {process}; use the other one"
        )
    assert isinstance(source, AnnealingRecipe | DryingRecipe)
    return source


def material_recipe(process: str, name: str, parameters: Mapping[str, Any]) -> AnnealingRecipe | DryingRecipe:
    """The recipe of a material, with some parameters that differ.

    Raises:
        InputError: no such material, one of the other process, or an impossible parameter.
    """
    found = known_material(process, name)
    changed = {key: value for key, value in parameters.items() if key != "process"}
    if process == "drying":
        return found.drying_recipe(**changed)
    return found.annealing_recipe(**changed)


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
