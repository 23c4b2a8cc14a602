"""Agents of Stable-Baselines3 learn through the bridge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from stable_baselines3 import DQN, PPO, SAC, HerReplayBuffer
from stable_baselines3.common.evaluation import evaluate_policy

from morphsim import VectorLatentRewardWrapper
from morphsim.rewards import SB3VecEnv
from tests.rewards.rewards_helpers import Replay, hand_encoder, layers
from tests.rewards.sb3_helpers import COUNT, VectorWalk, Walk, frames, walks


def test_ppo_learns_and_its_returns_are_logged() -> None:
    encoder = hand_encoder(known=True)
    makers = [lambda seed=seed: Replay(frames(seed), place="info") for seed in range(2)]
    envs = VectorLatentRewardWrapper(
        SyncVectorEnv(makers, autoreset_mode="SameStep"),
        encoder,
        target=layers(5, 5),
        reward="progress",
        frame="info:picture",
    )
    bridge = SB3VecEnv(envs)
    model = PPO("MlpPolicy", bridge, n_steps=32, batch_size=32, n_epochs=1, device="cpu", seed=0)
    model.learn(128)
    episodes = list(model.ep_info_buffer or [])
    assert [episode["l"] for episode in episodes] == [3] * (2 * (64 // 3))
    # The frames, and so the returns, do not depend on the actions.
    mean, _ = evaluate_policy(model, bridge, n_eval_episodes=4)
    returns = [episode["r"] for episode in episodes]
    assert mean == pytest.approx(np.mean(returns), abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("vector", DQN), ("vector", SAC), ("sync", SAC), ("async", DQN)]
)
def test_hindsight_replay_runs(kind: str, algorithm: Any) -> None:
    arguments = {"discrete": algorithm is DQN}
    envs: Any = VectorWalk(COUNT, **arguments)
    if kind == "sync":
        envs = SyncVectorEnv(walks(**arguments), autoreset_mode="SameStep")
    elif kind == "async":
        envs = AsyncVectorEnv(walks(**arguments), autoreset_mode="SameStep", context="fork")
    bridge = SB3VecEnv(envs)
    model = algorithm(
        "MultiInputPolicy",
        bridge,
        replay_buffer_class=HerReplayBuffer,
        replay_buffer_kwargs={"n_sampled_goal": 4, "copy_info_dict": kind == "vector"},
        learning_starts=50,
        train_freq=16,
        batch_size=32,
        policy_kwargs={"net_arch": [16]},
        device="cpu",
        seed=0,
    )
    model.learn(210)
    # Relabelled steps have the rewards that the environments compute for the relabelled goals.
    batch = model.replay_buffer.sample(200)
    achieved = batch.next_observations["achieved_goal"].numpy()
    desired = batch.next_observations["desired_goal"].numpy()
    expected = Walk().compute_reward(achieved, desired, {})
    np.testing.assert_array_equal(batch.rewards.numpy()[:, 0], expected)
    assert (expected == 0).any() and (expected == -1).any()
    bridge.close()
