"""Wrap an environment: the latent distance to a target becomes its reward. Random actions, one film."""

import gymnasium as gym
import numpy as np

from morphsim import LatentRewardWrapper, load_encoder

target = np.zeros((100, 400), np.uint8)
target[50:] = 1  # a bilayer: the donor on the substrate
env = gym.make("morphsim:morphsim/Drying-v0", shape=(100, 400), knobs=["evaporation", "temperature"])
env = LatentRewardWrapper(env, load_encoder("default"), target=target, reward="progress")
env.action_space.seed(0)
frame, info = env.reset(seed=0)
terminated = truncated = False
while not (terminated or truncated):
    frame, reward, terminated, truncated, info = env.step(env.action_space.sample())
    print(f"dryness {info['dryness']:.2f}: distance {info['distance']:.2f}, reward {reward:+.2f}")
