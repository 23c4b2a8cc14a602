"""Wrap an environment: the latent distance to a target becomes its reward. Random actions, one film."""

import gymnasium as gym

from morphsim import LatentRewardWrapper, load_encoder
from morphsim.frames import binarise
from morphsim.simulator import DryingRecipe, record_film

(film,) = record_film(DryingRecipe(evaporation=0.1), seed=1, frames=1)
target = binarise(film.share)  # (100, 400): the pattern of a film that dried slowly
env = gym.make("morphsim:morphsim/Drying-v0", shape=target.shape)
env = LatentRewardWrapper(env, load_encoder("default"), target=target, reward="progress")
frame, info = env.reset(seed=0)
for _ in range(20):
    frame, reward, terminated, truncated, info = env.step(env.action_space.sample())
    print(f"dryness {info['dryness']:.2f}: distance {info['distance']:.2f}, reward {reward:+.2f}")
