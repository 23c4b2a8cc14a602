"""The solver's grid beside the shape of the frames: films, environments, starts and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from envs_helpers import IDS, TINY, assert_same

from morphsim.envs import AnnealingEnv, DryingEnv, VapourAnnealingEnv
from morphsim.errors import InputError
from morphsim.frames import DatasetConfig, FilmConfig, make_dataset, read_frames, simulate_film
from morphsim.simulator import (
    AnnealingRecipe,
    DryingRecipe,
    Recipe,
    find_process,
    record_film,
    resample_fields,
)
from morphsim.simulator.film_start import FilmStart

KAPPA = 0.03
"""A gradient coefficient for which a few cells resolve the interfaces."""
RECIPES = (
    AnnealingRecipe(kappa=KAPPA, duration=0.01),
    DryingRecipe(kappa=KAPPA, evaporation=3.0),
    AnnealingRecipe(kappa=KAPPA, duration=0.01, boundary="no-flux"),
)
WIDE: dict[str, Any] = {**TINY, "recipe": {"kappa": KAPPA}}
COARSE = (8, 24)
"""Cells under frames of 16 x 32: fewer of them along both axes, along x by no whole number."""


@pytest.mark.parametrize("recipe", RECIPES, ids=["annealing", "drying", "walls"])
@pytest.mark.parametrize("cells", [COARSE, (16, 32), (20, 40), (1, 64)])
def test_snapshots_are_those_of_the_solver_resampled(recipe: Recipe, cells: tuple[int, int]) -> None:
    solved = list(record_film(recipe, seed=3, frames=2, shape=cells, cells=cells))
    shown = list(record_film(recipe, seed=3, frames=2, shape=(16, 32), cells=cells))
    for one, other in zip(solved, shown, strict=True):
        expected = resample_fields(one.fields, (16, 32), boundary=recipe.boundary)
        np.testing.assert_array_equal(other.fields, expected)
        assert other.cells == one.cells == cells
        assert (other.time, other.thickness, other.free_energy) == (one.time, one.thickness, one.free_energy)


@pytest.mark.parametrize("name", IDS)
def test_frames_and_fields_of_environments(name: str) -> None:
    action = np.full(gym.make(name, **WIDE).action_space.shape, 0.3, np.float32)
    env = gym.make(name, **WIDE, cells=COARSE, observation="fields", render_mode="rgb_array").unwrapped
    solver = gym.make(name, **{**WIDE, "shape": COARSE}, cells=COARSE, observation="fields").unwrapped
    assert (env.shape, env.cells, solver.cells) == ((16, 32), COARSE, COARSE)
    seen, info = env.reset(seed=5)
    fields, own = solver.reset(seed=5)
    for _ in range(2):
        assert_same(info, own)
        expected = resample_fields(fields, (16, 32), boundary=env.recipe.boundary)
        np.testing.assert_allclose(seen, expected, atol=1e-6)
        share = seen[0] if len(seen) == 1 else seen[0] / seen.sum(axis=0)
        clear = np.abs(share - 0.5) > 1e-5
        np.testing.assert_array_equal(env.frame[clear], (share >= 0.5)[clear])
        assert env.render().shape == (16, 32, 3)
        (seen, *_, info), (fields, *_, own) = env.step(action), solver.step(action)
    state = env.get_state()
    other = gym.make(name, **WIDE, cells=COARSE, observation="fields").unwrapped
    other.set_state(state)
    np.testing.assert_array_equal(other.step(action)[0], env.step(action)[0])
    with pytest.raises(InputError, match="snapshot"):
        gym.make(name, **WIDE, cells=(16, 32)).unwrapped.set_state(state)


@pytest.mark.parametrize("observation", ["frame", "fields", "dict"])
def test_vector_environments_see_the_same(observation: str) -> None:
    options: dict[str, Any] = {**WIDE, "cells": COARSE, "observation": observation}
    options["randomize"] = {"chi": (0.8, 1.2)}
    envs = gym.make_vec(IDS[0], num_envs=2, **options)
    singles = [gym.make(IDS[0], **options) for _ in range(2)]
    seen, _ = envs.reset(seed=1)
    assert envs.get_attr("cells") == (COARSE, COARSE)
    for row, env in enumerate(singles):
        first, _ = env.reset(seed=1 + row)
        assert_same(
            {"a": first}, {"a": seen[row] if observation != "dict" else {k: v[row] for k, v in seen.items()}}
        )
    actions = envs.action_space.sample()
    seen, *_ = envs.step(actions)
    for row, env in enumerate(singles):
        first, *_ = env.step(actions[row])
        assert_same(
            {"a": first}, {"a": seen[row] if observation != "dict" else {k: v[row] for k, v in seen.items()}}
        )


def test_the_default_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, process = AnnealingRecipe(kappa=KAPPA, duration=0.01), find_process("annealing")
    assert process.cells(recipe, (16, 32)) == (16, 32)
    monkeypatch.setattr(type(process), "cells", lambda self, recipe, shape: (shape[0] // 2, shape[1]))
    (film,) = record_film(recipe, seed=0, frames=1, shape=(16, 32))
    assert film.cells == (8, 32)
    assert film.fields.shape == (1, 16, 32)
    assert AnnealingEnv(**WIDE).cells == (8, 32)
    assert DryingEnv(**WIDE, cells=(16, 32)).cells == (16, 32)


def test_frames_of_few_pixels_are_solved_on_cells_that_resolve_the_film() -> None:
    (film,) = record_film(DryingRecipe(evaporation=3.0), seed=0, frames=1, shape=(16, 32))
    assert film.cells == DryingEnv(**TINY).cells == (16, 240)
    assert film.fields.shape == (2, 16, 32)


@pytest.mark.parametrize("shape", [(16, 32), COARSE])
def test_films_start_from_fields_of_either_shape(shape: tuple[int, int]) -> None:
    (last,) = record_film(
        DryingRecipe(kappa=KAPPA, evaporation=3.0, solvent=0.4), seed=1, frames=1, shape=shape, cells=shape
    )
    env = VapourAnnealingEnv(**WIDE, cells=COARSE, start=last.fields, observation="fields")
    seen, _ = env.reset(seed=0)
    solved = resample_fields(last.fields, COARSE, boundary="periodic")
    np.testing.assert_allclose(seen, resample_fields(solved, (16, 32), boundary="periodic"), atol=1e-6)
    (film,) = record_film(
        env.recipe, seed=0, frames=1, shape=(16, 32), cells=COARSE, fields=last.fields.astype(np.float64)
    )
    assert film.fields.shape == (2, 16, 32)


def test_a_film_that_is_dried_first_has_the_same_cells() -> None:
    dried = DryingRecipe(kappa=KAPPA, evaporation=3.0, solvent=0.4)
    env = VapourAnnealingEnv(**TINY, cells=COARSE, start=dried, observation="fields")
    seen, _ = env.reset(seed=0)
    (last,) = record_film(dried, seed=env.film_seed, frames=1, shape=(16, 32), cells=COARSE)
    np.testing.assert_allclose(seen, last.fields, atol=1e-6)


def test_other_shapes_of_a_start_are_refused() -> None:
    start = FilmStart(process="annealing", phi=np.full((1, 8, 8), 0.5))
    start.check_shape((8, 8), (4, 4))
    start.check_shape((4, 4), (8, 8))
    with pytest.raises(InputError, match="8 x 8 cells, and the shape is 16 x 32; use the shape 8 x 8, or"):
        start.check_shape((16, 32), (4, 4))


def test_files_tell_the_cells(tmp_path: Path) -> None:
    film = FilmConfig(
        process="annealing", set=("duration=0.01", f"kappa={KAPPA}"), out=tmp_path / "film", frames=2,
        shape=(16, 32),
        cells=COARSE, animation="none",
    )  # fmt: skip
    report = simulate_film(film, show_progress=False)
    assert (report.shape, report.cells) == ((16, 32), COARSE)
    assert json.loads(json.dumps(report.to_dict()))["cells"] == list(COARSE)
    stored = read_frames(tmp_path / "film" / "frames.h5")
    assert (stored.shape, stored.cells) == ((16, 32), COARSE)
    for cells in (None, COARSE):
        config = DatasetConfig(
            process="annealing", set=("duration=0.01", f"kappa={KAPPA}"), out=tmp_path / f"{cells}.h5",
            frames=2,
            shape=(16, 32), cells=cells, replicas=2,
        )  # fmt: skip
        films = read_frames(make_dataset(config, show_progress=False))
        assert films.cells == (cells or (16, 32))
        plan = config.plan()
        snapshots = record_film(
            plan.film_recipe(1), seed=plan.film_seed(1), frames=2, shape=(16, 32), cells=cells
        )
        np.testing.assert_array_equal(films.frames[2:], [snapshot.share >= 0.5 for snapshot in snapshots])
