"""The end of a task: a process that made all its steps is complete, and not cut short."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv

from morphsim.rewards.vector.batching import AnyVectorWrapper


class EndsAtLimit(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Terminates the episodes of a film environment that made all its steps.

    A task is judged by its last frame, so that nothing follows whose value an agent should estimate. Agents
    observe the elapsed share of the steps (Pardo et al. 2018, doi 10.48550/arXiv.1712.00378). A film that
    can't be advanced stays truncated.

    Args:
        env: a film environment.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        gym.utils.RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Make a step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        complete = bool(truncated and not info["diverged"] and info["step_fraction"] >= 1.0)
        return observation, reward, terminated or complete, truncated and not complete, info


class VectorEndsAtLimit(AnyVectorWrapper, gym.utils.RecordConstructorArgs):
    """`EndsAtLimit` for vector environments in the autoreset mode SAME_STEP.

    Args:
        env: a vector environment of films.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        gym.utils.RecordConstructorArgs.__init__(self)
        AnyVectorWrapper.__init__(self, env)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Make a step of each environment."""
        observation, reward, terminated, truncated, infos = self.env.step(actions)
        complete = np.zeros(self.num_envs, np.bool_)
        if "final_info" in infos:
            last = infos["final_info"]
            complete = truncated & ~last["diverged"] & (last["step_fraction"] >= 1.0)
        return observation, reward, terminated | complete, truncated & ~complete, infos
