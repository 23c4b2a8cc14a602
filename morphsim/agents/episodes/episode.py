"""One episode of a policy in a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.agents.baselines import Policy

INFOS = ("distance", "success", "time_s", "film_seed")
"""What is kept of each step's info."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RecordedEpisode:
    """An episode of T steps. `reset` with its seed and its options begins it anew."""

    policy: str
    """Name of the policy."""
    seed: int
    """Seed of the environment."""
    options: dict[str, Any]
    """Options of the reset, with the name of the target."""
    observations: NDArray[np.float32]
    """(T + 1, S)."""
    actions: NDArray[np.float32]
    """(T, A)."""
    rewards: NDArray[np.float64]
    """(T,)."""
    terminated: bool
    """Whether the film was complete; otherwise it could not be advanced."""
    infos: dict[str, NDArray[Any]]
    """(T + 1,) each, of `INFOS`."""

    @property
    def steps(self) -> int:
        """The number of steps T."""
        return len(self.rewards)

    @property
    def total(self) -> float:
        """The sum of the rewards."""
        return float(self.rewards.sum())


def run_episode(
    env: gym.Env[Any, Any],
    policy: Policy,
    *,
    name: str,
    seed: int,
    target: tuple[str, NDArray[np.uint8]],
    material: Mapping[str, Any],
) -> RecordedEpisode:
    """Let a policy make a film.

    Args:
        env: environment of a task.
        policy: chooses the actions.
        name: of the policy.
        seed: of the environment.
        target: name and frame (H, W).
        material: parameters of the film in place of those drawn.
    """
    label, frame = target
    observation, info = env.reset(seed=seed, options={**material, "target": frame})
    policy.begin(env, seed)
    observations, infos = [observation], [info]
    actions, rewards = [], []
    terminated = truncated = False
    while not (terminated or truncated):
        action = policy.act(observation)
        observation, reward, terminated, truncated, info = env.step(action)
        actions.append(action)
        rewards.append(float(reward))
        observations.append(observation)
        infos.append(info)
    return RecordedEpisode(
        policy=name,
        seed=seed,
        options={**material, "target": label},
        observations=np.stack(observations),
        actions=np.stack(actions),
        rewards=np.array(rewards, np.float64),
        terminated=terminated,
        infos={key: np.array([each[key] for each in infos]) for key in INFOS},
    )
