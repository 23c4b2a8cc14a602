"""A vector of rewards, for agents with several objectives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.rewards.wrappers.reward import LatentRewardWrapper


class MultiObjectiveWrapper(gym.Wrapper[Any, Any, Any, Any], gym.utils.RecordConstructorArgs):
    """Makes the `components` of a latent reward the reward, a vector as in environments of MO-Gymnasium.

    `step` returns (K,) float32, in the order of `reward_names`, and has the reward of the wrapper inside as
    `info["scalar_reward"]`. MO-Gymnasium's own wrappers look for `reward_space` in the unwrapped environment,
    so it is set there too.

    Args:
        env: an environment in a `LatentRewardWrapper` or `LatentGoalWrapper` with `components`.

    Attributes:
        reward_space: `Box(-inf, inf, (K,), float32)`.
        reward_dim: K.
        reward_names: K names.

    Raises:
        InputError: no wrapper inside has components.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        gym.utils.RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        self.reward_names = names_of_components(env, LatentRewardWrapper)
        self.reward_space = vector_space(self.reward_names)
        self.reward_dim = len(self.reward_names)
        set_on_unwrapped(env.unwrapped, self.reward_space)

    def step(self, action: Any) -> tuple[Any, NDArray[np.float32], bool, bool, dict[str, Any]]:
        """Step the environment; the reward is (K,) float32."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        vector = np.array(info["reward_vector"], np.float32)
        return observation, vector, terminated, truncated, {**info, "scalar_reward": float(reward)}


def names_of_components(env: Any, kind: type[Any]) -> tuple[str, ...]:
    """The names of the components that the nearest reward wrapper with components computes.

    Args:
        env: a wrapped environment, single or vector.
        kind: class of its reward wrappers.

    Raises:
        InputError: there are none.
    """
    layer = env
    while layer is not None:
        if isinstance(layer, kind) and layer.reward_names:
            names: tuple[str, ...] = layer.reward_names
            return names
        layer = vars(layer).get("env")
    raise InputError(
        "there is no vector of rewards; give components={'name': reward, ...} to the reward wrapper inside"
    )


def vector_space(names: Sequence[str]) -> gym.spaces.Box:
    """The space of vectors of the rewards with these names."""
    return gym.spaces.Box(-np.inf, np.inf, (len(names),), np.float32)


def set_on_unwrapped(unwrapped: Any, space: gym.spaces.Box) -> None:
    """Set `reward_space` and `reward_dim` where MO-Gymnasium's wrappers and agents look for them."""
    unwrapped.reward_space, unwrapped.reward_dim = space, space.shape[0]
