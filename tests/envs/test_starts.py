"""Films that start from the result of another process: frames, fields and recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsim.envs import AnnealingEnv, DryingEnv, VapourAnnealingEnv
from morphsim.errors import InputError
from morphsim.frames import FilmConfig, film_frames, simulate_film, write_frames
from morphsim.frames.film_file import recipe_text
from morphsim.simulator import AnnealingRecipe, DryingRecipe, VapourAnnealingRecipe, record_film

# A wide interface, so that few cells resolve the film.
DRIED = DryingRecipe(evaporation=3.0, solvent=0.4, width=2.0, chi=1.1, kappa=0.03)
TINY: dict[str, Any] = {"shape": (16, 32), "steps": 3}
PLAIN: dict[str, Any] = {**TINY, "cells": TINY["shape"]}
"""Films whose cells are pixels, so that nothing is resampled."""


def last_of(recipe: DryingRecipe | AnnealingRecipe, seed: int) -> Any:
    (last,) = record_film(recipe, seed=seed, frames=1, shape=TINY["shape"])
    return last


def test_a_recipe_is_dried_first_with_the_film_s_seed(tmp_path: Path) -> None:
    file = tmp_path / "dried.toml"
    file.write_text(recipe_text(DRIED))
    for start in (DRIED, DRIED.to_dict(), str(file)):
        env = VapourAnnealingEnv(**TINY, start=start, observation="fields")
        seen, info = env.reset(seed=3)
        last = last_of(DRIED, env.film_seed)
        np.testing.assert_allclose(seen, last.fields, atol=1e-6)
        # h0 is still that of the wet film, 500 nm.
        assert info["thickness_nm"] == pytest.approx(500.0 * last.thickness, rel=1e-3)
    recipe = env.recipe
    assert isinstance(recipe, VapourAnnealingRecipe)
    # The blend's parameters are kept; vapour, temperature and duration are those of annealing.
    assert (recipe.chi, recipe.width, recipe.solvent) == (1.1, 2.0, 0.1)
    assert recipe.initial_thickness == pytest.approx(DRIED.dry_thickness)
    assert recipe.ambient_vapour == VapourAnnealingRecipe().ambient_vapour


def test_the_last_frame_of_a_file(tmp_path: Path) -> None:
    snapshots = list(record_film(DRIED, seed=4, frames=3, shape=TINY["shape"], cells=TINY["shape"]))
    write_frames(tmp_path / "frames.h5", film_frames(DRIED, snapshots, seed=4, threshold=0.5))
    for name, row in (("frames.h5", 2), ("frames.h5:2", 2), ("frames.h5:0", 0)):
        env = VapourAnnealingEnv(**PLAIN, start=tmp_path / name)
        env.reset(seed=0)
        np.testing.assert_array_equal(env.frame, snapshots[row].share >= 0.5)
        assert env.recipe.initial_thickness == pytest.approx(snapshots[row].thickness)
        assert env.recipe.to_dict()["chi"] == 1.1
        *_, info = env.step(np.zeros(2, np.float32))
        assert not info["diverged"]


def test_the_last_fields_of_an_export(tmp_path: Path) -> None:
    config = FilmConfig(
        process="drying", set=("evaporation=3", "solvent=0.4", "kappa=0.03"), frames=2, out=tmp_path,
        export=("xdmf",), shape=TINY["shape"], cells=TINY["shape"], animation="none",
    )  # fmt: skip
    simulate_film(config, show_progress=False)
    env = VapourAnnealingEnv(
        **PLAIN, recipe={"kappa": 0.03}, start=tmp_path / "film_fields.h5", observation="fields"
    )
    seen, _ = env.reset(seed=0)
    *_, last = record_film(config.film_recipe(), seed=0, frames=2, shape=TINY["shape"], cells=TINY["shape"])
    np.testing.assert_allclose(seen, last.fields.clip(0, 1), atol=1e-6)
    # The file has lengths in nm only, so the unit is the film's present thickness.
    assert env.recipe.width == pytest.approx(4.0 / last.thickness, rel=1e-6)
    assert env.recipe.initial_thickness == 1.0


def test_films_of_one_component() -> None:
    annealed = last_of(AnnealingRecipe(), 1).fields
    films: dict[str, Any] = {**PLAIN, "recipe": {"kappa": 0.03}, "observation": "fields"}
    env = VapourAnnealingEnv(**films, start=annealed)
    seen, _ = env.reset(seed=0)
    # The solvent that the recipe says a dry film holds stands beside the solids.
    np.testing.assert_allclose(seen[0], 0.9 * annealed[0], atol=1e-6)
    np.testing.assert_allclose(seen.sum(axis=0), 0.9, atol=1e-6)
    again = VapourAnnealingEnv(**films, start=seen).reset(seed=0)[0]
    np.testing.assert_allclose(again, seen, atol=1e-6)


def solids_of(env: Any) -> float:
    """Thickness of the solids alone [nm]."""
    fields, info = env.reset(seed=2)
    share = float(fields.sum(axis=0).mean()) if len(fields) == 2 else 1.0
    return share * float(info["thickness_nm"])


def test_solids_stay_whatever_follows(tmp_path: Path) -> None:
    whole = DRIED.initial_thickness * (1.0 - DRIED.solvent) * 500.0
    snapshots = list(record_film(DRIED, seed=2, frames=4, shape=TINY["shape"]))
    write_frames(tmp_path / "wet.h5", film_frames(DRIED, snapshots, seed=2, threshold=0.5))
    config = FilmConfig(
        process="drying", set=("evaporation=3", "solvent=0.4"), frames=3, out=tmp_path, export=("xdmf",),
        shape=TINY["shape"], animation="none",
    )  # fmt: skip
    simulate_film(config, show_progress=False)
    for kind in (VapourAnnealingEnv, AnnealingEnv, DryingEnv):
        # A film that is wet in mid-drying, from a file and by its fields.
        starts = [f"{tmp_path / 'wet.h5'}:1", f"{tmp_path / 'film_fields.h5'}:1"]
        if kind is not DryingEnv:
            # A dry film can't be dried.
            starts += [DRIED, str(tmp_path / "wet.h5"), f"{tmp_path / 'film_fields.h5'}:2"]
        for start in starts:
            env = kind(**TINY, start=start, observation="fields")
            assert solids_of(env) == pytest.approx(whole, rel=2e-3), (kind, start)
            assert env.recipe.width * env.units.length_nm == pytest.approx(
                (4.0 if "fields" in str(start) else 2.0) * 500.0
            )


def test_units_of_another_process_keep_their_meaning() -> None:
    dried = AnnealingEnv(**TINY, start=DRIED)
    assert (dried.units.length_nm, dried.units.diffusivity) == (500.0, 1e-17)
    annealed = VapourAnnealingEnv(**TINY, start=AnnealingRecipe())
    assert (annealed.units.length_nm, annealed.units.diffusivity) == (100.0, 1e-10)
    assert VapourAnnealingEnv(**TINY, start=DRIED).units == DryingEnv(**TINY).units


@pytest.mark.parametrize(
    "options", [{"material": "p3ht-pcbm"}, {"recipe": {"chi": 1.2}}, {"chi": 1.3}, {"ambient_vapour": 0.2}]
)
def test_films_of_other_recipes_begin_as_the_same_film(options: dict[str, Any]) -> None:
    env = VapourAnnealingEnv(**TINY, start=DRIED)
    env.reset(seed=0, options=options)
    film = env.film_recipe
    facts = ("width", "boundary", "blend_ratio", "solvent", "initial_thickness")
    assert all(getattr(film, name) == getattr(env.recipe, name) for name in facts)


def test_what_the_film_is_can_not_be_drawn_or_changed() -> None:
    env = VapourAnnealingEnv(**TINY, start=DRIED, randomize=True)
    assert set(env.settings.randomizer.draws).isdisjoint({"blend_ratio", "initial_thickness"})
    with pytest.raises(InputError, match="reset can't change blend_ratio, which is that of the film"):
        env.reset(options={"blend_ratio": 0.4})
    with pytest.raises(InputError, match="randomize can't change solvent, which is that of the film"):
        VapourAnnealingEnv(**TINY, start=DRIED, randomize={"solvent": (0.1, 0.2)})


def test_the_user_s_choices_win_over_the_material_of_the_film() -> None:
    recipe = VapourAnnealingEnv(**TINY, start=DRIED, recipe={"chi": 1.0}).recipe
    assert recipe.to_dict()["chi"] == 1.0
    lent = VapourAnnealingEnv(**TINY, start=DRIED, material="p3ht-pcbm").recipe.to_dict()
    assert lent["n_donor"] == 180.0
    assert lent["width"] == 2.0
    own = VapourAnnealingEnv(**TINY, start=DRIED, recipe=VapourAnnealingRecipe(width=2.0)).recipe
    assert own.initial_thickness == pytest.approx(DRIED.dry_thickness)


def test_the_command_takes_what_is_said_though_it_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "dried.toml").write_text(recipe_text(DRIED))
    config = FilmConfig(process="vapour-annealing", start=str(tmp_path / "dried.toml"), set=("chi=1.0",))
    assert config.film_recipe().to_dict()["chi"] == 1.0
    other = FilmConfig(process="vapour-annealing", start=str(tmp_path / "dried.toml"), set=("width=4.0",))
    with pytest.raises(InputError, match=r"start is a film of width 2.0, and the recipe has 4.0"):
        other.film_recipe()


def test_a_swelling_film_stays_within_its_observation() -> None:
    env = VapourAnnealingEnv(shape=(16, 32), steps=10, observation="dict")
    env.reset(seed=0)
    for _ in range(10):
        seen, *_, info = env.step(np.array([1.0, 0.0], np.float32))
    assert seen["state"][1] == pytest.approx(info["thickness_nm"] / 100.0, rel=1e-5)
    assert info["thickness_nm"] > 200.0


def test_states_of_films_that_were_dried_first_are_restored() -> None:
    env, other = (VapourAnnealingEnv(**TINY, start=DRIED) for _ in range(2))
    env.reset(seed=0)
    env.step(np.array([0.5, 0.0], np.float32))
    state = env.get_state()
    other.reset(seed=9)
    other.set_state(state)
    action = np.array([-1.0, 1.0], np.float32)
    one, two = env.step(action), other.step(action)
    np.testing.assert_array_equal(one[0], two[0])
    assert one[4] == two[4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": np.zeros((3, 16, 32))}, r"start is an array of float64 of the shape \(3, 16, 32\)"),
        ({"start": np.full((1, 16, 32), np.nan)}, "start holds NaN"),
        (
            {"start": np.full((2, 16, 16), 0.4)},
            r"16 x 16 cells, and the shape is 16 x 32; use the shape 16 x 16, or as many cells",
        ),
        ({"start": "nowhere.h5"}, r"start is nowhere.h5, and there is no file nowhere.h5; give a recipe"),
        ({"start": "nowhere.toml"}, "nowhere.toml"),
        ({"start": 7}, "start is 7; give a recipe"),
        ({"start": ""}, "start is ''; give a recipe"),
        ({"start": np.zeros((2, 16, 32))}, "start holds places without solids"),
        ({"start": np.full((2, 16, 32), 0.6)}, "start holds a volume fraction of -0.2"),
        ({"start": VapourAnnealingRecipe()}, "whose films are known only when they are made"),
        ({"start": {"evaporation": 1.0}}, "process is None"),
        ({"start": DRIED, "recipe": {"width": 3.0}}, "start is a film of width 2.0, and the recipe has 3.0"),
        ({"material": "opv-frames"}, "use morphsim:morphsim/Annealing-v0, or another material"),
    ],
)
def test_starts_that_can_t_be(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        VapourAnnealingEnv(**{**TINY, **arguments})


def test_a_file_without_fields_or_frames_is_refused(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "half.h5", "w") as file:
        file["donor"] = np.zeros((2, 16, 32))
    with pytest.raises(InputError, match=r"half\.h5: its dataset acceptor is missing"):
        VapourAnnealingEnv(**TINY, start=tmp_path / "half.h5")
