"""Policies whose episodes are recorded."""

from __future__ import annotations

from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from morphsim.agents.agent import Agent
from morphsim.errors import InputError


class Predicts(Protocol):
    """What all models of Stable-Baselines3 have."""

    def predict(self, observation: Any, *, deterministic: bool = False) -> tuple[Any, Any]:
        """Return the action for an observation, and a state."""
        ...


class PredictPolicy:
    """A model of Stable-Baselines3, or anything with its `predict`, as a policy without memory.

    Args:
        model: whose actions are recorded.
        deterministic: whether to take the mode of its distribution; otherwise actions are samples, from
            torch's global generator.
    """

    def __init__(self, model: Predicts, *, deterministic: bool = True) -> None:
        self._model = model
        self._deterministic = deterministic

    def begin(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Begin an episode."""

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the action (A,) for an observation."""
        return np.asarray(self._model.predict(observation, deterministic=self._deterministic)[0], np.float32)


class SchedulePolicy:
    """Makes given actions, one after another; the last one holds if a film takes more steps.

    Args:
        actions: (T, A).
    """

    def __init__(self, actions: NDArray[np.float32]) -> None:
        self._actions = actions

    def begin(self, env: gym.Env[Any, Any], seed: int) -> None:
        """Begin an episode."""
        self._step = 0

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the next action (A,)."""
        action: NDArray[np.float32] = self._actions[min(self._step, len(self._actions) - 1)]
        self._step += 1
        return action


def agent_policy(agent: Agent, env: gym.Env[Any, Any], task: str) -> PredictPolicy:
    """The policy of an agent that was trained on a task.

    Args:
        agent: from `load_agent`.
        env: the task's environment.
        task: its name, for errors.

    Raises:
        InputError: the agent has another observation, another encoder or other knobs.
    """
    model, mend = agent.model, "give an agent of this task, or record its episodes from Python"
    for what, known, given in (
        ("observes", model.observation_space.shape, env.observation_space.shape),
        ("acts by", model.action_space.shape, env.action_space.shape),
    ):
        if known != given:
            raise InputError(
                f"the agent in {agent.folder} {what} {_numbers(known)}, but in {task} these are "
                f"{_numbers(given)}; {mend}"
            )
    if agent.setup.encoder.hash != env.get_wrapper_attr("encoder").hash:
        raise InputError(f"the agent in {agent.folder} has another encoder than {task}; {mend}")
    return PredictPolicy(model)


def _numbers(shape: tuple[int, ...] | None) -> str:
    return "other values" if shape is None else f"{int(np.prod(shape))} numbers"
