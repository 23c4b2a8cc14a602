"""Latent goals: stored goals earn the rewards of the steps, and Stable-Baselines3 learns from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stable_baselines3 import DQN, HerReplayBuffer
from stable_baselines3.common.env_checker import check_env as check_by_sb3

from morphsim import LatentGoalWrapper
from morphsim.errors import InputError
from morphsim.rewards import FixedTargets, Transition
from tests.rewards.rewards_helpers import Replay, hand_encoder, layers

FILM = np.stack([layers(0, 0), layers(6, 8), layers(3, 4), layers(3, 0), layers(9, 2)])
REWARDS: list[Any] = [
    "distance",
    "squared",
    "cosine",
    "mahalanobis",
    "log_prob",
    "sparse",
    "progress",
    "shaped",
]


def middle(step: Transition) -> Any:
    return -step.distance * step.previous_distance + step.original_reward


def goal_env(reward: Any = "distance", **settings: Any) -> LatentGoalWrapper:
    return LatentGoalWrapper(
        Replay(FILM), hand_encoder(), **{"target": layers(3, 4), "reward": reward, **settings}
    )


@pytest.mark.parametrize("reward", [*REWARDS, middle])
@pytest.mark.parametrize("settings", [{}, {"own_weight": 0.5, "reward_scale": 3.0}])
def test_stored_goals_earn_exactly_the_reward_of_the_step(reward: Any, settings: Any) -> None:
    env = goal_env(reward, **settings)
    env.reset(seed=0)
    stored = []
    for _ in range(4):
        observation, given, _, _, info = env.step(0)
        stored.append((observation, given, info))
    achieved = np.stack([observation["achieved_goal"] for observation, _, _ in stored])
    desired = np.stack([observation["desired_goal"] for observation, _, _ in stored])
    infos = [info for _, _, info in stored]
    batch = env.compute_reward(achieved, desired, np.array(infos))
    assert batch.shape == (4,)
    for row, (_, given, info) in enumerate(stored):
        assert env.compute_reward(achieved[row], desired[row], info) == given
        assert float(batch[row]) == given


def test_goals_are_latents_and_other_goals_earn_their_own_rewards() -> None:
    env = goal_env("progress")
    observation, _ = env.reset(seed=0)
    assert observation["achieved_goal"].tolist() == [0.0, 0.0]
    assert observation["desired_goal"].tolist() == [3.0, 4.0]
    observation, _, _, _, info = env.step(0)
    # From (0, 0) to (6, 8): a gain of 10 / 2 towards (6, 8), and an equal loss away from (0, 0).
    for goal, gain in (([6.0, 8.0], 5.0), ([0.0, 0.0], -5.0)):
        assert env.compute_reward(observation["achieved_goal"], np.array(goal), info) == pytest.approx(gain)


def test_log_prob_goals_include_their_deviations() -> None:
    env = goal_env("log_prob")
    observation, _ = env.reset(seed=0)
    assert observation["desired_goal"].tolist() == [3.0, 4.0, 0.5, 2.0]
    with pytest.raises(InputError, match="no posterior"):
        goal_env("log_prob", target=np.array([3.0, 4.0]))


def test_of_several_targets_one_is_drawn_for_each_episode() -> None:
    env = goal_env(target=np.stack([layers(3, 4), layers(6, 8)]))
    goals = [tuple(env.reset(seed=seed)[0]["desired_goal"]) for seed in range(20)]
    assert set(goals) == {(3.0, 4.0), (6.0, 8.0)}
    assert goals == [tuple(env.reset(seed=seed)[0]["desired_goal"]) for seed in range(20)]
    observation, _ = env.reset(options={"target": layers(1, 1)})
    assert observation["desired_goal"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("reward", REWARDS)
def test_sb3_s_checker_accepts_every_reward(reward: Any) -> None:
    check_by_sb3(goal_env(reward), warn=False)


@pytest.mark.parametrize("reward", [*REWARDS, middle])
def test_relabelled_steps_earn_exactly_what_compute_reward_returns(reward: Any) -> None:
    targets = FixedTargets([layers(3, 4), layers(6, 8), layers(9, 9)])
    model = DQN(
        "MultiInputPolicy",
        goal_env(reward, target=targets),
        replay_buffer_class=HerReplayBuffer,
        replay_buffer_kwargs={"n_sampled_goal": 4, "copy_info_dict": True},
        learning_starts=20,
        buffer_size=200,
        seed=0,
    )
    model.learn(60)
    buffer = model.replay_buffer
    assert isinstance(buffer, HerReplayBuffer)
    samples = buffer.sample(64)
    relabelled = (samples.observations["desired_goal"] != samples.next_observations["achieved_goal"]).any()
    assert bool(relabelled)
    # The expected reward of each step under the goal of its sample.
    env = goal_env(reward, target=targets)
    infos = buffer.infos
    by_transition = {}
    for row in range(buffer.pos):
        key = (
            tuple(buffer.observations["achieved_goal"][row, 0]),
            tuple(buffer.next_observations["achieved_goal"][row, 0]),
        )
        by_transition[key] = infos[row, 0]
    for row in range(64):
        before = tuple(samples.observations["achieved_goal"][row].numpy())
        after = samples.next_observations["achieved_goal"][row].numpy()
        goal = samples.observations["desired_goal"][row].numpy()
        expected = env.compute_reward(after, goal, by_transition[before, tuple(after)])
        assert float(samples.rewards[row]) == np.float32(expected)


def test_rewards_that_need_the_previous_frame_require_the_info() -> None:
    env = goal_env("progress")
    observation, _ = env.reset()
    goals = np.repeat(observation["achieved_goal"][None], 3, axis=0)
    with pytest.raises(InputError, match=r"needs 'previous_achieved_goal'.*copy_info_dict=True"):
        env.compute_reward(goals, goals, [{}])
    with pytest.raises(InputError, match=r"goals have the shapes \(3, 2\) and \(2,\)"):
        env.compute_reward(goals, goals[0], [{}])
    with pytest.raises(InputError, match="2 infos are given for 3 goals"):
        env.compute_reward(goals, goals, [{}, {}])
    # Rewards of the present frame alone need no info, which is the default of the buffer.
    assert goal_env().compute_reward(goals, goals, [{}]).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("reward", [*REWARDS, middle])
def test_zero_goals_give_zero_rewards(reward: Any) -> None:
    env = goal_env(reward)
    none = np.zeros((0, env.goals.space.shape[0]), np.float32)
    assert env.compute_reward(none, none, []).shape == (0,)


def test_a_distribution_of_targets_has_its_mean_as_the_goal() -> None:
    env = goal_env(target=np.stack([layers(2, 4), layers(6, 8)]), several="distribution")
    observation, _ = env.reset(seed=0)
    assert (observation["desired_goal"] * env.goals.unit).tolist() == [4.0, 6.0]


def test_truncation_costs_a_penalty_for_goals_too() -> None:
    env = goal_env("progress", truncation_penalty=0.75)
    observation, _ = env.reset(seed=0)
    goal = observation["desired_goal"]
    over = False
    while not over:
        observation, reward, terminated, truncated, info = env.step(0)
        over = terminated or truncated
        assert env.compute_reward(observation["achieved_goal"], goal, info) == reward
    under_way = {**info, "terminated": False, "truncated": False}
    plain = env.compute_reward(observation["achieved_goal"], goal, under_way)
    cut_off = env.compute_reward(observation["achieved_goal"], goal, {**under_way, "truncated": True})
    assert cut_off == pytest.approx(plain - 0.75)
    # An episode that ends in the step of its time limit was not cut off.
    ended = {**info, "terminated": True, "truncated": True}
    assert env.compute_reward(observation["achieved_goal"], goal, ended) == plain
    with pytest.raises(InputError, match="needs 'truncated' of each step's info"):
        env.compute_reward(observation["achieved_goal"], goal, {"previous_achieved_goal": goal})
