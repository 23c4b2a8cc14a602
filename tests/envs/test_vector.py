"""The vector environment equals N single environments, bit for bit."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector as wrappers

import morphsim  # noqa: F401 - registers the environments
from morphsim.envs import DryingEnv, VectorDryingEnv, VectorFilmEnv
from morphsim.errors import InputError
from morphsim.simulator import DryingRecipe, Knob
from tests.envs.envs_helpers import IDS, TINY, assert_same, break_film

DRYING, ANNEALING, VAPOUR = IDS


def make(name: str, count: int, **arguments: Any) -> VectorFilmEnv:
    envs = gym.make_vec(name, num_envs=count, **TINY, **arguments)
    assert isinstance(envs, VectorFilmEnv)
    return envs


def in_turn(name: str, count: int, **arguments: Any) -> SyncVectorEnv:
    return SyncVectorEnv(
        [lambda: gym.make(name, **TINY, **arguments)] * count, autoreset_mode=AutoresetMode.SAME_STEP
    )


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (DRYING, {"limit": 3}),
        (DRYING, {"limit": 3, "observation": "fields", "randomize": True}),
        # Films with different mobility closures can't share a simulation, so films move between two.
        (
            DRYING,
            {"limit": 2, "observation": "dict", "randomize": {"material": ["wodo-model", "pdpp5t-pcbm"]}},
        ),
        (DRYING, {"step_time_s": 1e-4, "material": "wodo-model", "knobs": ["temperature", "evaporation"]}),
        (ANNEALING, {"observation": "fields"}),
        # Films turn their knobs at different times, each in parts of its own.
        (
            DRYING,
            {
                "limit": 3,
                "observation": "dict",
                "randomize": True,
                "knobs": [Knob("temperature", rate_limit_K_per_s=5e3, dwell_s=2e-3), "evaporation"],
            },
        ),
        (ANNEALING, {"observation": "fields", "knobs": [Knob("temperature", rate_limit_K_per_s=0.1)]}),
        (ANNEALING, {"observation": "dict", "randomize": True}),
        (VAPOUR, {"observation": "dict", "randomize": True}),
        (VAPOUR, {"start": DryingRecipe(evaporation=3.0, solvent=0.4), "observation": "fields"}),
        # Neither can neutral and other substrates.
        (ANNEALING, {"randomize": {"substrate_strength": (0.0, 0.0, 0.01), "chi": (2.6, 3.4)}}),
    ],
)
def test_films_of_a_vector_environment_equal_single_films(name: str, arguments: dict[str, Any]) -> None:
    together, alone = make(name, 3, **arguments), in_turn(name, 3, **arguments)
    assert together.single_observation_space == alone.single_observation_space
    assert together.observation_space == alone.observation_space
    assert together.action_space == alone.action_space
    assert_same(together.reset(seed=5), alone.reset(seed=5), "reset")
    random, ends = np.random.default_rng(0), 0
    for number in range(6):
        actions = random.uniform(-1, 1, together.action_space.shape).astype(np.float32)
        one, other = together.step(actions), alone.step(actions)
        assert_same(one, other, f"step {number}")
        assert one[0] in together.observation_space
        ends += int((one[2] | one[3]).sum())
        if number == 2:
            mask = np.array([True, False, True])
            options = {"reset_mask": mask, "chi": 1.15}
            again = together.reset(seed=[1, None, None], options=options)
            # SyncVectorEnv removes the mask from its caller's options.
            assert set(options) == {"reset_mask", "chi"}
            assert_same(again, alone.reset(seed=[1, None, None], options=dict(options)), "masked reset")
    assert ends >= 3
    assert together.np_random_seed == alone.np_random_seed
    assert [each.random() for each in together.np_random] == [each.random() for each in alone.np_random]


def test_a_film_that_can_t_go_on_is_replaced_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("morphsim.simulator.core.solver.MOST_REFUSALS", 3)
    envs, undisturbed = make(DRYING, 3), make(DRYING, 3)
    actions = np.zeros(envs.action_space.shape, np.float32)
    for each in (envs, undisturbed):
        each.reset(seed=1)
        last, *_, before = each.step(actions)
    break_film(envs, 1)
    with pytest.warns(RuntimeWarning, match=f"the film of seed {before['film_seed'][1]} "):
        observation, _, terminated, truncated, infos = envs.step(actions)
    expected = undisturbed.step(actions)
    assert (terminated.tolist(), truncated.tolist()) == ([False] * 3, [False, True, False])
    assert np.array_equal(infos["final_obs"][1], last[1])
    assert infos["final_info"]["diverged"].tolist() == [False, True, False]
    assert infos["diverged"].tolist() == [False] * 3
    assert infos["time_s"][1] == 0.0
    assert np.array_equal(observation[[0, 2]], expected[0][[0, 2]])
    assert infos["time_s"][[0, 2]].tolist() == expected[4]["time_s"][[0, 2]].tolist()


def test_it_states_its_autoreset_mode_and_can_be_made_again_from_its_spec() -> None:
    envs = make(DRYING, 2, knobs=["evaporation"])
    assert envs.metadata["autoreset_mode"] is envs.autoreset_mode is AutoresetMode.SAME_STEP
    again = gym.make_vec(envs.spec)
    assert isinstance(again, VectorDryingEnv)
    assert (again.num_envs, len(again.panel), again.shape) == (2, 1, TINY["shape"])
    again.close()
    envs.close()
    envs.close()


def test_a_limit_from_gymnasium_truncates_too() -> None:
    envs = make(DRYING, 2, max_episode_steps=2)
    envs.reset(seed=0)
    actions = np.zeros(envs.action_space.shape, np.float32)
    assert not envs.step(actions)[3].any()
    assert envs.step(actions)[3].all()
    with pytest.raises(InputError, match="max_episode_steps is 0"):
        make(DRYING, 2, max_episode_steps=0)


def test_it_pickles_before_and_within_an_episode() -> None:
    arguments: dict[str, Any] = {"randomize": {"mobility": ["wodo", "constant"]}}
    envs = make(DRYING, 3, **arguments)
    copy = pickle.loads(pickle.dumps(envs))
    assert_same(envs.reset(seed=2), copy.reset(seed=2))
    actions = np.zeros(envs.action_space.shape, np.float32)
    assert_same(envs.step(actions), copy.step(actions))
    copy = pickle.loads(pickle.dumps(envs))
    for _ in range(4):
        assert_same(envs.step(actions), copy.step(actions))


def test_gymnasium_s_vector_wrappers_go_around_it() -> None:
    counted = wrappers.RecordEpisodeStatistics(make(DRYING, 2, observation="dict"))
    envs = wrappers.TransformReward(counted, lambda reward: reward + 1.0)
    envs.reset(seed=0)
    envs.action_space.seed(0)
    lengths: dict[int, int] = {}
    for number in range(1, 7):
        _, rewards, terminated, truncated, infos = envs.step(envs.action_space.sample())
        assert rewards.tolist() == [1.0, 1.0]
        for place in np.flatnonzero(terminated | truncated):
            # Only first episodes: Gymnasium 1.2.2 omits the first step of the others.
            if lengths.setdefault(int(place), number) == number:
                assert infos["episode"]["l"][place] == number
    assert set(lengths) == {0, 1}


def test_attributes_are_those_of_the_single_environments() -> None:
    envs, alone = make(ANNEALING, 2, randomize=True), in_turn(ANNEALING, 2, randomize=True)
    for each in (envs, alone):
        each.reset(seed=4)
        each.step(np.zeros((2, 1), np.float32))
    names = ("film_recipe", "film_seed", "limit", "steps", "shape", "recipe", "np_random_seed", "state_names")
    for name in names:
        theirs = tuple(env.get_wrapper_attr(name) for env in alone.envs)
        assert envs.get_attr(name) == theirs == envs.call(name)
    assert_same(envs.get_attr("frame"), tuple(env.get_wrapper_attr("frame") for env in alone.envs))
    assert_same(
        envs.call("action_of", {"temperature": 320.0}), (envs.panel.action({"temperature": 320.0}),) * 2
    )
    assert_same(envs.call("action_of"), (envs.panel.action({"temperature": 373.15}),) * 2)
    assert envs.get_attr("observation_space") == (envs.single_observation_space,) * 2
    envs.set_attr("label", ["left", "right"])
    assert envs.get_attr("label") == ("left", "right")
    envs.set_attr("label", "both")
    assert envs.call("label") == ("both", "both")
    with pytest.raises(InputError, match="limit can't be set for each film"):
        envs.set_attr("limit", 7)
    with pytest.raises(InputError, match="3 values are given for 2 films"):
        envs.set_attr("other", [1, 2, 3])
    with pytest.raises(InputError, match="reset can't be called for each film"):
        envs.call("reset")


def test_pictures_of_all_films() -> None:
    envs = make(DRYING, 2, render_mode="rgb_array")
    envs.reset(seed=0)
    envs.step(np.zeros(envs.action_space.shape, np.float32))
    pictures = envs.render()
    assert pictures is not None
    single = gym.make(DRYING, **TINY, render_mode="rgb_array")
    single.reset(seed=1)
    single.step(np.zeros(3, np.float32))
    assert np.array_equal(pictures[1], single.render())
    assert make(DRYING, 2).render() is None
    with pytest.raises(InputError, match="use None or 'rgb_array' for several films"):
        make(DRYING, 2, render_mode="human")


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([True, False], "must be a boolean numpy array"),
        (np.array([True]), "must be a boolean numpy array of shape .2,."),
        (np.array([1, 0]), "must be a boolean numpy array"),
        (np.array([False, False]), "with at least one True"),
    ],
)
def test_invalid_masks_are_refused(mask: Any, message: str) -> None:
    envs = make(DRYING, 2)
    envs.reset(seed=0)
    with pytest.raises(InputError, match=message):
        envs.reset(options={"reset_mask": mask})


def test_wrong_use_is_refused_and_changes_nothing() -> None:
    for count in (0, 2.5, "two"):
        with pytest.raises(InputError, match=f"num_envs is {count!r}; it must be a whole number"):
            VectorDryingEnv(num_envs=count, **TINY)
    with pytest.raises(InputError, match=r"max_episode_steps is 2\.5; it must be a whole number"):
        VectorDryingEnv(num_envs=2, max_episode_steps=2.5, **TINY)
    for refusing in (make(DRYING, 2), DryingEnv(**TINY)):
        with pytest.raises(InputError, match="options is 5; it must be a dict"):
            refusing.reset(options=5)
    envs = make(DRYING, 2)
    actions = np.zeros(envs.action_space.shape, np.float32)
    with pytest.raises(InputError, match="call reset first"):
        envs.step(actions)
    with pytest.raises(InputError, match="films that never started; call reset without it first"):
        envs.reset(options={"reset_mask": np.array([True, False])})
    envs.reset(seed=0)
    unknown = actions.copy()
    unknown[1, 2] = np.nan
    for wrong, message in (
        (actions[:1], "actions have the shape"),
        (unknown, "must be 3 numbers from -1 to 1"),
    ):
        with pytest.raises(InputError, match=message):
            envs.step(wrong)
    with pytest.raises(InputError, match="3 seeds are given for 2 films"):
        envs.reset(seed=[1, 2, 3])
    with pytest.raises(InputError, match="reset has no option 'color'"):
        envs.reset(options={"color": 1})
    fresh = make(DRYING, 2)
    fresh.reset(seed=0)
    # The refused reset drew a seed for the first film, which does not affect the running film.
    assert_same(envs.step(actions), fresh.step(actions))


@pytest.mark.parametrize("name", ["Annealing", "Drying"])
def test_a_step_fetches_as_often_from_the_device_whatever_the_number_of_films(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = []
    cpu = torch.Tensor.cpu

    def counting(tensor: torch.Tensor) -> torch.Tensor:
        fetched.append(tensor.numel())
        return cpu(tensor)

    monkeypatch.setattr(torch.Tensor, "cpu", counting)
    calls = []
    for count in (2, 6):
        envs = gym.make_vec(f"morphsim:morphsim/{name}-v0", num_envs=count, shape=(8, 32), steps=4)
        envs.reset(seed=0, options={"film_seed": 3})
        fetched.clear()
        envs.step(np.zeros(envs.action_space.shape, np.float32))
        calls.append(len(fetched))
        envs.close()
    # Frames, times, thicknesses, and which films diverged, where they are not known already.
    assert calls[0] == calls[1] <= 4


def test_films_do_not_depend_on_the_number_of_threads() -> None:
    ends = []
    for threads in (1, 2):
        envs = pickle.loads(pickle.dumps(VectorDryingEnv(num_envs=3, shape=(8, 16), threads=threads)))
        envs.reset(seed=1)
        actions = np.linspace(-1.0, 1.0, 9, dtype=np.float32).reshape(3, 3)
        for _ in range(3):
            observation, _, _, _, infos = envs.step(actions)
        ends.append((observation, infos["time_s"]))
    assert np.array_equal(ends[0][0], ends[1][0]) and np.array_equal(ends[0][1], ends[1][1])


@pytest.mark.parametrize("threads", [0, 0.5, True, 10**6])
def test_a_wrong_number_of_threads(threads: Any) -> None:
    with pytest.raises(InputError, match="threads"):
        VectorDryingEnv(num_envs=2, shape=(8, 16), threads=threads)
