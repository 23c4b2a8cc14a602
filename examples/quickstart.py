"""Wrap an environment: the latent distance to a target becomes its reward. Random actions, one film."""

import gymnasium as gym
import numpy as np

from morphsim import LatentRewardWrapper, load_encoder

target = np.repeat([0, 1], 50)[:, None] * np.ones(400, np.uint8)  # a bilayer: the donor on the substrate
env = gym.make("morphsim:morphsim/Drying-v0", shape=(100, 400))
env = LatentRewardWrapper(env, load_encoder("default"), target=target, reward="progress")
frame, info = env.reset(seed=0)
while info["step_fraction"] < 1 and info["dryness"] < 0.999:
    frame, reward, terminated, truncated, info = env.step(env.action_space.sample())
    print(f"dryness {info['dryness']:.2f}: distance {info['distance']:.2f}, reward {reward:+.2f}")
