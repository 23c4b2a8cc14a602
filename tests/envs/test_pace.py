"""Where the steps of a drying film end, and steps that dry it whatever the vapour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as check_for_sb3

from morphsim.envs import AnnealingEnv, DryingEnv
from morphsim.envs.settings import film_settings
from morphsim.errors import InputError
from morphsim.frames import FilmConfig, read_frames, simulate_film
from morphsim.simulator import Knob, find_process
from morphsim.simulator.processes.pace import Pace
from tests.envs.envs_helpers import IDS, TINY, assert_same

SHAPE: dict[str, Any] = {"shape": (16, 32)}
DECIDING = find_process("drying").paces["deciding"]
WET = np.array([-1.0, 1.0, -1.0], np.float32)
"""Little evaporation and much vapour at a low temperature."""


def play(env: Any, action: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    """The info of each step of an episode with one action."""
    infos, over = [], False
    while not over:
        _, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
        infos.append(info)
    return infos


@pytest.mark.parametrize(
    ("pace", "stops"), [("deciding", DECIDING), ([0.3, 0.31, 0.9, 1.0], (0.3, 0.31, 0.9, 1.0))]
)
def test_steps_end_at_the_drynesses_of_the_pace(pace: Any, stops: tuple[float, ...]) -> None:
    env = DryingEnv(**SHAPE, pace=pace)
    assert (env.steps, env.limit) == (len(stops), 2 * len(stops))
    env.reset(seed=0)
    infos = play(env, env.action_of())
    assert [info["dryness"] for info in infos] == pytest.approx(stops, abs=2e-4)
    fractions = [(number + 1) / env.limit for number in range(len(stops))]
    assert [info["step_fraction"] for info in infos] == fractions
    assert infos[-1]["dry"]


def test_a_step_of_a_pace_ends_after_the_longest_step_too() -> None:
    env = DryingEnv(**SHAPE, pace="deciding", longest_step=0.5, limit=3)
    env.reset(seed=0)
    infos = play(env, WET)
    unit = env.units.time_s
    assert [info["time_s"] for info in infos] == pytest.approx([0.5 * unit, unit, 1.5 * unit], rel=1e-9)
    assert infos[-1]["dryness"] < 0.45


def test_a_film_that_swells_passes_a_dryness_again() -> None:
    env = DryingEnv(**SHAPE, pace=[0.3, 0.7, 0.8, 1.0], recipe={"evaporation": 1.0})
    env.reset(seed=0)
    for _ in range(3):
        *_, dry = env.step(env.action_of())
    assert dry["dryness"] == pytest.approx(0.8, abs=2e-4)
    *_, swollen = env.step(env.action_of({"ambient_vapour": 0.6}))
    assert swollen["dryness"] < 0.68
    *_, info = env.step(env.action_of())
    assert info["dryness"] == pytest.approx(0.7, abs=2e-4)


@given(
    steps=st.integers(1, 40),
    dryness=st.floats(-1.0, 1.0),
)
def test_an_even_pace_is_that_of_its_drynesses(steps: int, dryness: float) -> None:
    stops = tuple(((np.arange(steps) + 1.0) / steps).tolist())
    even = Pace(steps=steps, limit=steps)
    listed = Pace(steps=steps, limit=steps, stops=stops)
    # Below 0 even steps have stops too.
    expected = even.next_dryness(np.array([max(dryness, 0.0)]), np.zeros(1))
    found = listed.next_dryness(np.array([dryness]), np.zeros(1))
    near = abs(dryness * steps - round(dryness * steps) + 0.01) < 1e-9
    assert near or found == pytest.approx(expected, abs=1e-12)


def test_a_film_within_the_tolerance_of_a_dryness_has_passed_it() -> None:
    pace = Pace(steps=3, limit=3, stops=(0.5, 0.5001, 1.0))
    found = [float(pace.next_dryness(np.array([d]), np.array([2e-4]))[0]) for d in (0.49, 0.4999, 0.9999)]
    assert found == [0.5, 1.0, 1.0]


@pytest.mark.parametrize("knobs", [None, ["evaporation"], [Knob("ambient_vapour", dwell_s=1e3)]])
def test_the_last_step_dries_every_film(knobs: Any) -> None:
    arguments: dict[str, Any] = {**TINY, "limit": 3, "knobs": knobs, "longest_step": 0.3}
    recipe = {"ambient_vapour": 0.6}
    env = DryingEnv(**arguments, recipe=recipe, finish=True)
    env.reset(seed=0)
    action = WET if knobs is None else np.full(1, 1.0 if isinstance(knobs[0], Knob) else -1.0, np.float32)
    infos = play(env, action)
    assert [info["ambient_vapour"] for info in infos] == pytest.approx([0.6, 0.6, 0.0], abs=1e-12)
    assert [info["dry"] for info in infos] == [False, False, True]
    assert infos[-1]["step_fraction"] == 1.0
    # Before it, and without it, nothing is different.
    other = DryingEnv(**arguments, recipe=recipe)
    other.reset(seed=0)
    without = play(other, action)
    assert_same(without[:2], infos[:2])
    assert not without[2]["dry"]


def test_a_film_that_dries_before_needs_no_last_step() -> None:
    env, other = DryingEnv(**TINY, finish=True), DryingEnv(**TINY)
    for each in (env, other):
        each.reset(seed=0)
    assert_same(play(env, env.action_of()), play(other, other.action_of()))


def test_an_episode_that_is_finished_is_made_again_bit_for_bit(tmp_path: Path) -> None:
    env = DryingEnv(**SHAPE, pace="deciding", finish=True, limit=5, knobs=["ambient_vapour", "evaporation"])
    env.reset(seed=2)
    random, frames, over = np.random.default_rng(0), [], False
    while not over:
        _, _, terminated, truncated, info = env.step(random.uniform(-1.0, 1.0, 2))
        over = terminated or truncated
        frames.append(env.frame)
    assert terminated
    assert info["dry"]
    assert len(frames) == 5
    file = tmp_path / "episode.toml"
    file.write_text(env.schedule_text(), encoding="utf-8")
    simulate_film(FilmConfig(recipe=file, out=tmp_path / "film", animation="none"), show_progress=False)
    assert np.array_equal(read_frames(tmp_path / "film" / "frames.h5").frames, np.stack(frames))


STEERED: dict[str, Any] = {
    **SHAPE,
    "pace": [0.4, 0.6, 0.8, 1.0],
    "finish": True,
    "limit": 3,
    "observation": "dict",
    "knobs": ["temperature", "evaporation"],
    "recipe": {"ambient_vapour": 0.3},
    "randomize": {"evaporation_coefficient": (0.4, 2.5), "vitrification_energy": (0.0, 100.0)},
}


def test_many_films_at_once_are_the_films_one_by_one() -> None:
    envs = gym.make_vec(IDS[0], num_envs=2, **STEERED)
    single = SyncVectorEnv([lambda: gym.make(IDS[0], **STEERED)] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    assert_same(envs.reset(seed=4), single.reset(seed=4))
    coefficients = {recipe.evaporation_coefficient for recipe in envs.get_attr("film_recipe")}
    assert len(coefficients) == 2
    random = np.random.default_rng(1)
    for _ in range(5):
        actions = random.uniform(-1.0, 1.0, (2, 2)).astype(np.float32)
        assert_same(envs.step(actions), single.step(actions))


def test_a_state_before_the_last_step_continues_to_the_same_end() -> None:
    env, other = DryingEnv(**STEERED), DryingEnv(**STEERED)
    env.reset(seed=5)
    for _ in range(2):
        env.step(np.array([0.5, -1.0]))
    state = env.get_state()
    end = env.step(np.array([-0.5, -1.0]))
    assert end[2]
    other.set_state(state)
    assert_same(other.step(np.array([-0.5, -1.0])), end)
    other.set_state(env.get_state())
    assert_same(other.get_state(), env.get_state())


def test_the_checkers_accept_such_an_environment() -> None:
    check_env(DryingEnv(**STEERED), skip_render_check=True)
    check_for_sb3(DryingEnv(**{**STEERED, "shape": (36, 64)}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pace": "slow"}, "pace is 'slow'; use one of even, deciding, or give the drynesses"),
        ({"pace": []}, r"pace is \[\]; give a name"),
        ({"pace": 0.5}, "pace is 0.5; give a name"),
        ({"pace": [0.5, 0.4, 1.0]}, r"pace is \[0.5, 0.4, 1.0\]; its drynesses must increase"),
        ({"pace": [0.5, 0.9]}, "the last must be 1"),
        ({"pace": [0.0, 1.0]}, "a dryness of pace is 0.0; it must be .* above 0 and at most 1"),
        ({"pace": [0.5, "x"]}, "a dryness of pace is 'x'"),
        ({"pace": "deciding", "steps": 10}, "steps follows from the pace, which has 10; leave steps out"),
        ({"pace": "deciding", "step_time_s": 1.0}, "leave it out where step_time_s is given"),
        ({"finish": True, "step_time_s": 1.0}, "leave it out where step_time_s is given"),
        ({"finish": 1}, "finish is 1; it must be True or False"),
        ({"pace": "deciding", "limit": 0}, "limit is 0"),
    ],
)
def test_wrong_paces_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DryingEnv(**SHAPE, **arguments)


def test_films_that_do_not_dry_have_no_pace() -> None:
    with pytest.raises(InputError, match="pace is for films that dry, and not for annealing"):
        film_settings("annealing", **TINY, pace=[1.0])
    with pytest.raises(InputError, match="finish is for films that dry, and not for vapour-annealing"):
        film_settings("vapour-annealing", **TINY, finish=True)
    with pytest.raises(TypeError, match="pace"):
        AnnealingEnv(**TINY, pace="even")  # type: ignore[call-arg]
