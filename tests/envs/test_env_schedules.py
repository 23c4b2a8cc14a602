"""Knobs with limits, and episodes as schedules from which `simulate` makes the same film."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from morphsim.envs import FilmEnv
from morphsim.errors import InputError
from morphsim.frames import FilmConfig, read_frames, simulate_film
from morphsim.frames.film_file import recipe_text
from morphsim.frames.plan import read_grid_file
from morphsim.simulator import DryingRecipe, Knob, Recipe, Snapshot, recipe_from_dict, record_film
from morphsim.simulator.schedules.steps import steps_from_dict
from tests.envs.envs_helpers import IDS, TINY, assert_same

DRYING, ANNEALING, VAPOUR = IDS
# The default film dries within some 10 ms, so real limits are per ms here.
SLOW = [
    Knob("temperature", 288.15, 338.15, rate_limit_K_per_s=5e3, dwell_s=1e-3),
    "evaporation",
    Knob("ambient_vapour", rate_limit_per_s=100.0),
]


def rolled_out(name: str, seed: int = 3, **arguments: Any) -> tuple[FilmEnv, list[np.ndarray[Any, Any]]]:
    """An environment after an episode of random actions, and the frames of its steps."""
    env = gym.make(name, **{**TINY, **arguments}).unwrapped
    assert isinstance(env, FilmEnv)
    env.reset(seed=seed)
    random, frames, over = np.random.default_rng(seed), [], False
    while not over:
        action = random.uniform(-1.0, 1.0, env.action_space.shape).astype(np.float32)
        _, _, terminated, truncated, _ = env.step(action)
        over = terminated or truncated
        frames.append(env.frame)
    return env, frames


def made_again(file: Path) -> list[Snapshot]:
    """The film of a written schedule, without the command."""
    values, _, _ = read_grid_file(file)
    recording, steps = values.pop("film"), values.pop("steps")
    recipe: Recipe = recipe_from_dict(values)
    knobs = [name for name in steps if name not in ("time", "dryness", "frame")]
    return list(
        record_film(
            recipe,
            seed=recording["seed"],
            shape=recording["shape"],
            cells=recording["cells"],
            tolerance=recording["tolerance"],
            dtype=recording["dtype"],
            schedule=steps_from_dict(steps, knobs),
        )
    )


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "drying": (DRYING, {}),
    "limits": (DRYING, {"knobs": SLOW, "tolerance": 1e-3, "threshold": 0.45}),
    "cells": (
        DRYING,
        {"knobs": SLOW, "shape": (32, 64), "cells": (16, 32), "step_time_s": 2e-3, "recipe": {"kappa": 0.03}},
    ),
    "material": (DRYING, {"material": "wodo-model-n20", "randomize": True}),
    "annealing": (ANNEALING, {"knobs": [Knob("temperature", rate_limit_K_per_s=0.3)], "randomize": True}),
    "vapour": (VAPOUR, {"knobs": [Knob("ambient_vapour", dwell_s=0.02), "temperature"]}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_rollout_is_made_again_bit_for_bit(case: str, tmp_path: Path) -> None:
    name, arguments = CASES[case]
    env, frames = rolled_out(name, observation="fields", **arguments)
    file = tmp_path / "episode.toml"
    file.write_text(env.schedule_text(), encoding="utf-8")
    snapshots = made_again(file)
    fields, info = env._observed()
    assert np.array_equal(np.clip(snapshots[-1].fields, 0.0, 1.0), fields)
    assert snapshots[-1].time * env._batch.film(0).units.time_s == info["time_s"]
    simulate_film(FilmConfig(recipe=file, out=tmp_path / "film", animation="none"), show_progress=False)
    again = read_frames(tmp_path / "film" / "frames.h5")
    assert np.array_equal(again.frames, np.stack(frames))
    assert again.columns["seed"][0] == env.film_seed
    assert again.columns["temperature"][-1] == info["temperature_K"]


def test_a_film_that_starts_from_a_file_is_made_again(tmp_path: Path) -> None:
    dry = tmp_path / "dry.toml"
    dry.write_text(recipe_text(DryingRecipe(evaporation=3.0, solvent=0.4, width=1.0)), encoding="utf-8")
    env, frames = rolled_out(VAPOUR, start=str(dry))
    file = tmp_path / "episode.toml"
    file.write_text(env.schedule_text(), encoding="utf-8")
    simulate_film(FilmConfig(recipe=file, out=tmp_path / "film", animation="none"), show_progress=False)
    assert np.array_equal(read_frames(tmp_path / "film" / "frames.h5").frames, np.stack(frames))


def test_a_start_without_a_file_has_no_file(tmp_path: Path) -> None:
    env, _ = rolled_out(VAPOUR, start=DryingRecipe(evaporation=3.0, solvent=0.4))
    assert env.schedule().frames == TINY["steps"]
    with pytest.raises(InputError, match="start was not the name of a file"):
        env.schedule_text()


def test_settings_follow_no_faster_than_they_can() -> None:
    env = gym.make(DRYING, **TINY, knobs=SLOW[:1], observation="dict").unwrapped
    assert isinstance(env, FilmEnv)
    _, before = env.reset(seed=1)
    hot = env.action_of({"temperature": 338.15})
    observation, _, _, _, info = env.step(hot)
    most = 5e3 * info["time_s"]
    # A setting is that of the middle of its part, half of one hundredth of the range ahead at most.
    assert 0.5 * most < info["temperature_K"] - before["temperature_K"] < most + 0.25 * 1.01
    # The observation has the present settings, not those that were asked for.
    present = env.panel.values(observation["state"][list(env.state_names).index("temperature") :])
    assert present["temperature"] == pytest.approx(info["temperature_K"], rel=1e-6)
    trace = env.schedule().trace()
    slopes = np.diff(trace.knobs["temperature"]) / np.diff(0.5 * (trace.time[1:] + trace.time[:-1]))
    assert np.median(slopes) == pytest.approx(5e3 * env.units.time_s, rel=1e-6)


def test_a_change_waits_for_its_dwell() -> None:
    knobs = [Knob("evaporation", dwell_s=1.0)]
    env = gym.make(DRYING, **TINY, knobs=knobs).unwrapped
    assert isinstance(env, FilmEnv)
    env.reset(seed=1)
    for value in (1.0, 2.0, 0.5):
        env.step(env.action_of({"evaporation": value}))
    made = env.schedule().trace().knobs["evaporation"]
    assert made == pytest.approx(np.ones(len(made)))


def test_a_state_holds_what_the_knobs_were_asked_for() -> None:
    env, other = (gym.make(DRYING, **TINY, knobs=SLOW, observation="fields").unwrapped for _ in range(2))
    assert isinstance(env, FilmEnv)
    assert isinstance(other, FilmEnv)
    env.reset(seed=1)
    env.step(np.array([1.0, 0.0, 1.0], np.float32))
    state = env.get_state()
    other.set_state(state)
    for player in (env, other):
        player.step(np.array([-1.0, 0.5, 1.0], np.float32))
    assert_same(env.get_state(), other.get_state())
    assert env.schedule_text() == other.schedule_text()
    broken = {**state, "knobs": {**state["knobs"], "followers": {}}}
    with pytest.raises(InputError, match="the state of the knobs can't be used"):
        env.set_state(broken)


def test_vector_environments_tell_their_schedules() -> None:
    envs = gym.make_vec(DRYING, num_envs=2, **TINY, limit=2, knobs=SLOW)
    single = gym.make(DRYING, **TINY, limit=2, knobs=SLOW).unwrapped
    assert isinstance(single, FilmEnv)
    envs.reset(seed=[7, 8])
    single.reset(seed=8)
    assert envs.call("last_schedule_text") == (None, None)
    actions = np.array([[0.2, -0.1, 0.4], [-0.6, 0.7, 1.0]], np.float32)
    envs.step(actions)
    single.step(actions[1])
    assert envs.call("schedule_text")[1] == single.schedule_text()
    envs.step(-actions)
    single.step(-actions[1])
    assert envs.call("last_schedule_text")[1] == single.schedule_text()
    assert [len(steps.steps) for steps in envs.call("schedule")] == [0, 0]


def test_a_reset_ends_the_schedules_of_the_films_under_way() -> None:
    envs = gym.make_vec(DRYING, num_envs=2, **TINY, limit=2, knobs=SLOW)
    envs.reset(seed=[7, 8])
    envs.step(np.array([[0.2, -0.1, 0.4], [-0.6, 0.7, 1.0]], np.float32))
    under_way = envs.call("schedule_text")
    envs.reset(options={"reset_mask": np.array([False, True])})
    assert envs.call("last_schedule_text") == (None, under_way[1])
    # A film without a step leaves the last one.
    envs.reset(options={"reset_mask": np.array([False, True])})
    assert envs.call("last_schedule_text") == (None, under_way[1])


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Knob("evaporation", rate_limit_K_per_s=2.0), "rate_limit_K_per_s is for a temperature"),
        (
            lambda: Knob("temperature", rate_limit_K_per_s=2.0, rate_limit_per_s=2.0),
            "are the same; give one of them",
        ),
        (lambda: Knob("temperature", rate_limit_K_per_s=0.0), "the rate limit of temperature is 0.0"),
        (lambda: Knob("temperature", dwell_s=-1.0), "dwell_s of temperature is -1.0"),
    ],
)
def test_bad_limits_are_refused_by_name(make: Any, complaint: str) -> None:
    with pytest.raises(InputError) as error:
        make()
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"knobs": [Knob("heat", 0.0, 1.0)]}, "knob 'heat' is unknown"),
        ({"knobs": [Knob("temperature"), "temperature"]}, "and each once"),
        ({"knobs": [Knob("temperature", 330.0, 300.0)]}, "low must be below high"),
        ({"knobs": [Knob("temperature", 300.0)]}, "range of temperature"),
        ({"knobs": [Knob("temperature", 200.0, 300.0)]}, "it must stay within 250 to 400"),
        (
            {"knobs": [Knob("temperature", 300.0, 330.0)], "ranges": {"temperature": (300.0, 320.0)}},
            "the range of temperature is given twice",
        ),
        ({"recipe": {"width": "3 rpm"}}, "width is '3 rpm'; it must be a number of h0 or nm"),
    ],
)
def test_bad_knobs_are_refused_by_name(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError) as error:
        gym.make(DRYING, **TINY, **arguments)
    assert complaint in str(error.value)


def test_recipes_and_options_have_units() -> None:
    env = gym.make(DRYING, **TINY, recipe={"width": "1 µm", "temperature": "30 °C"}).unwrapped
    assert isinstance(env, FilmEnv)
    assert env.recipe == dataclasses.replace(DryingRecipe(), width=2.0, temperature=303.15)
    env.reset(seed=1, options={"temperature": "40 °C"})
    assert env.film_recipe.temperature == 313.15


def test_a_knob_with_limits_alone_keeps_its_range_and_scale() -> None:
    env = gym.make(DRYING, **TINY, knobs=[Knob("evaporation", rate_limit_per_s=1.0)]).unwrapped
    assert isinstance(env, FilmEnv)
    (knob,) = env.panel.knobs
    assert (knob.low, knob.high, knob.logarithmic) == (0.03, 3.0, True)
