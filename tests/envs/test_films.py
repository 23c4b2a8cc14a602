"""The film of an episode, its observations, and the ends of its steps."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from matplotlib import pyplot

import morphsim  # noqa: F401 - registers the environments
from morphsim.envs import AnnealingEnv, DryingEnv
from morphsim.envs.randomize import default_ranges
from morphsim.errors import InputError
from morphsim.simulator import ANNEALING_UNITS, AnnealingRecipe, DryingRecipe, Units
from morphsim.simulator.materials import MATERIALS, material
from tests.envs.envs_helpers import IDS, SMALL, TINY


def test_a_material_gives_recipe_units_and_reach() -> None:
    env = DryingEnv(**TINY, material="p3ht-pcbm", recipe={"blend_ratio": 0.4})
    known = material("p3ht-pcbm")
    assert env.recipe == known.drying_recipe(blend_ratio=0.4)
    assert env.units == known.units
    assert (env.panel.knobs[0].low, env.panel.knobs[0].high) == pytest.approx((6.6e-6, 6.6e-4))
    assert env.action_of()[0] == pytest.approx(0.0, abs=1e-6)
    _, info = env.reset(seed=0)
    assert (info["material"], info["thickness_nm"]) == ("p3ht-pcbm", known.units.length_nm)
    other = Units(length_nm=100.0, diffusivity=1e-9)
    assert DryingEnv(**TINY, material="p3ht-pcbm", units=other).units == other
    assert AnnealingEnv(**TINY, material="opv-frames").recipe.boundary == "no-flux"


def test_every_material_makes_films() -> None:
    for name, known in MATERIALS.items():
        kind = DryingEnv if known.process == "drying" else AnnealingEnv
        env = kind(shape=(24, 48), steps=6, material=name)
        env.reset(seed=0)
        _, _, terminated, truncated, info = env.step(env.action_of())
        assert (terminated, truncated, info["material"]) == (False, False, name)


def test_reset_makes_one_film_to_order() -> None:
    env = DryingEnv(**TINY, recipe={"width": 2.0, "boundary": "no-flux", "kappa": 3e-4})
    order = {"blend_ratio": 0.4, "initial_thickness": 1.5, "substrate_strength": 0.01}
    _, info = env.reset(seed=0, options=order)
    assert env.film_recipe == DryingRecipe(width=2.0, boundary="no-flux", kappa=3e-4, **order)
    assert info["thickness_nm"] == 750.0
    seed = info["film_seed"]
    _, info = env.reset(seed=0, options={"material": "pdpp5t-pcbm", "solvent": 0.85})
    expected = material("pdpp5t-pcbm").drying_recipe(width=2.0, boundary="no-flux", solvent=0.85)
    assert (env.film_recipe, info["material"], info["film_seed"]) == (expected, "pdpp5t-pcbm", seed)
    assert info["thickness_nm"] == 1000.0
    _, info = env.reset()
    assert (env.film_recipe, info["material"], info["thickness_nm"]) == (env.recipe, "", 500.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 2.0}, "reset can't change width, since .* make another environment"),
        ({"boundary": "no-flux"}, "reset can't change boundary, since"),
        ({"blend_ratio": 2.0}, "blend_ratio is 2"),
        ({"blend_ratio": "half"}, "blend_ratio is 'half'"),
        ({"material": "gold"}, "there is no material 'gold'"),
        (
            {"material": "opv-frames"},
            "for annealing, this environment for drying; use morphsim:morphsim/Annea",
        ),
        ({"material": "p3ht-pcbm", "recipe": {}}, "both a recipe and a material"),
        ({"recipe": AnnealingRecipe()}, "the recipe is of annealing"),
        ({"film_seed": "one"}, "film_seed is 'one'; it must be a whole number of at least 0"),
        ({"film_seed": 2**63}, "film_seed is 9223372036854775808; it must be a whole number .* below 2"),
        ({"film_seed": -1}, "film_seed is -1"),
        ({"solvent": 0.1}, "residual_solvent 0.1 is not below solvent"),
        # At some settings of the knobs this film would dry too fast to simulate.
        ({"spin_speed": 12000.0, "reference_spin_speed": 100.0}, "knobs are too wide for .* Biot number"),
        (
            {"activation_energy": 60.0, "reference_temperature": 250.0, "evaporation_enthalpy": 60.0},
            "too wide",
        ),
    ],
)
def test_impossible_films_are_refused_at_reset(options: dict[str, Any], message: str) -> None:
    env = DryingEnv(**TINY, ranges={"evaporation": (0.03, 20.0)})
    first, _ = env.reset(seed=0)
    with pytest.raises(InputError, match=message):
        env.reset(options=options)
    assert np.array_equal(env.frame[None] * 255, first)


@pytest.mark.parametrize("name", IDS)
def test_randomised_films_differ_and_follow_the_seed(name: str) -> None:
    env, again = (gym.make(name, **TINY, randomize=True).unwrapped for _ in range(2))
    plain = gym.make(name, **TINY).unwrapped
    ranges = default_ranges(env.recipe)  # type: ignore[attr-defined]
    recipes, seen = [], {key: [] for key in ranges}
    for episode in range(40):
        seed = 3 if episode == 0 else None
        _, info = env.reset(seed=seed)
        assert info == again.reset(seed=seed)[1]
        if episode == 0:
            assert info["film_seed"] == plain.reset(seed=seed)[1]["film_seed"]
        recipes.append(env.film_recipe)  # type: ignore[attr-defined]
        for key, (low, high) in ranges.items():
            value = getattr(recipes[-1], key)
            assert low <= value <= high
            seen[key].append((value - low) / (high - low))
    assert len(set(recipes)) == 40
    assert all(min(values) < 0.2 and max(values) > 0.8 for values in seen.values())
    fixed = set(recipes[0].to_dict()) - set(ranges)
    assert {"width", "boundary", "temperature", "duration"} <= fixed
    assert all(recipe.to_dict()[key] == recipes[0].to_dict()[key] for recipe in recipes for key in fixed)


def test_choices_of_numbers_texts_and_materials() -> None:
    wanted = {
        "n_donor": [5, 20, 100],
        "mobility": ("wodo", "constant"),
        "material": ["p3ht-pcbm", "wodo-model"],
    }
    env = DryingEnv(**TINY, randomize=wanted)
    turned = DryingEnv(**TINY, randomize=dict(reversed(wanted.items())))
    films = set()
    for number in range(30):
        _, info = env.reset(seed=number)
        assert info == turned.reset(seed=number)[1]
        recipe = env.film_recipe
        assert isinstance(recipe, DryingRecipe)
        assert recipe.chi == material(info["material"]).chi
        assert (recipe.width, recipe.boundary) == (4.0, "periodic")
        films.add((info["material"], recipe.n_donor, recipe.mobility))
    assert len(films) == 12
    # Options of reset override the draws, and later draws are unchanged.
    env.reset(seed=0, options={"n_donor": 7.0, "material": "wodo-model-n20"})
    assert (env.film_recipe.n_donor, env.film_recipe.chi) == (7.0, 1.0)  # type: ignore[attr-defined]
    state = env.np_random.bit_generator.state
    env.reset(seed=0)
    assert env.np_random.bit_generator.state == state


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (3, "randomize is 3; use True, or ranges"),
        ({"colour": (0, 1)}, "randomize has no 'colour' for drying; use one of material, blend_ratio"),
        ({"width": (1.0, 2.0)}, "randomize can't change width"),
        ({"chi": 1.0}, "chi = 1.0; give two numbers"),
        ({"chi": (2.0, 1.0)}, "give two numbers .low, high. with low not above high"),
        ({"chi": [1.0]}, "give two numbers .low, high. with low"),
        ({"chi": (1.0, "much")}, "numbers only, or texts only"),
        ({"chi": (1.0, float("nan"))}, "numbers only, or texts only"),
        ({"chi": (1.0, 9.0)}, "randomize may draw an impossible film: .*chi is 9"),
        ({"mobility": ["wodo", "fast"]}, "mobility is 'fast'"),
        ({"material": "p3ht-pcbm"}, "material = 'p3ht-pcbm'; give"),
        ({"material": ["p3ht-pcbm", "opv-frames"]}, "opv-frames is for annealing"),
        ({"substrate_period": (1.0, 2.0)}, "few divide the width"),
        (
            {"solvent": (0.3, 0.8), "residual_solvent": (0.1, 0.4)},
            "residual_solvent 0.4 is not below solvent 0.3",
        ),
        ({"evaporation_enthalpy": (30, 60), "reference_temperature": (250.0, 300.0)}, "Biot number"),
    ],
)
def test_ranges_that_can_t_be_are_refused_at_once(wanted: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        DryingEnv(**TINY, randomize=wanted)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"material": "opv-frames"}, "use morphsim:morphsim/Annealing-v0, or another material"),
        (
            {"material": "p3ht-pcbm", "recipe": DryingRecipe()},
            "a recipe must be a dict of parameters to override",
        ),
        ({"observation": "sound"}, "observation is 'sound'; use one of frame, fields, dict"),
        ({"step_time_s": 0.0}, "step_time_s is 0"),
        ({"longest_step": -1.0}, "longest_step is -1"),
        ({"step_time_s": 1.0, "longest_step": 1.0}, "leave it out where step_time_s is given"),
        ({"threshold": 1.5}, "threshold is 1.5"),
        ({"tolerance": 0.0}, "tolerance is 0.0"),
        ({"device": "abacus"}, "device 'abacus' is unknown"),
        ({"shape": (0, 32)}, r"a side of the shape \(0, 32\) is 0"),
        ({"ranges": {"temperature": (200.0, 300.0)}}, "it must stay within 250 to 400"),
        (
            {"ranges": {"evaporation": (1.0, 20.0), "temperature": (300.0, 400.0)}},
            "the knobs are too wide",
        ),
    ],
)
def test_errors_of_invalid_arguments_say_how_to_fix_them(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DryingEnv(**{**TINY, **arguments})


def test_fields_are_volume_fractions() -> None:
    env = DryingEnv(**SMALL, observation="fields")
    fields, _ = env.reset(seed=0)
    assert (fields.shape, fields.dtype) == ((2, 36, 64), np.float32)
    # 0.2 of the wet film are solids, half of them donor.
    assert fields.mean(axis=(1, 2)) == pytest.approx([0.1, 0.1], abs=1e-5)
    for _ in range(4):
        fields, _, terminated, *_ = env.step(env.action_of())
    assert terminated
    # The height is that of the dry film, which keeps the recipe's residual share of solvent.
    assert fields.sum(axis=0).mean() == pytest.approx(0.9, abs=2e-3)
    assert np.array_equal(env.frame, (fields[0] / fields.sum(axis=0) >= 0.5).astype(np.uint8))
    annealed, _ = AnnealingEnv(**SMALL, observation="fields").reset(seed=0, options={"blend_ratio": 0.3})
    assert annealed.shape == (1, 36, 64)
    assert annealed.mean() == pytest.approx(0.3, abs=1e-5)


def test_the_process_state_agrees_with_info() -> None:
    env = DryingEnv(**SMALL, observation="dict", knobs=["temperature", "evaporation"])
    assert env.state_names == ("dryness", "thickness", "step_fraction", "temperature", "evaporation")
    observation, _ = env.reset(seed=0, options={"initial_thickness": 2.0})
    assert observation["state"] == pytest.approx([0, 1, 0, *env.action_of()], abs=1e-6)
    action = np.array([0.25, 1.0], np.float32)
    observation, _, _, _, info = env.step(action)
    thickness = info["thickness_nm"] / 1000.0
    assert observation["state"] == pytest.approx([info["dryness"], thickness, 1 / 8, 0.25, 1.0], abs=1e-6)
    assert np.array_equal(observation["frame"][0], env.frame * 255)
    annealing = AnnealingEnv(**SMALL, observation="dict")
    assert annealing.state_names == ("thickness", "step_fraction", "temperature")
    observation, _ = annealing.reset(seed=0)
    observation, *_ = annealing.step(np.array([-0.5]))
    assert observation["state"] == pytest.approx([1.0, 0.25, -0.5], abs=1e-6)


def test_the_process_state_stays_within_its_bounds_when_a_film_swells() -> None:
    recipe = {"solvent": 0.2, "ambient_vapour": 0.9, "evaporation": 10.0}
    env = DryingEnv(**TINY, observation="dict", recipe=recipe, knobs=["temperature"], longest_step=5.0)
    observation, _ = env.reset(seed=0)
    for _ in range(6):
        observation, *_, info = env.step(np.ones(1))
        assert observation in env.observation_space
    assert info["dryness"] < -1.0
    assert observation["state"][:2] == pytest.approx([-1.0, 2.0])


def test_steps_even_in_time() -> None:
    env = DryingEnv(**SMALL, step_time_s=2e-3, recipe={"evaporation": 3.0})
    assert env.limit == SMALL["steps"]
    env.reset(seed=0)
    for number in range(4):
        _, _, terminated, truncated, info = env.step(env.action_of())
        if terminated:
            break
        assert info["time_s"] == pytest.approx(2e-3 * (number + 1), rel=1e-9)
        assert truncated == (number == 3)
    slow = AnnealingEnv(**SMALL, step_time_s=7.0)
    slow.reset(seed=0)
    for number in range(4):
        *_, truncated, info = slow.step(np.zeros(1))
        assert info["time_s"] == pytest.approx(7.0 * (number + 1), rel=1e-9)
        assert truncated == (number == 3)
    # For a material with other scales the same time in seconds differs in units of the simulation.
    fast = AnnealingEnv(
        **SMALL, step_time_s=7.0, units=Units(length_nm=50.0, diffusivity=ANNEALING_UNITS.diffusivity)
    )
    fast.reset(seed=0)
    *_, info = fast.step(np.zeros(1))
    assert info["time_s"] == pytest.approx(7.0, rel=1e-9)


def test_a_film_that_dries_within_a_timed_step_ends_there() -> None:
    env = DryingEnv(**SMALL, step_time_s=1.0)
    env.reset(seed=0)
    _, _, terminated, truncated, info = env.step(np.ones(3, np.float32) * [1, -1, 1])
    assert (terminated, truncated) == (True, False)
    assert info["time_s"] < 1.0
    assert info["dryness"] == pytest.approx(1.0, abs=1e-3)


def test_without_a_screen_a_window_gives_a_warning() -> None:
    env = AnnealingEnv(**TINY, render_mode="human")
    with pytest.warns(UserWarning, match="backend agg opens no window; install a GUI toolkit"):
        env.reset(seed=0)
    # The warning appears once.
    env.step(np.zeros(1))
    assert env.render() is None
    env.close()
    env.close()


def test_a_window_shows_each_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    # A figure without a screen stands in for the window.
    monkeypatch.setattr("morphsim.envs.picture._backends_with_windows", lambda: ["agg"])
    pauses: list[float] = []
    monkeypatch.setattr(pyplot, "pause", pauses.append)
    env, painted = (DryingEnv(**TINY, render_mode=mode) for mode in ("human", "rgb_array"))
    assert not pyplot.get_fignums()
    env.reset(seed=0)
    painted.reset(seed=0)
    # The window has the proportions of the film, 1 h0 high, and not those of its pixels.
    wide, high = pyplot.gcf().get_size_inches()
    assert wide / high == pytest.approx(env.film_recipe.width)
    for _ in range(2):
        env.step(env.action_of())
        assert np.array_equal(env.share >= 0.5, env.frame == 1)
        painted.step(env.action_of())
        (image,) = pyplot.gcf().axes[0].images
        assert np.array_equal(image.get_array(), painted.render())
    assert pauses == [0.1] * 3
    # A closed window is opened again.
    pyplot.close("all")
    env.step(env.action_of())
    assert len(pyplot.get_fignums()) == 1
    # A copy opens its own window.
    assert pickle.loads(pickle.dumps(env))._window._figure is None
    env.close()
    assert not pyplot.get_fignums()


def test_gymnasium_collects_pictures() -> None:
    env = gym.wrappers.RenderCollection(gym.make(IDS[0], **TINY, render_mode="rgb_array"))
    env.reset(seed=0)
    for _ in range(2):
        env.step(env.action_space.sample())
    pictures = env.render()
    assert len(pictures) == 3
    assert all(picture.shape == (16, 32, 3) for picture in pictures)


def test_gymnasium_records_videos(tmp_path: Any) -> None:
    pytest.importorskip("moviepy", reason="moviepy is not installed, which gymnasium's RecordVideo needs")
    env = gym.wrappers.RecordVideo(
        gym.make(IDS[0], **SMALL, render_mode="rgb_array"), str(tmp_path / "videos")
    )
    env.reset(seed=0)
    for _ in range(2):
        env.step(env.action_space.sample())
    env.close()
    assert [path.suffix for path in (tmp_path / "videos").iterdir()] == [".mp4"]


def test_a_drawn_knob_keeps_its_value_until_the_first_action() -> None:
    wanted = {"temperature": (290.0, 335.0)}
    turning, leaving = (
        DryingEnv(**TINY, knobs=knobs, randomize=wanted)
        for knobs in (["temperature", "evaporation"], ["evaporation"])
    )
    for env in (turning, leaving):
        drawn = env.reset(seed=0)[1]["temperature_K"]
        assert drawn == env.film_recipe.temperature != env.recipe.temperature
        *_, info = env.step(np.zeros(len(env.panel)))
        kept = drawn if env is leaving else pytest.approx((288.15 + 338.15) / 2)
        assert info["temperature_K"] == kept
