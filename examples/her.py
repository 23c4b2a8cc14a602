"""Hindsight experience replay: the agent also learns from each film how to make the frames that it reached.

python examples/her.py --total-steps 2000
"""

import argparse

import gymnasium as gym
import numpy as np
from stable_baselines3 import SAC, HerReplayBuffer

from morphsim import LatentGoalWrapper, load_encoder

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--total-steps", type=int, default=2000)
parser.add_argument("--steps", type=int, default=10, help="steps of a film")
arguments = parser.parse_args()

encoder = load_encoder("default")


def last_frame(evaporation: float) -> np.ndarray:
    """The last frame of a film that dries at one rate, from -1 (slowest) to 1."""
    film = gym.make("morphsim:morphsim/Drying-v0", knobs=["evaporation"], steps=arguments.steps)
    film.reset(seed=int(100 * (evaporation + 1)))
    for _ in range(arguments.steps):
        frame = film.step(np.array([evaporation], np.float32))[0]
    return frame[0]


# At each reset one of these is drawn as the goal of the film.
goals = np.stack([last_frame(evaporation) for evaporation in (-0.8, 0.0, 0.8)])
env = gym.make("morphsim:morphsim/Drying-v0", knobs=["evaporation"], steps=arguments.steps)
# The reward is the default, "progress": a reward per step would favour films that dry fast.
env = LatentGoalWrapper(env, encoder, target=goals, info_keys=["dryness"])
model = SAC(
    "MultiInputPolicy",
    env,
    replay_buffer_class=HerReplayBuffer,
    # Progress depends on the previous frame, which is in the info of each step.
    replay_buffer_kwargs={
        "n_sampled_goal": 4,
        "goal_selection_strategy": "future",
        "copy_info_dict": True,
    },
    # Hindsight needs a complete film.
    learning_starts=4 * arguments.steps,
    gamma=1.0,
    ent_coef="auto_0.05",
    seed=0,
    device="cpu",
)
model.learn(arguments.total_steps)

for number, goal in enumerate(goals):
    observation, info = env.reset(seed=1000, options={"target": goal})
    over = False
    while not over:
        action, _ = model.predict(observation, deterministic=True)
        observation, _, terminated, truncated, info = env.step(action)
        over = terminated or truncated
    print(f"goal {number}: the film ends at distance {info['distance']:.3f}, success {info['success']}")
