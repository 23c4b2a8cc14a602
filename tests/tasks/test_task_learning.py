"""An agent learns a task by its id alone."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.monitor import Monitor


def test_ppo_learns_by_id() -> None:
    name = "morphsim:morphsim/DryingUnknown-v1"
    judged = gym.make(name, split="validation")
    assert judged.spec is not None and judged.spec.reward_threshold is not None
    evaluation = EvalCallback(
        Monitor(judged),
        n_eval_episodes=2,
        eval_freq=32,
        verbose=0,
    )
    # By the id in a text, as `PPO` makes environments too.
    model = PPO("MlpPolicy", name, n_steps=32, batch_size=16, n_epochs=1, gamma=1.0, seed=0, device="cpu")
    before = [weights.detach().clone() for weights in model.policy.parameters()]
    model.learn(64, callback=evaluation)
    after = list(model.policy.parameters())
    assert any(not np.array_equal(one, other.detach()) for one, other in zip(before, after, strict=True))
    assert np.isfinite(evaluation.last_mean_reward) and evaluation.last_mean_reward != 0.0
    episodes = [entry["r"] for entry in model.ep_info_buffer or ()]
    assert episodes and all(reward != 0.0 for reward in episodes)
    # Complete episodes have no value beyond their end to estimate.
    assert not any(info.get("TimeLimit.truncated", False) for info in model.env.buf_infos)  # type: ignore[union-attr]
