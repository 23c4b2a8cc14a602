"""`MultiObjectiveWrapper` for vector environments."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from morphsim.rewards.vector.batching import AnyVectorWrapper, EpisodeTracker
from morphsim.rewards.vector.reward import VectorLatentRewardWrapper
from morphsim.rewards.wrappers.multi_objective import (
    names_of_components,
    set_on_unwrapped,
    vector_space,
)


class VectorMultiObjectiveWrapper(AnyVectorWrapper, gym.utils.RecordConstructorArgs):
    """`MultiObjectiveWrapper` around a vector environment: rewards are (N, K) float32.

    They are 0 in the steps of NEXT_STEP autoreset that only reset an environment.

    Args:
        env: a vector environment in a `VectorLatentRewardWrapper` or `VectorLatentGoalWrapper` with
            `components`.

    Attributes:
        reward_space: of one environment, `Box(-inf, inf, (K,), float32)`.
        reward_dim: K.
        reward_names: K names.

    Raises:
        InputError: no wrapper inside has components, or the autoreset mode is unknown.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        gym.utils.RecordConstructorArgs.__init__(self)
        AnyVectorWrapper.__init__(self, env)
        self.reward_names = names_of_components(env, VectorLatentRewardWrapper)
        self.reward_space = vector_space(self.reward_names)
        self.reward_dim = len(self.reward_names)
        self.tracker = EpisodeTracker(env)
        set_on_unwrapped(env.unwrapped, self.reward_space)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environments."""
        # Gymnasium's own vector environments remove the mask from the options that they are given.
        found = self.env.reset(seed=seed, options=None if options is None else dict(options))
        self.tracker.reset(options)
        return found

    def step(self, actions: Any) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Step the environments; rewards are (N, K) float32."""
        observations, scalars, terminated, truncated, infos = self.env.step(actions)
        mask = self.tracker.step(terminated, truncated)
        rewards = np.zeros((self.num_envs, self.reward_dim), np.float32)
        for chosen, found in ((mask.stepped & ~mask.ended, infos), (mask.ended, infos.get("final_info", {}))):
            if chosen.any():
                rewards[chosen] = found["reward_vector"][chosen]
        for index in np.flatnonzero(mask.stepped).tolist():
            entry = {"scalar_reward": float(scalars[index])}
            infos = self._add_info(infos, {"final_info": entry} if mask.ended[index] else entry, index)
        return observations, rewards, terminated, truncated, infos
