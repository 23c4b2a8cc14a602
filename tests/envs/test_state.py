"""States of films: after a state is restored, the film continues bit for bit."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import morphsim  # noqa: F401 - registers the environments
from morphsim.envs import DryingEnv
from morphsim.errors import InputError
from tests.envs.envs_helpers import IDS, TINY, assert_same, break_film

RANDOM: dict[str, Any] = {"randomize": True}


def bare(name: str, **arguments: Any) -> Any:
    return gym.make(name, **TINY, **arguments).unwrapped


def play(env: Any, actions: np.ndarray) -> list[Any]:
    """Steps to the end of the episode, and then the beginning of the next one."""
    seen: list[Any] = []
    for action in actions:
        seen.append(env.step(action))
        if seen[-1][2] or seen[-1][3]:
            break
    return [*seen, env.reset()]


@pytest.mark.parametrize("observation", ["fields", "dict"])
@pytest.mark.parametrize("name", IDS)
def test_futures_branch_off_one_state(name: str, observation: str) -> None:
    env = bare(name, observation=observation, **RANDOM)
    env.reset(seed=1)
    random = np.random.default_rng(0)
    now = env.step(random.uniform(-1, 1, env.action_space.shape))
    state = env.get_state()
    shape = (5, *env.action_space.shape)
    plans = [random.uniform(-1, 1, shape), random.uniform(-1, 1, shape)]
    futures = [play(env, plans[0])]
    assert_same(env.set_state(state), (now[0], now[4]))
    futures.append(play(env, plans[1]))
    assert not np.array_equal(futures[0][0][4]["time_s"], futures[1][0][4]["time_s"]) or name != IDS[0]
    other = bare(name, observation=observation, **RANDOM)
    for player, number in ((env, 0), (other, 1)):
        # The copy survives pickling and deep copies.
        player.set_state(pickle.loads(pickle.dumps(state)))
        assert_same(play(player, plans[number]), futures[number])
    other.set_state(state)
    assert_same(play(other, plans[0]), futures[0])


def test_a_state_is_a_copy_of_plain_values() -> None:
    env = bare(IDS[0])
    env.reset(seed=0)
    state = env.get_state()
    kept = copy.deepcopy(state)
    env.step(np.zeros(3))
    env.reset()
    assert_same(state, kept)

    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(map(plain, value.values()))
        return value is None or type(value) in {int, float, bool, str, np.ndarray}

    assert plain(state)
    env.set_state(state)
    env.step(np.ones(3))
    assert_same(state, kept)


def test_the_end_of_an_episode_and_a_divergence_are_states_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("morphsim.simulator.core.solver.MOST_REFUSALS", 3)
    env = bare(IDS[1], recipe={"kappa": 0.03})
    env.reset(seed=0)
    for _ in range(3):
        end = env.step(np.zeros(1))
    state = env.get_state()
    following = env.reset()
    assert_same(env.set_state(state), (end[0], end[4]))
    with pytest.raises(InputError, match="the episode is over"):
        env.step(np.zeros(1))
    assert_same(env.reset(), following)
    env = bare(IDS[0], recipe={"kappa": 0.03})
    env.reset(seed=0)
    env.step(np.zeros(3))
    sound = env.get_state()
    break_film(env)
    with pytest.warns(RuntimeWarning, match="can't be advanced"):
        end = env.step(np.zeros(3))
    diverged = env.get_state()
    env.set_state(sound)
    assert not env.step(np.zeros(3))[4]["diverged"]
    assert_same(env.set_state(diverged), (end[0], end[4]))
    assert end[4]["diverged"]


def test_wrong_states_are_refused_and_change_nothing() -> None:
    env = bare(IDS[0])
    with pytest.raises(InputError, match="call reset first"):
        env.get_state()
    frame, _ = env.reset(seed=0)
    state = env.get_state()
    annealing = bare(IDS[1])
    annealing.reset(seed=0)
    larger = DryingEnv(shape=(20, 32), cells=(20, 32), steps=3, recipe={"kappa": 0.03})
    larger.reset(seed=0)
    for wrong, message in (
        ({}, "this is not a state of a film environment"),
        (7, "this is not a state of a film environment"),
        ({**state, "extra": 1}, "this is not a state of a film environment"),
        ({**state, "fields": None}, "this is not a state of a film environment"),
        ({**state, "random": {"bit_generator": "MT19937"}}, "random numbers can't be used"),
        ({**state, "units": {"length_nm": "wide"}}, "the state can't be used"),
        ({**state, "fields": {**state["fields"], "phi": np.zeros(3)}}, "phi has the shape"),
        ({**state, "fields": {}}, "the snapshot lacks"),
        ({**state, "step": -3}, "step is -3; it must be a whole number of at least 0"),
        ({**state, "step": 99}, "step is 99, beyond the limit of 6"),
        ({**state, "film_seed": 2**63}, "film_seed is 9223372036854775808; it must be .* below 2"),
        ({**state, "step": env.limit}, "over is False, but the episode ended with step 6"),
        ({**state, "diverged": True}, "over is False, but the episode ended with step 0"),
        ({**state, "over": "no"}, "over is 'no'; it must be True or False"),
        ({**state, "diverged": 3}, "diverged is 3; it must be True or False"),
        ({**state, "material": "gold"}, "there is no material 'gold'"),
        ({**state, "recipe": {**state["recipe"], "width": 8.0}}, "has width 8.0 and this environment 4.0"),
        (annealing.get_state(), "the recipe is of annealing"),
        (larger.get_state(), "has the shape"),
    ):
        with pytest.raises(InputError, match=message):
            env.set_state(wrong)
        assert_same(env.get_state(), state)
    assert np.array_equal(env.frame[None] * 255, frame)


@pytest.mark.parametrize("name", IDS)
def test_environments_pickle_before_and_within_an_episode(name: str) -> None:
    env = bare(name, **RANDOM)
    again = pickle.loads(pickle.dumps(env))
    assert_same(env.reset(seed=3), again.reset(seed=3))
    env.step(np.zeros(env.action_space.shape))
    again = pickle.loads(pickle.dumps(env))
    deep = copy.deepcopy(env)
    actions = np.full((5, *env.action_space.shape), 0.5)
    future = play(env, actions)
    assert_same(play(again, actions), future)
    assert_same(play(deep, actions), future)


@pytest.mark.parametrize("name", IDS)
def test_a_spec_makes_the_environment_again(name: str) -> None:
    env = gym.make(name, **TINY, randomize={"blend_ratio": (0.4, 0.6)}, observation="dict")
    again = gym.make(env.spec)
    assert_same(env.reset(seed=5), again.reset(seed=5))


def test_an_environment_that_was_reset_continues_from_the_state_of_another() -> None:
    first, other = (gym.make(IDS[0], **TINY) for _ in range(2))
    first.reset(seed=0)
    state = first.unwrapped.get_state()  # type: ignore[attr-defined]
    other.unwrapped.set_state(state)  # type: ignore[attr-defined]
    action = np.zeros(3, np.float32)
    with pytest.raises(gym.error.ResetNeeded):
        other.step(action)
    other.reset()
    other.unwrapped.set_state(state)  # type: ignore[attr-defined]
    assert_same(other.step(action), first.step(action))
