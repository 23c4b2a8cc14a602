"""Films that start from the result of another process: frames, fields and recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsim.envs import VapourAnnealingEnv
from morphsim.errors import InputError
from morphsim.frames import FilmConfig, film_frames, simulate_film, write_frames
from morphsim.frames.simulate import recipe_text
from morphsim.simulator import AnnealingRecipe, DryingRecipe, VapourAnnealingRecipe, record_film

DRIED = DryingRecipe(evaporation=3.0, solvent=0.4, width=2.0, chi=1.1)
TINY: dict[str, Any] = {"shape": (16, 32), "steps": 3}


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
    snapshots = list(record_film(DRIED, seed=4, frames=3, shape=TINY["shape"]))
    write_frames(tmp_path / "frames.h5", film_frames(DRIED, snapshots, seed=4, threshold=0.5))
    for name, row in (("frames.h5", 2), ("frames.h5:2", 2), ("frames.h5:0", 0)):
        env = VapourAnnealingEnv(**TINY, start=tmp_path / name)
        env.reset(seed=0)
        np.testing.assert_array_equal(env.frame, snapshots[row].share >= 0.5)
        assert env.recipe.initial_thickness == pytest.approx(snapshots[row].thickness)
        assert env.recipe.to_dict()["chi"] == 1.1
        *_, info = env.step(np.zeros(2, np.float32))
        assert not info["diverged"]


def test_the_last_fields_of_an_export(tmp_path: Path) -> None:
    config = FilmConfig(
        process="drying", set=("evaporation=3", "solvent=0.4"), frames=2, out=tmp_path, export=("xdmf",),
        shape=TINY["shape"], animation="none",
    )  # fmt: skip
    simulate_film(config, show_progress=False)
    env = VapourAnnealingEnv(**TINY, start=tmp_path / "film_fields.h5", observation="fields")
    seen, _ = env.reset(seed=0)
    *_, last = record_film(config.film_recipe(), seed=0, frames=2, shape=TINY["shape"])
    np.testing.assert_allclose(seen, last.fields.clip(0, 1), atol=1e-6)
    # The file has lengths in nm only, so the unit is the film's present thickness.
    assert env.recipe.width == pytest.approx(4.0 / last.thickness, rel=1e-6)
    assert env.recipe.initial_thickness == 1.0


def test_fields_and_films_of_one_component() -> None:
    annealed = last_of(AnnealingRecipe(), 1).fields
    env = VapourAnnealingEnv(**TINY, start=annealed, observation="fields")
    seen, _ = env.reset(seed=0)
    np.testing.assert_allclose(seen[0], 0.9 * annealed[0], atol=1e-6)
    np.testing.assert_allclose(seen.sum(axis=0), 0.9, atol=1e-6)
    again = VapourAnnealingEnv(**TINY, start=seen, observation="fields").reset(seed=0)[0]
    np.testing.assert_allclose(again, seen, atol=1e-6)


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
            r"16 x 16 cells, and the shape is 16 x 32; use",
        ),
        ({"start": "nowhere.h5"}, "nowhere.h5 does not exist"),
        ({"start": "nowhere.toml"}, "nowhere.toml"),
        ({"start": 7}, "start is 7; give a recipe"),
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
