"""Stable-Baselines3's SAC on one film at a time, scored by the distance of its last frame.

python examples/sb3_sac.py --total-steps 2000
"""

import argparse

import gymnasium as gym
import numpy as np
from stable_baselines3 import SAC
from stable_baselines3.common.monitor import Monitor

from morphsim import LatentObservationWrapper, LatentRewardWrapper, load_encoder

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--total-steps", type=int, default=2000)
parser.add_argument("--steps", type=int, default=10, help="steps of a film")
arguments = parser.parse_args()

encoder = load_encoder("default")
film = gym.make("morphsim:morphsim/Drying-v0", knobs=["evaporation", "temperature"], steps=arguments.steps)
film.reset(seed=1)
for _ in range(arguments.steps):
    frame = film.step(np.array([-0.6, 0.4], np.float32))[0]


def make_env() -> gym.Env:
    """A film with its reward and its latent observation."""
    env = gym.make("morphsim:morphsim/Drying-v0", knobs=["evaporation", "temperature"], steps=arguments.steps)
    env = LatentRewardWrapper(env, encoder, target=frame[0], reward="progress")
    env = LatentObservationWrapper(env, encoder, parts=["content", "target"], info_keys=["dryness"])
    return Monitor(env, info_keywords=("distance", "is_success"))


# A step earns tenths: with the usual initial weight of 1, the entropy would dominate for a long time.
model = SAC(
    "MlpPolicy", make_env(), gamma=1.0, ent_coef="auto_0.05", learning_starts=20, seed=0, device="cpu"
)
model.learn(arguments.total_steps)

env = make_env()
observation, info = env.reset(seed=1000)
over = False
while not over:
    action, _ = model.predict(observation, deterministic=True)
    observation, _, terminated, truncated, info = env.step(action)
    over = terminated or truncated
print(f"a new film ends at distance {info['distance']:.3f}, percentile {info['percentile']:.0f}")
