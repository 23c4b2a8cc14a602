"""The entries of the process state by name, and rates of drying in `info`."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3.common.env_checker import check_env as check_for_sb3

from morphsim.envs import AnnealingEnv, DryingEnv, VapourAnnealingEnv
from morphsim.errors import InputError
from tests.envs.envs_helpers import IDS, TINY, assert_same

ALL = ["time", "drying_rate", "last_actions", "evaporation", "dryness", "thickness", "step_fraction"]
ARGUMENTS: dict[str, Any] = {
    **TINY,
    "observation": "dict",
    "knobs": ["evaporation", "ambient_vapour"],
    "sensors": ALL,
}


def test_the_usual_sensors_are_those_of_before() -> None:
    named = DryingEnv(**TINY, observation="dict", sensors=list(DryingEnv(**TINY).state_names))
    usual = DryingEnv(**TINY, observation="dict")
    assert named.observation_space == usual.observation_space
    assert_same(named.reset(seed=0), usual.reset(seed=0))
    action = np.array([0.5, -1.0, 0.3], np.float32)
    assert_same(named.step(action), usual.step(action))


def test_sensors_say_what_they_mean() -> None:
    env = DryingEnv(**ARGUMENTS)
    assert env.state_names == (
        "time",
        "drying_rate",
        "last_action:evaporation",
        "last_action:ambient_vapour",
        "evaporation",
        "dryness",
        "thickness",
        "step_fraction",
    )
    space = env.observation_space["state"]  # type: ignore[index]
    assert space.low.tolist() == [0.0, -5.0, -1.0, -1.0, -1.0, -1.0, 0.0, 0.0]
    assert space.high.tolist() == [1.0, 2.0, 1.0, 1.0, 1.0, 1.0, 2.0, 1.0]
    observation, info = env.reset(seed=0)
    assert observation["state"][:4].tolist() == [0.0, -5.0, 0.0, 0.0]
    assert info["drying_rate_nm_per_s"] == 0.0
    dryness, thickness, time = 0.0, 500.0, 0.0
    for action in ([0.5, -1.0], [-0.5, -3.0]):
        observation, *_, info = env.step(np.array(action, np.float32))
        state = dict(zip(env.state_names, observation["state"].tolist(), strict=True))
        passed = (info["time_s"] - time) / env.units.time_s
        assert state["time"] == pytest.approx(
            math.log(1.0 + info["time_s"] / env.units.time_s) / math.log(401.0), rel=1e-5
        )
        assert state["drying_rate"] == pytest.approx(
            math.log10((info["dryness"] - dryness) / passed), rel=1e-4
        )
        assert state["last_action:evaporation"] == action[0] == pytest.approx(state["evaporation"])
        assert state["last_action:ambient_vapour"] == -1.0
        lost = (thickness - info["thickness_nm"]) / (info["time_s"] - time)
        assert info["drying_rate_nm_per_s"] == pytest.approx(lost, rel=1e-9)
        assert lost > 0.0
        dryness, thickness, time = info["dryness"], info["thickness_nm"], info["time_s"]


def test_a_film_that_swells_has_no_drying_rate_and_a_negative_loss() -> None:
    env = DryingEnv(**{**ARGUMENTS, "knobs": ["temperature"], "sensors": ["drying_rate"]},
                    recipe={"solvent": 0.2, "ambient_vapour": 0.9}, longest_step=1.0)  # fmt: skip
    env.reset(seed=0)
    observation, *_, info = env.step(np.zeros(1, np.float32))
    assert observation["state"].tolist() == [-5.0]
    assert info["drying_rate_nm_per_s"] < 0.0


def test_vapour_and_annealing_have_time_and_last_actions() -> None:
    vapour = VapourAnnealingEnv(**TINY, observation="dict", sensors=["solvent", "time", "last_actions"])
    observation, info = vapour.reset(seed=0)
    assert info["drying_rate_nm_per_s"] == 0.0
    for _ in range(3):
        observation, *_, info = vapour.step(np.array([0.5, -0.25], np.float32))
    assert observation["state"][1:].tolist() == [1.0, 0.5, -0.25]
    annealing = AnnealingEnv(**TINY, observation="dict", sensors=["last_actions", "time"])
    observation, info = annealing.reset(seed=0)
    assert "drying_rate_nm_per_s" not in info
    assert observation["state"].tolist() == [0.0, 0.0]


def test_many_films_at_once_have_the_sensors_of_films_one_by_one() -> None:
    arguments = {**ARGUMENTS, "limit": 2, "randomize": {"evaporation_coefficient": (0.4, 2.5)}}
    envs = gym.make_vec(IDS[0], num_envs=3, **arguments)
    single = SyncVectorEnv(
        [lambda: gym.make(IDS[0], **arguments)] * 3, autoreset_mode=AutoresetMode.SAME_STEP
    )
    assert_same(envs.reset(seed=1), single.reset(seed=1))
    random = np.random.default_rng(0)
    for _ in range(3):
        actions = random.uniform(-1.5, 1.5, (3, 2)).astype(np.float32)
        assert_same(envs.step(actions), single.step(actions))


def test_a_state_remembers_the_last_step() -> None:
    env, other = DryingEnv(**ARGUMENTS), DryingEnv(**ARGUMENTS)
    env.reset(seed=0)
    now = env.step(np.array([0.25, -0.75]))
    state = env.get_state()
    assert_same(other.set_state(state), (now[0], now[4]))
    assert_same(other.step(np.ones(2)), env.step(np.ones(2)))
    for wrong in (None, {}, {**state["last"], "actions": np.zeros(3)}, {**state["last"], "time": np.nan}):
        with pytest.raises(InputError, match="what the state says of the last step can't be used"):
            env.set_state({**state, "last": wrong})


def test_the_checkers_accept_such_states() -> None:
    check_env(DryingEnv(**ARGUMENTS), skip_render_check=True)
    check_for_sb3(DryingEnv(**{**ARGUMENTS, "shape": (36, 64)}))


@pytest.mark.parametrize(
    ("sensors", "message"),
    [
        ([], r"sensors is \[\]; give a list of some of dryness, thickness, .*, time, drying_rate"),
        ("time", "sensors is 'time'; give a list"),
        (["tmie"], "sensor 'tmie' is unknown; did you mean 'time'"),
        (["time", "time"], "name each once"),
        (["temperature"], "sensor 'temperature' is unknown"),
    ],
)
def test_wrong_sensors_are_refused(sensors: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        DryingEnv(**{**ARGUMENTS, "sensors": sensors})


def test_sensors_without_a_state_and_rates_of_films_that_do_not_dry_are_refused() -> None:
    with pytest.raises(InputError, match='sensors are entries of the state, which observation="dict" has'):
        DryingEnv(**TINY, sensors=["time"])
    with pytest.raises(InputError, match="sensor 'drying_rate' is unknown"):
        AnnealingEnv(**TINY, observation="dict", sensors=["drying_rate"])
