"""The bridge to Stable-Baselines3 returns what SB3's own vector environment returns."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from morphsim import LatentGoalWrapper, VectorLatentGoalWrapper
from morphsim.errors import InputError
from morphsim.rewards import FixedTargets, SB3VecEnv
from tests.rewards.rewards_helpers import Replay, hand_encoder, layers
from tests.rewards.sb3_helpers import COUNT, VectorWalk, Walk, compare, frames, same, walks


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("arguments", [{}, {"goals": False, "discrete": True}], ids=["goals", "discrete"])
def test_steps_are_those_of_the_usual_vector_environment(kind: str, arguments: dict[str, Any]) -> None:
    makers = walks(**arguments)
    envs = SyncVectorEnv(makers, autoreset_mode="SameStep")
    if kind == "async":
        envs = AsyncVectorEnv(makers, autoreset_mode="SameStep", context="fork")
    usual = DummyVecEnv([lambda maker=maker: Monitor(maker()) for maker in makers])
    bridge = SB3VecEnv(envs)
    ends = compare(bridge, usual)
    bridge.close()
    assert len(ends) > 10
    assert {info["TimeLimit.truncated"] for info in ends} == {True, False}
    assert all(info["terminal_observation"] is not None for info in ends)


def test_third_party_vector_environments() -> None:
    bridge = SB3VecEnv(VectorWalk(COUNT))
    usual = DummyVecEnv([lambda: Monitor(Walk()) for _ in range(COUNT)])
    ends = compare(bridge, usual)
    assert all(set(info["terminal_observation"]) == set(bridge.observation_space.spaces) for info in ends)


def test_monitors_inside_and_statistics_outside_agree() -> None:
    makers = [lambda maker=maker: Monitor(maker(), info_keywords=("distance",)) for maker in walks()]
    within = SB3VecEnv(SyncVectorEnv(makers, autoreset_mode="SameStep"))
    ends = compare(within, DummyVecEnv(makers))
    assert all(info["episode"]["distance"] == info["distance"] for info in ends)
    around = SB3VecEnv(RecordEpisodeStatistics(SyncVectorEnv(walks(), autoreset_mode="SameStep")))
    compare(around, DummyVecEnv([lambda maker=maker: Monitor(maker()) for maker in walks()]))


def test_vec_monitor_around_counts_the_same() -> None:
    bridge = SB3VecEnv(SyncVectorEnv(walks(), autoreset_mode="SameStep"))
    with pytest.warns(UserWarning, match="already wrapped"):
        monitored = VecMonitor(bridge)
    counted = SB3VecEnv(SyncVectorEnv(walks(), autoreset_mode="SameStep"))
    for envs in (monitored, counted):
        envs.seed(7)
    same(monitored.reset(), counted.reset())
    for _ in range(20):
        actions = np.ones((COUNT, 1), np.float32)
        same(list(monitored.step(actions)), list(counted.step(actions)))
    assert monitored.episode_count > 5


def test_latent_goals_are_those_of_single_environments() -> None:
    encoder, targets = hand_encoder(known=True), FixedTargets([layers(3, 4), layers(8, 1)])
    makers = [lambda seed=seed: Replay(frames(seed), terminates=seed > 0) for seed in range(COUNT)]
    envs = VectorLatentGoalWrapper(
        SyncVectorEnv(makers, autoreset_mode="SameStep"), encoder, target=targets, reward="distance"
    )
    usual = DummyVecEnv(
        [
            lambda maker=maker: Monitor(
                LatentGoalWrapper(maker(), encoder, target=targets, reward="distance")
            )
            for maker in makers
        ]
    )
    bridge = SB3VecEnv(envs)
    ends = compare(bridge, usual)
    assert {"distance", "is_success", "latent", "previous_achieved_goal"} <= set(ends[0])
    goals = np.ones((5, *bridge.observation_space["achieved_goal"].shape), np.float32)
    (rewards,) = bridge.env_method("compute_reward", goals, 2 * goals, [{}] * 5, indices=[0])
    same(rewards, usual.env_method("compute_reward", goals, 2 * goals, [{}] * 5, indices=[0])[0])
    assert rewards.shape == (5,) and rewards.dtype == np.float32


def test_the_autoreset_mode_must_be_same_step() -> None:
    with pytest.raises(InputError, match=r'autoreset_mode is NEXT_STEP.*autoreset_mode="SameStep"'):
        SB3VecEnv(SyncVectorEnv(walks()))
    with pytest.raises(InputError, match="DISABLED"):
        SB3VecEnv(SyncVectorEnv(walks(), autoreset_mode="Disabled"))
    with pytest.raises(InputError, match=r"envs is a Walk"):
        SB3VecEnv(Walk())  # type: ignore[arg-type]
    mended = gym.make_vec(
        "CartPole-v1",
        num_envs=2,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
    )
    assert SB3VecEnv(mended).num_envs == 2


def test_a_missing_last_observation_is_an_error() -> None:
    class Silent(VectorWalk):
        def step(self, actions: Any) -> Any:
            *rest, infos = super().step(actions)
            return *rest, {key: value for key, value in infos.items() if "final" not in key}

    bridge = SB3VecEnv(Silent(1, longest=1))
    bridge.reset()
    with pytest.raises(InputError, match="no final_obs"):
        bridge.step(np.zeros((1, 1), np.float32))


def test_infos_and_observations_are_the_callers_own() -> None:
    envs = SyncVectorEnv(walks(), copy=False, autoreset_mode="SameStep")
    bridge = SB3VecEnv(envs)
    bridge.seed(1)
    first = bridge.reset()
    kept = {name: values.copy() for name, values in first.items()}
    _, _, _, infos = bridge.step(np.ones((COUNT, 1), np.float32))
    same(first, kept)
    latents = [info["latent"] for info in infos]
    infos[0]["latent"][:] = 99
    infos[0]["more"] = True
    assert "more" not in infos[1]
    assert (latents[1] != 99).all()


def test_seeds_and_options_are_for_one_reset() -> None:
    bridge = SB3VecEnv(SyncVectorEnv(walks(), autoreset_mode="SameStep"))
    bridge.seed(5)
    bridge.set_options({"place": 0.5})
    assert (bridge.reset()["observation"] == 0.5).all()
    second = bridge.reset()["observation"]
    assert len(set(second[:, 0].tolist())) == COUNT
    assert not (second == 0.5).any()
    for _ in range(2):
        bridge.seed(5)
        same(bridge.reset()["observation"][:, 0].tolist(), second_of(5))
    bridge.set_options([{"place": value} for value in (0.1, 0.2, 0.3)])
    with pytest.raises(InputError, match="options differ"):
        bridge.reset()


def second_of(seed: int) -> list[float]:
    """The first positions of walks seeded from `seed` on."""
    return [float(Walk().reset(seed=seed + row)[0]["observation"][0]) for row in range(COUNT)]


def test_films_in_one_batch() -> None:
    envs = gym.make_vec(
        "morphsim:morphsim/Drying-v0", num_envs=2, knobs=["evaporation"], shape=(32, 32), steps=2
    )
    bridge = SB3VecEnv(envs)
    bridge.seed(4)
    bridge.reset()
    seeds = bridge.get_attr("film_seed")
    assert len(set(seeds)) == 2
    for number in (1, 2):
        shown = bridge.get_attr("frame")
        _, _, done, infos = bridge.step(np.zeros((2, 1), np.float32))
        assert done.tolist() == [number == 2] * 2
    for row, info in enumerate(infos):
        assert info["episode"]["l"] == 2
        assert info["terminal_observation"].shape == bridge.observation_space.shape
        # The last frame of the film that ended differs from the frame before, and another film has begun.
        assert not np.array_equal(info["terminal_observation"][0] > 0, shown[row] > 0)
        assert bridge.get_attr("film_seed", indices=row) != [seeds[row]]
    assert [values.shape for values in bridge.env_method("action_of")] == [(1,), (1,)]
    bridge.close()


def test_the_package_does_not_import_stable_baselines3() -> None:
    code = "import sys, morphsim.rewards as r; print('stable_baselines3' in sys.modules); r.SB3VecEnv"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
