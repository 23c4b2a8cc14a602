"""A planner without learning: from each state of the film it tries several schedules and takes the best.

python examples/planner.py --candidates 8 --horizon 4

The branches use `get_state` and `set_state` of the wrapped environment; the film that is kept has the
noise of its own seed, like any other.
"""

import argparse

import gymnasium as gym
import numpy as np

from morphsim import LatentRewardWrapper, load_encoder

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--candidates", type=int, default=8)
parser.add_argument("--horizon", type=int, default=4)
parser.add_argument("--steps", type=int, default=10)
arguments = parser.parse_args()

film = gym.make("morphsim:morphsim/Drying-v0", knobs=["evaporation", "temperature"], steps=arguments.steps)
film.reset(seed=1)
over = False
while not over:
    frame, _, terminated, truncated, _ = film.step(np.array([-0.7, 0.5], np.float32))
    over = terminated or truncated

env = LatentRewardWrapper(film, load_encoder("default"), target=frame[0], reward="progress")
random = np.random.default_rng(0)
_, info = env.reset(seed=2)
first, over = info["distance"], False
while not over:
    state, best = env.get_state(), None
    # Each candidate keeps its knobs over the horizon: few constant schedules are better than many noisy ones.
    for action in random.uniform(-1, 1, (arguments.candidates, 2)).astype(np.float32):
        env.set_state(state)
        for _ in range(arguments.horizon):
            _, _, terminated, truncated, info = env.step(action)
            if terminated or truncated:
                break
        if best is None or info["distance"] < best[0]:
            best = (info["distance"], action)
    env.set_state(state)
    _, _, terminated, truncated, info = env.step(best[1])
    over = terminated or truncated
    print(f"dryness {info['dryness']:.2f}: distance {info['distance']:.3f}, knobs {best[1].round(2)}")
print(f"from {first:.3f} to {info['distance']:.3f}")
