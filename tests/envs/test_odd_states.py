"""Impossible states, seeds and devices are refused before anything changes."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from morphsim.envs import DryingEnv, VectorDryingEnv
from morphsim.errors import InputError


@pytest.fixture(scope="module")
def env() -> DryingEnv:
    made = DryingEnv(shape=(8, 16))
    made.reset(seed=0)
    made.step(np.zeros(3, np.float32))
    return made


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("thickness", np.nan),
        ("thickness", 0.0),
        ("thickness", -1.0),
        ("phi", np.nan),
        ("time", np.inf),
        ("step", -1.0),
        ("time", -1.0),
        ("draws", -1),
    ],
)
def test_states_of_impossible_films_are_refused(env: DryingEnv, name: str, value: float) -> None:
    before = env.get_state()
    state = copy.deepcopy(before)
    state["fields"][name] = np.full_like(state["fields"][name], value)
    with pytest.raises(InputError, match=f"the snapshot's {name} (is|holds)"):
        env.set_state(state)
    after = env.get_state()
    for entry, array in before["fields"].items():
        np.testing.assert_array_equal(after["fields"][entry], array)


@pytest.mark.parametrize("value", [0.3, "x", np.array(["x"]), [1.0]])
def test_a_state_of_other_types(env: DryingEnv, value: Any) -> None:
    state = env.get_state()
    state["fields"]["time"] = value
    with pytest.raises(InputError, match="the snapshot's time is not an array of numbers"):
        env.set_state(state)


@pytest.mark.parametrize("number", [-1, 2**200, [1]])
def test_random_numbers_that_can_not_be(env: DryingEnv, number: Any) -> None:
    state = env.get_state()
    state["random"]["state"]["state"] = number
    with pytest.raises(InputError, match="random numbers can't be used"):
        env.set_state(state)


@pytest.mark.parametrize("seed", [0.5, True, "ab", -1, [0, 0.5], [0, -1], np.array(3)])
def test_seeds_of_several_films(seed: Any) -> None:
    with pytest.raises(InputError, match="seed is"):
        VectorDryingEnv(num_envs=2, shape=(8, 16)).reset(seed=seed)


@pytest.mark.parametrize("device", [None, True, 0.3, np.array([1, 2])])
def test_a_device_is_a_text(device: Any) -> None:
    with pytest.raises(InputError, match="device is"):
        DryingEnv(shape=(8, 16), device=device)


@pytest.mark.parametrize("values", [0.5, [], "temperature"])
def test_settings_are_a_dict(env: DryingEnv, values: Any) -> None:
    with pytest.raises(InputError, match="give a dict of numbers by knob"):
        env.action_of(values)
