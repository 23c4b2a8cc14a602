"""The setup of an agent: everything except the learned state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.agents.config import AgentConfig
from morphsim.agents.environment import EnvironmentSpec
from morphsim.encoder import Encoder
from morphsim.hashes import hash_arrays

# Options that may change when a run is resumed. Encoder, target and recipe are compared by content.
_FREE = frozenset(
    {"encoder", "target", "recipe", "out", "shape", "cells", "knobs"}
    | {"total_steps", "device", "threads", "checkpoint_every", "resume"}
)


@dataclass(frozen=True, eq=False, kw_only=True)
class AgentSetup:
    """Configuration, environment, encoder and target of an agent."""

    config: AgentConfig
    """Configuration of the training."""
    spec: EnvironmentSpec
    """Description of the environment."""
    encoder: Encoder
    """Encoder of the observations and rewards."""
    target: NDArray[np.uint8]
    """(K, H, W) 0/1."""

    def sizes(self) -> tuple[int, int]:
        """Return the sizes of an observation and of an action."""
        env = self.spec.make(self.encoder, self.target)
        observation, action = env.observation_space.shape, env.action_space.shape
        env.close()
        assert observation is not None and action is not None
        return observation[0], action[0]

    def target_hash(self) -> str:
        """Return the SHA-256 of the target's frames."""
        return hash_arrays({"frames": self.target})

    def identity(self) -> dict[str, Any]:
        """Return everything that must stay the same when a run is resumed."""
        config = {name: value for name, value in self.config.to_dict().items() if name not in _FREE}
        del config["sac" if self.config.algorithm == "ppo" else "ppo"]
        return {
            **config,
            **self.spec.to_dict(),
            "encoder": self.encoder.hash,
            "target": self.target_hash(),
        }
