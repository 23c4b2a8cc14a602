"""Recipes of the films of one environment, which share width and boundary."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from morphsim.envs.names import environment_id
from morphsim.envs.randomize import FIXED
from morphsim.errors import InputError
from morphsim.simulator import Recipe, Units, find_process, load_recipe, process_of
from morphsim.simulator.materials import Material, material
from morphsim.simulator.resolve import RecipeSource, resolve_recipe
from morphsim.text_files import read_toml


def other_recipe(own: Recipe, source: RecipeSource, units: Units | None = None) -> Recipe:
    """The recipe of one film in an environment with the recipe `own`, whose width and boundary it shares.

    A dict or a TOML file overrides parameters of the process's default recipe at the width and with the
    boundary of `own`. `units` convert quantities of its.

    Raises:
        InputError: another width or boundary, or as for `resolve_recipe`.
    """
    if isinstance(source, str | Path):
        load_recipe(source, units=units)
        # The loaded recipe does not show whether the file sets a width.
        source = read_toml(source)
    if source is None:
        source = {}
    if isinstance(source, Mapping):
        source = {**{name: getattr(own, name) for name in FIXED}, **source}
    recipe = resolve_recipe(source, process=own.process, units=units)
    check_same_pixels(own, recipe)
    return recipe


def check_same_pixels(own: Recipe, recipe: Recipe) -> None:
    """Check that a film has the width and the boundary of the recipe `own`.

    Raises:
        InputError: one of them differs.
    """
    for name in FIXED:
        given, fixed = getattr(recipe, name), getattr(own, name)
        if given != fixed:
            raise InputError(
                f"the recipe has {name} {given!r} and this environment {fixed!r}; a pixel must mean the "
                "same in every episode: leave it out, or make another environment"
            )


def with_parameters(recipe: Recipe, name: str, *layers: Mapping[str, Any]) -> Recipe:
    """A recipe with some parameters changed.

    Args:
        recipe: the recipe to change.
        name: of its material; empty for none.
        layers: parameters, where later ones override earlier ones.

    Raises:
        InputError: an invalid parameter.
    """
    changed: dict[str, Any] = {}
    for layer in layers:
        changed |= process_of(recipe).changes_of(material(name), layer) if name else layer
    return dataclasses.replace(recipe, **changed)


def material_recipe(process: str, name: str, source: RecipeSource, changes: Mapping[str, Any]) -> Recipe:
    """The recipe of a material, with some parameters changed.

    Raises:
        InputError: as for `known_material` and `resolve_recipe`.
    """
    known_material(process, name)
    return resolve_recipe(source, process=process, material_name=name, changes=changes)


def known_material(process: str, name: str) -> Material:
    """The material called `name`.

    Raises:
        InputError: there is none, or it is for films of another environment.
    """
    found = material(name)
    if not find_process(process).suits(found):
        raise InputError(
            f"material {name} is for {found.process}, this environment for {process}; "
            f"use {environment_id(found.process)}, or another material"
        )
    return found
