"""Your own simulator with the latent reward: the Gray-Scott reaction, steered by its feed and kill rates.

Two chemicals diffuse and react, U + 2 V -> 3 V. U is fed in, V is removed, and the two rates select spots,
worms and labyrinths (Pearson, Science 261, 189, 1993, doi:10.1126/science.261.5118.189).

python examples/gray_scott.py --steps 10
python examples/gray_scott.py --steps 10 --total-steps 2000
"""

import argparse
from typing import Any

import gymnasium as gym
import numpy as np

from morphsim import LatentObservationWrapper, LatentRewardWrapper, load_encoder


class GrayScott(gym.Env):
    """Walls above and below, periodic sides. An observation is a grey picture of V, black without any."""

    observation_space = gym.spaces.Box(0, 255, (100, 400), np.uint8)
    action_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def __init__(self, steps: int, hold: int = 400) -> None:
        self.steps, self.hold = steps, hold

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        """Patches of V are strewn in U; the seed draws where."""
        super().reset(seed=seed)
        seeded = np.kron(self.np_random.random((20, 80)) < 0.1, np.ones((5, 5)))
        self.u, self.v = (1 - 0.5 * seeded).astype(np.float32), (0.25 * seeded).astype(np.float32)
        self.step_number = 0
        return self.picture(), {}

    def step(self, action: np.ndarray):
        """The rates hold for a while; feed is from 0.02 to 0.06, kill from 0.055 to 0.065."""
        feed, kill = 0.04 + 0.02 * float(action[0]), 0.060 + 0.005 * float(action[1])
        for _ in range(self.hold):
            reaction = self.u * self.v**2
            self.u += 0.16 * laplacian(self.u) - reaction + feed * (1 - self.u)
            self.v += 0.08 * laplacian(self.v) + reaction - (feed + kill) * self.v
        self.step_number += 1
        return self.picture(), 0.0, False, self.step_number == self.steps, {}

    def picture(self) -> np.ndarray:
        """V in shades of grey; 0.4 is white."""
        return (255 * np.clip(self.v / 0.4, 0, 1)).astype(np.uint8)


def laplacian(values: np.ndarray) -> np.ndarray:
    """The sum of the four neighbours' differences; nothing flows through the walls."""
    padded = np.pad(np.pad(values, ((1, 1), (0, 0)), "edge"), ((0, 0), (1, 1)), "wrap")
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * values


def run(env: gym.Env, action: tuple[float, float], seed: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Holds the rates for a whole run; its last picture and info."""
    env.reset(seed=seed)
    ended = False
    while not ended:
        picture, _, _, ended, info = env.step(np.array(action, np.float32))
    return picture, info


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--steps", type=int, default=10, help="actions in one run, 400 time steps each")
parser.add_argument("--total-steps", type=int, default=0, help="actions to train PPO for; 0 trains nothing")
arguments = parser.parse_args()

# Actions (feed, kill), each from -1 to 1, by the pattern that they lead to.
patterns = {"labyrinth": (-0.55, -0.6), "worms": (0.0, 0.2), "spots": (-0.25, 1.0)}
picture, _ = run(GrayScott(arguments.steps), patterns["labyrinth"], seed=1)
target = (picture >= 128).astype(np.uint8)  # the wrapper thresholds pictures at one half too

# The encoder was trained on demixing films, unlike these patterns, so the guard is off. Its distances still
# distinguish coarse from fine and many domains from few, which is what is steered here.
env = LatentRewardWrapper(
    GrayScott(arguments.steps), load_encoder("default"), target=target, reward="progress", guard=False
)
for name, action in patterns.items():
    print(f"{name}: distance {run(env, action, seed=2)[1]['distance']:.3f} from a labyrinth of another start")

if arguments.total_steps > 0:
    from stable_baselines3 import PPO

    rollout = 2 * arguments.steps
    latent_env = LatentObservationWrapper(env, load_encoder("default"), parts=["content", "target"])
    model = PPO("MlpPolicy", latent_env, n_steps=rollout, batch_size=rollout, gamma=1.0, seed=0, device="cpu")
    model.learn(arguments.total_steps)
    observation, _ = latent_env.reset(seed=2)
    for _ in range(arguments.steps):
        observation, _, _, _, info = latent_env.step(model.predict(observation, deterministic=True)[0])
    print(f"PPO after {model.num_timesteps} steps: distance {info['distance']:.3f}")
