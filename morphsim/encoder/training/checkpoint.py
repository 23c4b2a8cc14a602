"""The checkpoint of a training run, from which another run may go on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from morphsim.encoder.training.config import TrainingConfig
from morphsim.encoder.training.history import History
from morphsim.errors import InputError
from morphsim.files import load_tree, save_tree
from morphsim.resuming import check_same_run, damaged_checkpoint

CHECKPOINT = "checkpoint.safetensors"

# Options that may change when a run is resumed. The frames are compared by their hash.
_FREE = frozenset({"frames", "out", "epochs", "patience", "resume", "checkpoint_every", "tensorboard"})


@dataclass(frozen=True, kw_only=True)
class TrainingCheckpoint:
    """All that the next epoch depends on."""

    weights: dict[str, torch.Tensor]
    """Of the network, by name."""
    kept: dict[str, torch.Tensor]
    """Weights that would become the encoder if the run ended here."""
    optimizer: dict[str, Any]
    """State of Adam."""
    history: History
    """A record of each finished epoch."""
    config: dict[str, Any]
    """`TrainingConfig.to_dict()` of the run."""
    frames_sha256: str
    """Hash of the frames and of the trajectories that they belong to."""

    def save(self, folder: Path) -> None:
        """Write the checkpoint into `folder` in one step."""
        save_tree(folder / CHECKPOINT, vars(self))

    @classmethod
    def load(cls, folder: Path) -> TrainingCheckpoint:
        """Read the checkpoint of `folder`.

        Raises:
            InputError: it is missing, truncated or not a checkpoint.
        """
        path = folder / CHECKPOINT
        tree = load_tree(path)
        kinds = {
            "weights": dict,
            "kept": dict,
            "optimizer": dict,
            "history": list,
            "config": dict,
            "frames_sha256": str,
        }
        if set(tree) != set(kinds) or not all(isinstance(tree[name], kind) for name, kind in kinds.items()):
            raise damaged_checkpoint(path)
        return cls(**tree)

    def check_continues(self, config: TrainingConfig, frames_sha256: str) -> None:
        """Check that a run with `config` on these frames continues the one of this checkpoint.

        Raises:
            InputError: it doesn't; the message names the first difference.
        """
        if frames_sha256 != self.frames_sha256:
            raise InputError(
                f"frames are {config.frames}, but this run was begun with others; give them, or a new --out"
            )
        check_same_run(_constant(self.config), _constant(config.to_dict()))
        if config.epochs < len(self.history):
            raise InputError(
                f"epochs is {config.epochs}, but this run has finished {len(self.history)}; "
                "give at least that many"
            )

    def check_columns(self, columns: Collection[str], folder: Path) -> None:
        """Check that each record of the history has exactly these columns.

        Raises:
            InputError: one has others.
        """
        for record in self.history:
            if not isinstance(record, dict) or set(record) != set(columns):
                raise damaged_checkpoint(folder / CHECKPOINT)

    def restore(self, network: torch.nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> None:
        """Load the weights and the state of the optimiser.

        Raises:
            InputError: they do not fit the network or the optimiser.
        """
        try:
            # The kept weights are loaded only to check that they fit.
            network.load_state_dict(self.kept)
            network.load_state_dict(self.weights)
            optimizer.load_state_dict(self.optimizer)
            _match_layout(optimizer)
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged_checkpoint(folder / CHECKPOINT) from error


def _match_layout(optimizer: torch.optim.Optimizer) -> None:
    """Give the state the memory layout of the weights, on which fused kernels rely."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter).copy_(value)


def _constant(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in _FREE}
