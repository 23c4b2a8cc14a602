"""Checkpoints: the state of a training run between two updates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from morphsim.agents.curves import Episode
from morphsim.agents.folder import fill
from morphsim.agents.model import memory_state, model_state, restore_memory
from morphsim.agents.randomness import random_state, restore_random_state
from morphsim.agents.setup import AgentSetup
from morphsim.errors import InputError
from morphsim.files import load_tree, save_tree
from morphsim.resuming import check_same_run, damaged_checkpoint

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True, kw_only=True)
class AgentCheckpoint:
    """The state of a run; only episodes in progress are lost."""

    model: dict[str, Any]
    """Learned parameters of the model."""
    memory: dict[str, Any] | None
    """Replay buffer of the model."""
    random: dict[str, Any]
    """State of the random generators."""
    steps: int
    """Steps so far, over all environments."""
    begun: list[int]
    """Number of episodes that each environment has begun."""
    episodes: torch.Tensor
    """(E, 4) float64, the finished episodes."""
    identity: dict[str, Any]
    """Identity of the run, see `AgentSetup.identity`."""

    @classmethod
    def of(
        cls,
        model: BaseAlgorithm,
        *,
        begun: list[int],
        episodes: list[Episode],
        identity: dict[str, Any],
    ) -> AgentCheckpoint:
        """Capture the state of a run."""
        return cls(
            model=model_state(model),
            memory=memory_state(model),
            random=random_state(model.device, model.action_space),
            steps=model.num_timesteps,
            begun=begun,
            episodes=torch.tensor(episodes, dtype=torch.float64).reshape(-1, len(Episode._fields)),
            identity=identity,
        )

    def save(self, folder: Path) -> None:
        """Write the checkpoint into `folder` atomically."""
        save_tree(folder / CHECKPOINT, vars(self))

    @classmethod
    def load(cls, folder: Path) -> AgentCheckpoint:
        """Read the checkpoint of `folder`.

        Raises:
            InputError: the file is missing, truncated or not a checkpoint.
        """
        path = folder / CHECKPOINT
        tree = load_tree(path)
        kinds: dict[str, Any] = {
            "model": dict,
            "memory": (dict, type(None)),
            "random": dict,
            "steps": int,
            "begun": list,
            "episodes": torch.Tensor,
            "identity": dict,
        }
        if set(tree) != set(kinds) or not all(isinstance(tree[name], kind) for name, kind in kinds.items()):
            raise damaged_checkpoint(path)
        checkpoint = cls(**tree)
        if checkpoint.steps < 0 or not all(type(count) is int and count >= 0 for count in checkpoint.begun):
            raise damaged_checkpoint(path)
        if checkpoint.episodes.ndim != 2 or checkpoint.episodes.shape[1] != len(Episode._fields):
            raise damaged_checkpoint(path)
        return checkpoint

    def check_continues(self, setup: AgentSetup) -> None:
        """Check that this is a checkpoint of the run of `setup`.

        Raises:
            InputError: it is not; the message names the first difference.
        """
        # Of earlier versions the solver's grid was the shape of the frames.
        before, now = {"cells": self.identity.get("shape"), **self.identity}, setup.identity()
        # The grid follows from the recipe where none is given, so another recipe is told first.
        grids = {"cells": before.pop("cells")}, {"cells": now.pop("cells")}
        check_same_run(before, now)
        check_same_run(*grids)
        if len(self.begun) != setup.config.n_envs:
            raise InputError("the checkpoint is of another number of environments; train with another --out")

    def restore(self, model: BaseAlgorithm, folder: Path) -> list[Episode]:
        """Restore a model and the global generators, and return the finished episodes.

        Raises:
            InputError: it doesn't fit.
        """
        path = folder / CHECKPOINT
        fill(model, self.model, path)
        try:
            restore_memory(model, self.memory)
            restore_random_state(self.random, model.device, model.action_space)
        except (AttributeError, KeyError, OverflowError, RuntimeError, TypeError, ValueError) as error:
            raise damaged_checkpoint(path) from error
        model.num_timesteps = self.steps
        return [
            Episode(int(step), reward, distance, int(length))
            for step, reward, distance, length in self.episodes.tolist()
        ]
