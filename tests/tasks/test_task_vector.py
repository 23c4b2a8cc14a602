"""The vector environment of a task, in one batch and in worker processes, is many single ones."""

from __future__ import annotations

import functools
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv

from morphsim.errors import InputError
from morphsim.tasks import Task, make_task, make_vector_task
from tests.rewards.vector_helpers import same

# The small encoder has seen other films than those of the coarse task.
pytestmark = pytest.mark.filterwarnings("ignore:target 0 lies outside")

PARTS = ("observations", "rewards", "terminated", "truncated", "infos")


def side_by_side(one: Any, other: Any, *, steps: int) -> int:
    """Step both; returns how many episodes ended."""
    assert one.single_observation_space == other.single_observation_space
    assert one.observation_space == other.observation_space
    same(one.reset(seed=5), other.reset(seed=5), "reset")
    one.action_space.seed(0)
    ended = 0
    for number in range(steps):
        actions = one.action_space.sample()
        left, right = one.step(actions), other.step(actions)
        for name, its, others in zip(PARTS, left, right, strict=True):
            same(its, others, f"step {number}: {name}")
        ended += int(left[2].sum())
        assert not left[3].any()
    mask = np.array([False, True])
    options = [{"reset_mask": mask.copy(), "target": name} for name in ("columns", "columns")]
    same(one.reset(seed=9, options=options[0]), other.reset(seed=9, options=options[1]), "masked reset")
    same(one.step(actions), other.step(actions), "step after the masked reset")
    one.close()
    other.close()
    return ended


@pytest.mark.parametrize("observation", ["latent", "dict"])
def test_a_batch_is_as_many_single_environments(coarse: Task, observation: Any) -> None:
    arguments: dict[str, Any] = {"task": coarse.name, "observation": observation, "split": "validation"}
    one = SyncVectorEnv(
        [functools.partial(make_task, **arguments)] * 2, autoreset_mode=AutoresetMode.SAME_STEP
    )
    assert side_by_side(one, make_vector_task(num_envs=2, **arguments), steps=14) >= 4


def test_a_batch_by_id_is_as_many_single_environments() -> None:
    name = "morphsim:morphsim/Annealing-v1"
    one = SyncVectorEnv([lambda: gym.make(name)] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    envs: Any = gym.make_vec(name, num_envs=2)
    assert envs.spec.reward_threshold is not None
    assert (envs.task.name, len(envs.targets.names)) == ("Annealing-v1", 133)
    # Two films end, and the next two begin.
    assert side_by_side(one, envs, steps=13) == 2


def test_batches_take_targets_by_name_and_say_which_were_drawn(coarse: Task) -> None:
    envs = make_vector_task(task=coarse.name, num_envs=2, split="test")
    _, infos = envs.reset(seed=0, options={"target": "fine"})
    assert infos["target_name"].tolist() == ["fine", "fine"]
    names, ends = [], 0
    for _ in range(14):
        _, _, terminated, _, infos = envs.step(envs.action_space.sample())
        ends += int(terminated.sum())
        if "target_name" in infos:
            assert infos["_target_name"].tolist() == terminated.tolist()
            names += infos["target_name"][terminated].tolist()
    assert len(names) == ends >= 4
    assert set(names) <= {"test-0", "test-1"}
    with pytest.raises(InputError, match="there is no target 'fin'"):
        envs.reset(options={"target": "fin"})


def test_batches_end_on_success(coarse: Task) -> None:
    envs = make_vector_task(task=coarse.name, num_envs=2, terminate_on_success=True, threads=2)
    assert envs.metadata["agent_sets_length"] is True
    assert envs.reset(seed=0)[0].shape == envs.observation_space.shape


def test_stable_baselines_makes_them_in_workers() -> None:
    name = "morphsim:morphsim/Annealing-v1"
    workers = make_vec_env(name, n_envs=2, seed=3, vec_env_cls=SubprocVecEnv)
    try:
        seen = [workers.reset(), workers.step(np.zeros((2, 1), np.float32))[0]]
        task = workers.get_attr("task", indices=[0])[0]
    finally:
        workers.close()
    assert task.name == "Annealing-v1"
    here = make_vec_env(name, n_envs=2, seed=3)
    expected = [here.reset(), here.step(np.zeros((2, 1), np.float32))[0]]
    assert all(np.allclose(left, right, atol=1e-5) for left, right in zip(seen, expected, strict=True))


def test_gymnasium_makes_them_in_workers() -> None:
    name = "morphsim:morphsim/Annealing-v1"
    workers = AsyncVectorEnv([functools.partial(gym.make, name)], autoreset_mode=AutoresetMode.SAME_STEP)
    try:
        observation, infos = workers.reset(seed=3)
    finally:
        workers.close()
    here, info = gym.make(name).reset(seed=3)
    assert np.allclose(observation[0], here, atol=1e-5)
    assert infos["target_name"][0] == info["target_name"]
