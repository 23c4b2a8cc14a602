"""TorchRL's collector on one film: latents as observations, the decrease of the latent distance as reward.

pip install 'morphsim[torchrl]'    # in a clone: pip install '.[torchrl]'
python examples/torchrl_collect.py --total-frames 50
"""

import argparse

import gymnasium as gym
import numpy as np
import torch
from tensordict.nn import TensorDictModule
from torchrl.collectors import Collector
from torchrl.envs import GymWrapper

from morphsim import LatentObservationWrapper, LatentRewardWrapper, load_encoder

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--total-frames", type=int, default=50)
arguments = parser.parse_args()

# The target is a film that was dried slowly; the agent may set the evaporation rate.
encoder = load_encoder("default")
film = gym.make("morphsim:morphsim/Drying-v0", knobs=["evaporation"], steps=5)
film.reset(seed=1)
for _ in range(5):
    frame = film.step(np.array([-0.6], np.float32))[0]

env = gym.make("morphsim:morphsim/Drying-v0", knobs=["evaporation"], steps=5)
env = LatentRewardWrapper(env, encoder, target=frame[0], reward="progress")
env = LatentObservationWrapper(env, encoder, parts=["content", "target"])
films = GymWrapper(env)
films.set_seed(0)

torch.manual_seed(0)
size, actions = films.observation_spec["observation"].shape[-1], films.action_spec.shape[-1]
network = torch.nn.Sequential(
    torch.nn.Linear(size, 32), torch.nn.Tanh(), torch.nn.Linear(32, actions), torch.nn.Tanh()
)
policy = TensorDictModule(network, in_keys=["observation"], out_keys=["action"])
collector = Collector(
    films,
    policy,
    frames_per_batch=min(10, arguments.total_frames),
    total_frames=arguments.total_frames,
    auto_register_policy_transforms=False,  # TorchRL asks for a choice; only recurrent policies need them
)
collected = 0
for batch in collector:
    collected += batch.numel()
    print(f"{collected} frames, mean reward {batch['next', 'reward'].mean().item():.3f}")
collector.shutdown()
