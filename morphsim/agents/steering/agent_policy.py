"""A trained agent as a policy that steers to any target of a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from morphsim.agents.steering.policy import SteeringTarget


class Predictor(Protocol):
    """Chooses actions as `predict` of Stable-Baselines3's models and recurrent policies does."""

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """Return an action, and what to hand on as `state` at the next step."""
        ...


class AgentPolicy:
    """An agent that observes what a task shows: latent, state, and latent of the target.

    Args:
        load: loads the agent; picklable. Each process calls it when it steers its first film.
    """

    def __init__(self, load: Callable[[], Predictor]) -> None:
        self._load = load
        self._agent: Predictor | None = None

    def begin(self, target: SteeringTarget, seed: int) -> None:
        """Begin a film; the target is part of what the agent observes."""
        if self._agent is None:
            self._agent = self._load()
        self._memory: Any = None

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the action (K,) that the agent deems best, not one drawn at random."""
        assert self._agent is not None
        action, self._memory = self._agent.predict(
            observation, state=self._memory, episode_start=None, deterministic=True
        )
        return np.asarray(action, np.float32)

    def __getstate__(self) -> dict[str, Any]:
        return {"_load": self._load, "_agent": None}
