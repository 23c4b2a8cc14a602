"""Environments: the checks of Gymnasium and Stable-Baselines3, and the documented behaviour."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_by_gymnasium
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as check_by_sb3

import morphsim  # noqa: F401 - registers the environments
from morphsim.envs import AnnealingEnv, DryingEnv, Knob, Panel
from morphsim.errors import InputError
from morphsim.simulator import AnnealingRecipe, DryingRecipe
from tests.envs.envs_helpers import IDS, SMALL, TINY, break_film


# The machines that run these tests have no screen.
@pytest.mark.filterwarnings("ignore:matplotlib's backend agg opens no window")
@pytest.mark.parametrize("observation", ["frame", "fields", "dict"])
@pytest.mark.parametrize("name", IDS)
def test_both_checkers_accept_the_environment(name: str, observation: str) -> None:
    env = gym.make(name, **SMALL, observation=observation, randomize=True, render_mode="rgb_array")
    check_by_gymnasium(env.unwrapped)
    with warnings.catch_warnings():
        # The checker takes fields for pictures; MlpPolicy takes them as numbers.
        warnings.filterwarnings("ignore", r"It seems that your observation (space )? ?is an image")
        check_by_sb3(env.unwrapped, warn=True)


@pytest.mark.parametrize("name", IDS)
def test_the_same_seed_gives_the_same_episode_bit_for_bit(name: str) -> None:
    def episode(seed: int) -> list[Any]:
        env = gym.make(name, **SMALL)
        frame, info = env.reset(seed=seed)
        env.action_space.seed(seed)
        seen, over = [(frame, info)], False
        while not over:
            frame, _, terminated, truncated, info = env.step(env.action_space.sample())
            over = terminated or truncated
            seen.append((frame, info))
        return seen

    first, again, other = episode(3), episode(3), episode(4)
    assert len(first) == len(again)
    for (frame, info), (frame_again, info_again) in zip(first, again, strict=True):
        assert np.array_equal(frame, frame_again)
        assert info == info_again
    assert first[0][1]["film_seed"] != other[0][1]["film_seed"]


def test_the_recipes_own_knobs_dry_a_film_to_the_end() -> None:
    env = DryingEnv(**SMALL)
    frame, info = env.reset(seed=0)
    assert (info["dryness"], info["time_s"], info["thickness_nm"]) == (0.0, 0.0, 500.0)
    dryness = []
    for number in range(4):
        frame, reward, terminated, truncated, info = env.step(env.action_of())
        dryness.append(info["dryness"])
        assert (reward, truncated, terminated) == (0.0, False, number == 3)
    assert dryness == pytest.approx([0.25, 0.5, 0.75, 1.0], abs=1e-3)
    assert info["thickness_nm"] == pytest.approx(500.0 * 0.2 / 0.9, rel=1e-3)
    assert info["temperature_K"] == pytest.approx(298.15)
    # k_e = Bi D / h0 = 0.3 * 1e-10 / 5e-7 m/s
    assert info["evaporation_nm_per_s"] == pytest.approx(6e4, rel=1e-3)
    assert set(np.unique(frame)) == {0, 255}
    assert frame.shape == (1, 36, 64)


def test_a_film_under_vapour_is_truncated_at_the_limit() -> None:
    env = DryingEnv(**SMALL, limit=5, longest_step=0.2)
    env.reset(seed=0)
    for number in range(5):
        _, _, terminated, truncated, info = env.step(np.array([-1.0, 1.0, -1.0], np.float32))
        assert (terminated, truncated) == (False, number == 4)
    assert info["step_fraction"] == 1.0
    assert info["dryness"] < 0.5
    assert info["dry"] is False


def test_annealing_ends_by_the_clock_and_heat_coarsens() -> None:
    edges = []
    for action in (-1.0, 0.5):
        env = AnnealingEnv(**SMALL, recipe={"width": 1.0, "kappa": 2e-3, "duration": 0.2, "noise": 0.02})
        env.reset(seed=1)
        for number in range(4):
            frame, _, terminated, truncated, info = env.step(np.array([action], np.float32))
            assert (terminated, truncated) == (False, number == 3)
        edges.append(int((frame[0, :, 1:] != frame[0, :, :-1]).sum()))
        assert info["time_s"] == pytest.approx(0.2 * (100e-9) ** 2 / 1e-17)
    assert edges[1] < edges[0]


def test_reset_options_choose_recipe_and_noise() -> None:
    env = DryingEnv(**SMALL)
    _, info = env.reset(seed=0, options={"film_seed": 77, "recipe": {"blend_ratio": 0.4}})
    assert (info["film_seed"], env.film_recipe) == (77, DryingRecipe(blend_ratio=0.4))
    _, info = env.reset()
    assert (info["film_seed"] != 77, env.film_recipe) == (True, env.recipe)
    with pytest.raises(
        InputError, match="reset has no option 'color'; use one of recipe, film_seed, material, blend_ratio"
    ):
        env.reset(options={"color": 1})


def test_the_picture_shows_the_film_at_its_thickness() -> None:
    env = DryingEnv(**SMALL, render_mode="rgb_array")
    env.reset(seed=0)
    full = env.render()
    assert full is not None
    assert full.shape == (36, 64, 3)
    assert not (full == 255).all(axis=-1).any()
    for _ in range(4):
        env.step(env.action_of())
    dry = env.render()
    assert dry is not None
    blank = (dry == 255).all(axis=(1, 2)).sum()
    assert blank == 36 - round(36 * 0.2 / 0.9)
    assert DryingEnv(**SMALL).render() is None


def test_a_divergence_ends_the_episode_with_the_last_sound_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("morphsim.simulator.core.solver.MOST_REFUSALS", 3)
    env = DryingEnv(**SMALL)
    env.reset(seed=0)
    frame, *_ = env.step(env.action_of())

    break_film(env)
    with pytest.warns(RuntimeWarning, match=r"seed \d+ .the default recipe. can't be advanced beyond .* s;"):
        last, reward, terminated, truncated, info = env.step(env.action_of())
    assert (reward, terminated, truncated, info["diverged"]) == (0.0, False, True, True)
    assert np.array_equal(last, frame)
    with pytest.raises(InputError, match="the episode is over; call reset"):
        env.step(env.action_of())
    assert not env.reset()[1]["diverged"]


def test_recipes_come_as_objects_dicts_and_files(tmp_path: Path) -> None:
    path = tmp_path / "film.toml"
    path.write_text('process = "drying"\nevaporation = 2.0\n')
    for recipe in (DryingRecipe(evaporation=2.0), {"evaporation": 2.0}, path, str(path)):
        assert DryingEnv(**SMALL, recipe=recipe).recipe == DryingRecipe(evaporation=2.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"recipe": AnnealingRecipe()}, "the recipe is of annealing"),
        ({"recipe": {"chi": 99.0}}, "chi is 99"),
        ({"recipe": "absent.toml"}, "absent.toml does not exist"),
        ({"shape": (5,)}, "it must be .H, W."),
        ({"shape": (0, 32)}, r"a side of the shape \(0, 32\) is 0; it must be a whole number of at least 1"),
        ({"shape": (16.5, 64)}, r"a side of the shape \(16.5, 64\) is 16.5"),
        ({"shape": (np.nan, 3)}, r"a side of the shape \(nan, 3\) is nan"),
        ({"shape": 16}, r"shape is 16; it must be \(H, W\)"),
        ({"shape": (9000, 16)}, "height of shape is 9000; it must be a whole number from 1 to 8192"),
        ({"cells": 16}, "cells is 16; it must be two whole numbers, height and width"),
        ({"cells": (16, 32, 3)}, r"cells is \(16, 32, 3\); it must be two whole numbers"),
        ({"cells": (0, 32)}, "height of cells is 0; it must be a whole number from 1 to 8192"),
        ({"cells": (16, 32.5)}, "width of cells is 32.5; it must be a whole number"),
        ({"cells": (8000, 8000)}, "cells 8000 x 8000 has 64000000 cells; at most"),
        ({"steps": 0}, "steps is 0"),
        ({"steps": np.nan}, "steps is nan; it must be a whole number"),
        ({"steps": 2.5}, "steps is 2.5; it must be a whole number"),
        ({"limit": 2.5}, "limit is 2.5; it must be a whole number"),
        ({"threshold": "x"}, "threshold is 'x'; it must be a finite number above 0 and below 1"),
        ({"tolerance": 0.6}, "tolerance is 0.6; it must be a finite number above 0 and at most 0.5"),
        ({"longest_step": np.inf}, "longest_step is inf; it must be a finite number above 0"),
        ({"step_time_s": "1 s"}, "step_time_s is '1 s'"),
        ({"recipe": 5}, "recipe is 5; give a recipe, a dict of its parameters or a TOML file"),
        ({"units": "nm"}, "units is 'nm'; give morphsim.simulator.Units"),
        ({"knobs": "temperature"}, r"knobs is the text 'temperature'; give a list, \['temperature'\]"),
        ({"ranges": {"temperature": (300,)}}, r"range of temperature is \(300,\); it must be \(low, high\)"),
        ({"ranges": {"temperature": (300.0, "hot")}}, "range of temperature is 'hot'; it must be a finite"),
        ({"ranges": 5}, "ranges is 5; give a dict"),
        ({"knobs": 5}, "knobs is 5; give a list of some of evaporation, ambient_vapour"),
        ({"knobs": [["evaporation"]]}, r"knob \['evaporation'\] is unknown"),
        ({"randomize": np.array([1, 2])}, "use True, or ranges by parameter"),
        ({"knobs": ["pressure"]}, "knob 'pressure' is unknown; use one of evaporation, ambient_vapour"),
        ({"knobs": []}, "name at least one"),
        ({"knobs": ["evaporation", "evaporation"]}, "each once"),
        ({"ranges": {"evaporation": (0.0, 1.0)}}, "low must be below high and above 0"),
        ({"ranges": {"temperature": (300.0, 290.0)}}, "low must be below high"),
        ({"render_mode": "ansi"}, "render_mode is 'ansi'"),
        ({"render_mode": ["human"]}, r"render_mode is \['human'\]"),
    ],
)
def test_errors_of_arguments_say_how_to_fix_them(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DryingEnv(**{**SMALL, **arguments})
    if "render_mode" not in arguments:
        with pytest.raises(InputError, match=message):
            gym.make_vec(IDS[0], num_envs=2, **{**SMALL, **arguments})
    with pytest.raises(InputError, match="call reset first"):
        DryingEnv(**SMALL).step(np.zeros(3, np.float32))


@settings(max_examples=60, deadline=None)
@given(action=st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=2))
def test_settings_and_actions_are_each_others_inverse(action: list[float]) -> None:
    panel = Panel([Knob("rate", 0.03, 3.0, logarithmic=True), Knob("heat", 280.0, 340.0)])
    values = panel.values(np.array(action, np.float32))
    assert 0.0299 <= values["rate"] <= 3.001
    assert panel.action(values) == pytest.approx(action, abs=1e-5)


def test_settings_out_of_reach_are_refused() -> None:
    panel = Panel([Knob("rate", 0.03, 3.0, logarithmic=True)])
    assert panel.values(np.array([9.0])) == {"rate": pytest.approx(3.0)}
    with pytest.raises(InputError, match=r"rate 5 can't be set; it must lie from 0\.03 to 3"):
        panel.action({"rate": 5.0})
    with pytest.raises(InputError, match="no value is given for rate"):
        panel.action({})
    with pytest.raises(InputError, match="knob 'heat' is not in the action; use one of rate"):
        panel.action({"rate": 1.0, "heat": 300.0})
    with pytest.raises(InputError, match="rate is 'fast'; it must be a finite number"):
        panel.action({"rate": "fast"})  # type: ignore[dict-item]


def test_numpy_s_whole_numbers_are_whole_numbers() -> None:
    env = DryingEnv(shape=tuple(np.array([16, 32])), steps=np.int64(3), limit=np.int32(5))
    assert (env.shape, env.steps, env.limit) == ((16, 32), 3, 5)


def test_an_action_of_some_settings_leaves_the_others_at_the_film_s_own() -> None:
    env = DryingEnv(**TINY, recipe={"evaporation": 0.3})
    env.reset(seed=0, options={"evaporation": 1.0})
    own = env.panel.values(env.action_of())
    turned = env.panel.values(env.action_of({"temperature": 310.0}))
    assert turned["temperature"] == pytest.approx(310.0)
    assert {**turned, "temperature": own["temperature"]} == own
    assert own["evaporation"] == pytest.approx(1.0)
    envs = gym.make_vec(IDS[0], num_envs=2, **TINY)
    envs.reset(seed=0, options={"evaporation": 1.0})
    for action in envs.call("action_of", {"temperature": 310.0}):
        assert action == pytest.approx(env.action_of({"temperature": 310.0}))


@pytest.mark.parametrize("action", [[0.0], [0.0, float("nan"), 0.0], [[0.0, 0.0, 0.0]]])
def test_wrong_actions_are_refused(action: list[Any]) -> None:
    env = DryingEnv(**SMALL)
    env.reset(seed=0)
    with pytest.raises(InputError, match="must be 3 numbers from -1 to 1, for evaporation, ambient_vapour"):
        env.step(np.array(action, np.float32))


@pytest.mark.parametrize(
    ("name", "arguments", "sets"),
    [
        ("Drying-v0", {}, True),
        # Every film then has the same number of steps, dry or not.
        ("Drying-v0", {"limit": 4}, False),
        ("Drying-v0", {"limit": 4, "step_time_s": 1.0}, True),
        ("Annealing-v0", {}, False),
    ],
)
def test_environments_tell_whether_the_agent_sets_the_length(name: str, arguments: Any, sets: bool) -> None:
    arguments = {"shape": (8, 16), "steps": 4, **arguments}
    env = gym.make(f"morphsim:morphsim/{name}", **arguments)
    envs = gym.make_vec(f"morphsim:morphsim/{name}", num_envs=2, **arguments)
    many = gym.make_vec(f"morphsim:morphsim/{name}", num_envs=2, vectorization_mode="sync", **arguments)
    assert [each.metadata["agent_sets_length"] for each in (env, envs, many)] == [sets] * 3


@pytest.mark.parametrize("vapour", [-1.0, 1.0])
def test_info_holds_whether_a_film_is_dry(vapour: float) -> None:
    knobs = ["ambient_vapour"]
    env = gym.make("morphsim:morphsim/Drying-v0", shape=(8, 16), steps=3, knobs=knobs)
    _, info = env.reset(seed=0)
    assert info["dry"] is False
    over = False
    while not over:
        _, _, terminated, truncated, info = env.step(np.array([vapour], np.float32))
        over = terminated or truncated
    # Vapour keeps it wet until the last step.
    assert (info["dry"], terminated, truncated) == (
        (True, True, False) if vapour < 0 else (False, False, True)
    )


def test_gymnasium_s_wrapper_that_shows_the_time_takes_the_limit_from_make() -> None:
    env = gym.make("morphsim:morphsim/Drying-v0", shape=(8, 16), steps=3, max_episode_steps=6)
    env = gym.wrappers.TimeAwareObservation(env, flatten=False, normalize_time=True)
    observation, _ = env.reset(seed=0)
    assert float(observation["time"][0]) == 0.0
    assert float(env.step(env.action_space.sample())[0]["time"][0]) == pytest.approx(1 / 6)


def test_arguments_of_other_environments_are_refused() -> None:
    with pytest.raises(TypeError, match=r"AnnealingEnv\(\) got an unexpected keyword argument 'limit'"):
        AnnealingEnv(**TINY, limit=3)
    with pytest.raises(TypeError, match=r"DryingEnv\(\) got .* 'shpae'; did you mean 'shape'"):
        DryingEnv(shpae=(8, 16))
