"""A spin speed of a material always means the same drying rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

from morphsim.envs import DryingEnv
from morphsim.errors import InputError
from morphsim.frames import FilmConfig
from morphsim.simulator import DryingRecipe
from morphsim.simulator.materials import material
from tests.envs.envs_helpers import IDS, TINY

NAME, SPEED = "pdpp5t-pcbm", 3000.0


def film_of(env: Any, **options: Any) -> DryingRecipe:
    env.reset(seed=0, options=options or None)
    recipe = env.get_wrapper_attr("film_recipe")
    assert isinstance(recipe, DryingRecipe)
    return recipe


def test_a_published_rate_is_meant_wherever_a_spin_speed_is_said() -> None:
    said = {"spin_speed": SPEED}
    config = FilmConfig(out=Path("film"), material=NAME, set=(f"spin_speed={SPEED}",), shape=(16, 32))
    drawn = gym.make_vec(IDS[0], 2, **TINY, material=NAME, randomize={"spin_speed": [SPEED] * 3})
    drawn.reset(seed=0)
    found = [
        material(NAME).drying_recipe(spin_speed=SPEED),
        film_of(DryingEnv(**TINY, material=NAME, recipe=said)),
        film_of(DryingEnv(**TINY, material=NAME), **said),
        film_of(DryingEnv(**TINY, material="wodo-model"), material=NAME, **said),
        film_of(DryingEnv(**TINY, material=NAME, randomize={"spin_speed": [SPEED] * 3})),
        film_of(DryingEnv(**TINY, randomize={"material": [NAME] * 3, "spin_speed": (SPEED, SPEED)})),
        *drawn.get_attr("film_recipe"),
        config.film_recipe(),
    ]
    for recipe in found:
        assert recipe.spin_speed == recipe.reference_spin_speed == SPEED
        assert recipe.evaporation == pytest.approx(0.0051)
    # The rate is in the middle of the knob, and the film dries at it.
    env = DryingEnv(**TINY, material=NAME, recipe=said, knobs=["evaporation"])
    _, info = env.reset(seed=0)
    _, *_, info = env.step(env.action_of())
    units = material(NAME).units
    assert info["evaporation_nm_per_s"] == pytest.approx(units.evaporation_nm_per_s(0.0051))


def test_a_reference_asks_for_the_square_root_and_other_materials_know_nothing_else() -> None:
    own = material(NAME).evaporation
    recipe = film_of(DryingEnv(**TINY, material=NAME), spin_speed=SPEED, reference_spin_speed=1500.0)
    assert (recipe.evaporation, recipe.spin_speed, recipe.reference_spin_speed) == (own, SPEED, 1500.0)
    for env in (
        DryingEnv(**TINY, material="wodo-model", recipe={"spin_speed": SPEED}),
        DryingEnv(**TINY, recipe={"spin_speed": SPEED}),
    ):
        recipe = film_of(env)
        assert (recipe.spin_speed, recipe.reference_spin_speed) == (SPEED, 1500.0)


def test_a_speed_and_a_rate_at_once_and_speeds_far_from_the_published_ones_are_refused() -> None:
    with pytest.raises(InputError, match="spin_speed and evaporation both set the drying rate"):
        DryingEnv(**TINY, material=NAME, recipe={"spin_speed": SPEED, "evaporation": 0.1})
    env = DryingEnv(**TINY, material=NAME)
    with pytest.raises(InputError, match=r"spin_speed is 200.* rpm; for pdpp5t-pcbm it must lie from 250"):
        env.reset(options={"spin_speed": 200.0})
    with pytest.raises(InputError, match="spin_speed is 'fast'; it must be a number"):
        env.reset(options={"spin_speed": "fast"})
    with pytest.raises(InputError, match="randomize may draw an impossible film: spin_speed is 200"):
        DryingEnv(**TINY, material=NAME, randomize={"spin_speed": (200.0, 3000.0)})


def test_a_drying_rate_given_at_reset_overrides_a_drawn_one() -> None:
    arguments: dict[str, Any] = {**TINY, "material": NAME, "knobs": ["temperature"]}
    spun = DryingEnv(**arguments, randomize={"spin_speed": [SPEED] * 3})
    assert spun.reset(seed=0, options={"evaporation": 0.01})[1]["evaporation_nm_per_s"] == pytest.approx(
        material(NAME).units.evaporation_nm_per_s(0.01)
    )
    rated = DryingEnv(**arguments, randomize={"evaporation": (0.002, 0.004)})
    assert film_of(rated, spin_speed=SPEED).evaporation == pytest.approx(0.0051)
