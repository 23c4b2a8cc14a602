"""A pixel means the same in every episode: all films of an environment have its width and boundary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import morphsim  # noqa: F401 - registers the environments
from morphsim.envs import DryingEnv
from morphsim.errors import InputError
from morphsim.simulator import DryingRecipe
from tests.envs.envs_helpers import IDS, TINY

OWN: dict[str, Any] = {"width": 8.0, "boundary": "no-flux", "kappa": 3e-4}


def test_a_partial_recipe_starts_from_the_usual_one_at_the_own_width_and_boundary(tmp_path: Path) -> None:
    path = tmp_path / "film.toml"
    path.write_text('process = "drying"\nblend_ratio = 0.4\n')
    expected = DryingRecipe(width=8.0, boundary="no-flux", blend_ratio=0.4)
    env = DryingEnv(**TINY, recipe=OWN)
    for partial in ({"blend_ratio": 0.4}, {"width": 8, "blend_ratio": 0.4}, expected, path, str(path)):
        _, info = env.reset(options={"recipe": partial})
        assert (env.film_recipe, info["boundary"]) == (expected, "no-flux")
    # A stripe must divide the width that the film will have.
    periodic = DryingEnv(**TINY, recipe={"width": 8.0})
    periodic.reset(options={"recipe": {"substrate_period": 8.0, "substrate_strength": 0.01}})
    assert periodic.film_recipe.width == 8.0
    env.reset(options={"recipe": None})
    assert env.film_recipe == DryingRecipe(width=8.0, boundary="no-flux")


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"width": 4.0}, "the recipe has width 4.0 and this environment 8.0; .* make another environment"),
        ({"boundary": "periodic"}, "has boundary 'periodic' and this environment 'no-flux'"),
        (DryingRecipe(), "has width 4.0 and this environment 8.0"),
        (DryingRecipe(width=8.0), "has boundary 'periodic'"),
    ],
)
def test_recipes_of_another_width_or_boundary_are_refused(recipe: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "film.toml"
    named = recipe.to_dict() if isinstance(recipe, DryingRecipe) else {"process": "drying", **recipe}
    path.write_text("".join(f"{name} = {value!r}\n" for name, value in named.items()))
    env = DryingEnv(**TINY, recipe=OWN)
    envs = gym.make_vec(IDS[0], num_envs=2, **TINY, recipe=OWN)
    frame, _ = env.reset(seed=0)
    for source in (recipe, path):
        for refusing in (env, envs):
            with pytest.raises(InputError, match=message):
                refusing.reset(options={"recipe": source})
    assert np.array_equal(env.frame[None] * 255, frame)


def test_the_vector_environment_keeps_its_width_too() -> None:
    envs = gym.make_vec(IDS[0], num_envs=2, **TINY, recipe=OWN)
    envs.reset(seed=0, options={"recipe": {"blend_ratio": 0.4}})
    assert envs.get_attr("film_recipe") == (DryingRecipe(width=8.0, boundary="no-flux", blend_ratio=0.4),) * 2
