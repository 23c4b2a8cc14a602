"""Recipes of the films of one environment, whose pixels mean the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from morphsim.envs.names import environment_id
from morphsim.envs.randomize import FIXED
from morphsim.errors import InputError
from morphsim.simulator import Recipe, find_process, load_recipe, process_of
from morphsim.simulator.materials import Material, material
from morphsim.simulator.resolve import RecipeSource, resolve_recipe
from morphsim.text_files import read_toml


def other_recipe(own: Recipe, source: RecipeSource) -> Recipe:
    """A whole recipe for a film among those of the recipe `own`, whose width and boundary all share.

    A dict or a TOML file says what differs from the process's usual recipe at the width and with the boundary
    of `own`.

    Raises:
        InputError: another width or boundary, or as `resolve_recipe`.
    """
    if isinstance(source, str | Path):
        load_recipe(source)
        # Whether the file names a width is not to be seen in the recipe that it describes.
        source = read_toml(source)
    if source is None:
        source = {}
    if isinstance(source, Mapping):
        source = {**{name: getattr(own, name) for name in FIXED}, **source}
    recipe = resolve_recipe(source, process=own.process)
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


def with_parameters(recipe: Recipe, name: str, *layers: Mapping[str, Any]) -> Recipe:
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
        changed |= process_of(recipe).changes_of(material(name), layer) if name else layer
    return dataclasses.replace(recipe, **changed)


def material_recipe(process: str, name: str, source: RecipeSource, changes: Mapping[str, Any]) -> Recipe:
    """The recipe of a material, with some parameters that differ.

    Raises:
        InputError: as `known_material` and `resolve_recipe`.
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
