"""TorchRL collects steps of a film whose reward is the latent distance to a target.

python examples/torchrl_collect.py --total-frames 200
"""

import argparse

import gymnasium as gym
import numpy as np
from tensordict.nn import TensorDictModule
from torch import nn
from torchrl.collectors import Collector
from torchrl.envs import GymWrapper, TransformedEnv
from torchrl.envs.transforms import Compose, InitTracker, RewardSum

from morphsim import LatentObservationWrapper, LatentRewardWrapper, load_encoder

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--total-frames", type=int, default=200, help="steps to collect")
parser.add_argument("--frames-per-batch", type=int, default=20)
parser.add_argument("--policy", choices=["random", "untrained"], default="untrained")
arguments = parser.parse_args()

encoder = load_encoder("default", device="cpu")
bilayer = np.zeros(encoder.frame_shape, np.uint8)
bilayer[encoder.frame_shape[0] // 2 :] = 1  # the donor on the substrate

film = gym.make("morphsim:morphsim/Drying-v0", knobs=["evaporation", "temperature"], steps=10)
film = LatentRewardWrapper(film, encoder, target=bilayer, reward="progress")
film = LatentObservationWrapper(film, encoder, parts=["content", "target"], info_keys=["dryness"])
env = TransformedEnv(GymWrapper(film), Compose(InitTracker(), RewardSum()))
env.set_seed(0)

size, knobs = env.observation_spec["observation"].shape[-1], env.action_spec.shape[-1]
network = nn.Sequential(nn.Linear(size, 64), nn.Tanh(), nn.Linear(64, knobs), nn.Tanh())
untrained = TensorDictModule(network, in_keys=["observation"], out_keys=["action"])
collector = Collector(
    env,
    None if arguments.policy == "random" else untrained,
    frames_per_batch=min(arguments.frames_per_batch, arguments.total_frames),
    total_frames=arguments.total_frames,
)
collected = 0
for batch in collector:
    collected += batch.numel()
    after = batch["next"]
    ended = after["done"]
    print(
        f"{collected} frames, mean reward {after['reward'].mean():+.3f}, {int(ended.sum())} films ended"
        + (f" with a mean return of {after['episode_reward'][ended].mean():+.3f}" if ended.any() else "")
    )
collector.shutdown()
