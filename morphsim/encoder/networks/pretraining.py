"""What a network gets if it trains a part of itself before the main training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.encoder.data import DeviceFrames
from morphsim.encoder.objective import ObjectiveConfig


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """Frames, objective and length of a pretraining."""

    frames: DeviceFrames
    """All frames."""
    training: torch.Tensor
    """(K,) numbers of the frames to train on."""
    labels: NDArray[np.int64]
    """(N,) label, recipe and moment, of every frame."""
    objective: ObjectiveConfig
    """The settings of the triplet loss."""
    batch_size: int
    """About how many frames to use in a step."""
    steps: int
    """How many steps to train."""
    seed: int
    """Of the run."""
    show_progress: bool
    """Whether to show a progress bar on stderr."""
