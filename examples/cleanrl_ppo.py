"""PPO in one file, in the manner of CleanRL, on the batched films: nothing hidden, everything to change.

python examples/cleanrl_ppo.py --total-steps 4000 --n-envs 8

Proximal policy optimisation: Schulman et al. 2017, doi 10.48550/arXiv.1707.06347; generalised advantages:
Schulman et al. 2016, doi 10.48550/arXiv.1506.02438.
"""

import argparse

import gymnasium as gym
import numpy as np
import torch
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from torch import nn
from torch.distributions import Normal

from morphsim import VectorLatentObservationWrapper, VectorLatentRewardWrapper, load_encoder

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--total-steps", type=int, default=4000)
parser.add_argument("--n-envs", type=int, default=8)
parser.add_argument("--n-steps", type=int, default=20, help="steps of each film between two updates")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--batches", type=int, default=4)
parser.add_argument("--device", default="cpu", help="of the films and the encoder")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=10, help="steps of a film")
args = parser.parse_args()
GAMMA, LAMBDA, CLIP, ENTROPY, LEARNING_RATE = 1.0, 0.95, 0.2, 0.001, 3e-4

torch.manual_seed(args.seed)
random = np.random.default_rng(args.seed)
encoder = load_encoder("default", device=args.device)
film = gym.make("morphsim:morphsim/Annealing-v0", steps=args.steps)
film.reset(seed=1)
for _ in range(args.steps):
    frame = film.step(np.array([0.2], np.float32))[0]

envs = gym.make_vec(
    "morphsim:morphsim/Annealing-v0", num_envs=args.n_envs, steps=args.steps, device=args.device
)
envs = VectorLatentRewardWrapper(envs, encoder, target=frame[0], reward="progress")
envs = VectorLatentObservationWrapper(envs, encoder, parts=["content", "target"], info_keys=["step_fraction"])
envs = RecordEpisodeStatistics(envs)


class Agent(nn.Module):
    """A policy with a mean for each state and one deviation for all, and a value."""

    def __init__(self, observations: int, actions: int) -> None:
        super().__init__()
        self.value = nn.Sequential(nn.Linear(observations, 64), nn.Tanh(), nn.Linear(64, 1))
        self.mean = nn.Sequential(nn.Linear(observations, 64), nn.Tanh(), nn.Linear(64, actions))
        self.log_deviation = nn.Parameter(torch.full((actions,), -0.5))

    def policy(self, observations: torch.Tensor) -> Normal:
        """The distribution of actions in these states."""
        return Normal(self.mean(observations), self.log_deviation.exp())


size, actions = envs.single_observation_space.shape[0], envs.single_action_space.shape[0]
agent = Agent(size, actions)
optimizer = torch.optim.Adam(agent.parameters(), lr=LEARNING_RATE)
seen = torch.zeros(args.n_steps, args.n_envs, size)
taken = torch.zeros(args.n_steps, args.n_envs, actions)
log_probs, rewards, values, ends = (torch.zeros(args.n_steps, args.n_envs) for _ in range(4))
# The value of the state that follows a step.
after = torch.zeros(args.n_steps, args.n_envs)

observation = torch.from_numpy(envs.reset(seed=args.seed)[0])
returns: list[float] = []
updates = max(1, args.total_steps // (args.n_steps * args.n_envs))
for update in range(updates):
    for step in range(args.n_steps):
        with torch.no_grad():
            policy = agent.policy(observation)
            action = policy.sample()
            seen[step], taken[step] = observation, action
            log_probs[step] = policy.log_prob(action).sum(-1)
            values[step] = agent.value(observation)[:, 0]
        following, reward, terminated, truncated, infos = envs.step(action.clamp(-1, 1).numpy())
        rewards[step] = torch.from_numpy(reward)
        ends[step] = torch.from_numpy(terminated | truncated)
        observation = torch.from_numpy(following)
        with torch.no_grad():
            after[step] = agent.value(observation)[:, 0]
        # Films start anew within the step. Annealing ends by the clock, which the agent sees.
        after[step] *= 1 - ends[step]
        if "episode" in infos:
            returns += infos["episode"]["r"][infos["_episode"]].tolist()

    advantages = torch.zeros_like(rewards)
    later = torch.zeros(args.n_envs)
    for step in reversed(range(args.n_steps)):
        error = rewards[step] + GAMMA * after[step] - values[step]
        later = error + GAMMA * LAMBDA * (1 - ends[step]) * later
        advantages[step] = later
    data = [x.flatten(0, 1) for x in (seen, taken, log_probs, advantages, advantages + values)]
    for _ in range(args.epochs):
        for rows in np.array_split(random.permutation(args.n_steps * args.n_envs), args.batches):
            states, moves, old, gain, target = (x[torch.from_numpy(rows)] for x in data)
            gain = (gain - gain.mean()) / (gain.std() + 1e-8)
            policy = agent.policy(states)
            ratio = (policy.log_prob(moves).sum(-1) - old).exp()
            surrogate = torch.minimum(ratio * gain, ratio.clamp(1 - CLIP, 1 + CLIP) * gain).mean()
            fit = (agent.value(states)[:, 0] - target).square().mean()
            loss = 0.5 * fit - surrogate - ENTROPY * policy.entropy().sum(-1).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            optimizer.step()
    recent = np.mean(returns[-20:]) if returns else float("nan")
    print(f"update {update + 1} of {updates}: mean return of the last films {recent:.3f}")
