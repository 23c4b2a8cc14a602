"""Stable-Baselines3's PPO on the batched films: all films of a step are simulated and encoded at once.

python examples/sb3_ppo.py --total-steps 4000
"""

import argparse

import gymnasium as gym
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy

from morphsim import VectorLatentObservationWrapper, VectorLatentRewardWrapper, load_encoder
from morphsim.rewards import SB3VecEnv

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--total-steps", type=int, default=4000)
parser.add_argument("--n-envs", type=int, default=4)
parser.add_argument("--n-steps", type=int, default=20, help="steps of each film between two updates")
parser.add_argument("--steps", type=int, default=10, help="steps of a film")
arguments = parser.parse_args()

# A film that dries slowly is what we want; the agent may set the evaporation rate.
encoder = load_encoder("default")
film = gym.make("morphsim:morphsim/Drying-v0", knobs=["evaporation"], steps=arguments.steps)
film.reset(seed=1)
for _ in range(arguments.steps):
    frame = film.step(np.array([-0.6], np.float32))[0]

envs = gym.make_vec(
    "morphsim:morphsim/Drying-v0", num_envs=arguments.n_envs, knobs=["evaporation"], steps=arguments.steps
)
envs = VectorLatentRewardWrapper(envs, encoder, target=frame[0], reward="progress")
envs = VectorLatentObservationWrapper(envs, encoder, parts=["content", "target"], info_keys=["dryness"])
films = SB3VecEnv(envs)
model = PPO(
    "MlpPolicy",
    films,
    n_steps=arguments.n_steps,
    batch_size=arguments.n_steps * arguments.n_envs,
    gamma=1.0,
    seed=0,
    device="cpu",
)
before, _ = evaluate_policy(model, films, n_eval_episodes=arguments.n_envs, warn=False)
model.learn(arguments.total_steps)
after, _ = evaluate_policy(model, films, n_eval_episodes=arguments.n_envs, warn=False)
print(f"mean return: {before:.3f} untrained, {after:.3f} after {model.num_timesteps} steps")
