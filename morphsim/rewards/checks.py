"""Checks of the environments that rewards are put around."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from morphsim.errors import InputError
from morphsim.rewards.functions import PER_STEP
from morphsim.warn import warn_user

AGENT_SETS_LENGTH = "agent_sets_length"
"""Entry of an environment's metadata; True if actions determine the number of steps of an episode."""


def warn_of_episode_length(
    metadata: Mapping[str, Any], reward: str, *, terminate_on_success: bool = False
) -> None:
    """Warn of a reward per step where the agent determines the number of steps.

    An episode that ends on success is ended by the agent too. This suits rewards per step that are never
    positive, since they end with it: only "log_prob" can be positive.

    Args:
        metadata: metadata of the environment, in which `agent_sets_length` may be True.
        reward: name of the reward.
        terminate_on_success: whether success ends an episode.

    Warns:
        UserWarning: the agent would be paid for the number of steps rather than for its frames.
    """
    if reward in PER_STEP and metadata.get(AGENT_SETS_LENGTH) is True:
        warn_user(
            f"every step earns {reward!r}, but in this environment the agent sets how many steps an episode "
            "has: it is paid for ending early, or late, rather than near the target; reward='progress' with "
            "a discount of 1 pays for where the episode ends"
        )
    elif reward == "log_prob" and terminate_on_success:
        warn_user(
            "success ends an episode, but near the target each step may earn a positive 'log_prob', so that "
            "the agent is paid for staying just short of success; use reward='progress', or a reward that is "
            "never positive"
        )


def check_resets(env: gym.Env[Any, Any]) -> None:
    """Check that episodes begin with `reset`, where the target is chosen and the first frame encoded.

    Raises:
        InputError: a wrapper inside begins episodes by itself.
    """
    layer: Any = env
    while layer is not None:
        if isinstance(layer, gym.wrappers.Autoreset):
            raise InputError(
                "gymnasium's Autoreset is inside, which begins episodes unseen; put it outside: "
                "Autoreset(LatentRewardWrapper(env, ...))"
            )
        layer = vars(layer).get("env")


def restore_env(env: gym.Env[Any, Any], state: Any) -> tuple[Any, dict[str, Any]]:
    """Set the state of the environment inside; returns its observation and info.

    Raises:
        InputError: its `set_state` returns something else.
    """
    found = env.get_wrapper_attr("set_state")(state)
    if not isinstance(found, tuple) or len(found) != 2:
        raise InputError(
            f"set_state of {env.unwrapped} returned {type(found).__name__}; "
            "it must return (observation, info)"
        )
    return found
