"""Wrap an environment: the latent distance to a target becomes its reward. Random actions, one film."""

import gymnasium as gym
import numpy as np

from morphsim import LatentRewardWrapper, load_encoder

target = np.arange(100)[:, None] // 50 * np.ones(400, int)  # a bilayer: the donor on the substrate
env = gym.make("morphsim:morphsim/Drying-v0", shape=(100, 400))
env = LatentRewardWrapper(env, load_encoder("default"), target=target, reward="progress")
frame, info = env.reset(seed=0)
for _ in range(20):
    frame, reward, terminated, truncated, info = env.step(env.action_space.sample())
    print(f"dryness {info['dryness']:.2f}: distance {info['distance']:.2f}, reward {reward:+.2f}")
