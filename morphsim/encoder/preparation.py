"""What a training run needs before its first step: split, labels, triplets, optimizer, compiled network."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.encoder.config import TrainingConfig
from morphsim.encoder.networks import Network
from morphsim.encoder.step import Forward, forward_pass
from morphsim.encoder.triplet import random_triplets
from morphsim.errors import InputError
from morphsim.frames import FrameSet, frame_labels, split_by_recipe, split_by_trajectory
from morphsim.frames.plausible import warn_of_one_phase

_TRIPLETS = 10_000
# Torch 2.13 gives gradients of padding another layout than its compiled code expects, unless this is off.
_COMPILATION: dict[str, str | int | bool | Callable[..., object]] = {"layout_optimization": False}


def without_single_channel(frame_set: FrameSet) -> FrameSet:
    """Return frames (N, 1, H, W) as (N, H, W), which encoders of one channel take; others as they are."""
    if frame_set.frames.ndim == 4 and frame_set.channels == 1:
        return replace(frame_set, frames=frame_set.frames[:, 0])
    return frame_set


def split_frames(config: TrainingConfig, frame_set: FrameSet) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the numbers of the training frames and of the held-out frames.

    Raises:
        InputError: frames of one column, or too few trajectories, recipes or frames.
    """
    if frame_set.shape[1] < 2:
        height, width = frame_set.shape
        raise InputError(
            f"the frames of {config.frames} are {height} x {width} pixels in {frame_set.channels} channels, "
            "which shows no film; store the axes as (N, H, W) or (N, C, H, W)"
        )
    warn_of_one_phase(frame_set.frames, name=f"{config.frames}: ")
    if config.hold_out == "recipes":
        split = split_by_recipe(frame_set, held_out=config.held_out, seed=config.seed)
    else:
        split = split_by_trajectory(frame_set.trajectory, held_out=config.held_out, seed=config.seed)
    training, held_out = (torch.from_numpy(numbers) for numbers in split)
    if len(training) < 2:
        raise InputError(f"{config.frames} leaves {len(training)} frame for training; at least 2 are needed")
    return training, held_out


def training_labels(
    config: TrainingConfig, frame_set: FrameSet, training: torch.Tensor
) -> NDArray[np.int64] | None:
    """Return the label (recipe and moment) of every frame (N,), or None where there is no triplet loss.

    Raises:
        InputError: the triplet loss is wanted, and no label has two training trajectories.
    """
    if not config.objective.triplet:
        return None
    labels = frame_labels(frame_set)
    chosen = training.numpy()
    if random_triplets(labels[chosen], frame_set.trajectory[chosen], count=1, seed=0) is None:
        raise InputError(
            f"objective triplet is {config.objective.triplet}, but no recipe in {config.frames} has two "
            "trajectories to train on; make several films of each recipe (morphsim dataset --replicas 2), or "
            "leave it out"
        )
    return labels


def held_out_triplets(
    config: TrainingConfig, frame_set: FrameSet, held_out: torch.Tensor
) -> torch.Tensor | None:
    """Draw triplets (T, 3) of places in `held_out`, the same for all epochs; None where there are none.

    Raises:
        InputError: the epoch of the best triplet accuracy is to be kept, and there are no triplets.
    """
    chosen = held_out.numpy()
    labels = frame_labels(frame_set)[chosen]
    triplets = random_triplets(labels, frame_set.trajectory[chosen], count=_TRIPLETS, seed=config.seed)
    if triplets is None:
        if config.keep == "triplet":
            raise InputError(
                "keep is 'triplet', but no recipe has two trajectories among the held-out frames; hold out "
                "whole recipes (--hold-out recipes), or keep best or last"
            )
        return None
    return torch.from_numpy(triplets)


def make_optimizer(network: Network, learning_rate: float) -> torch.optim.Adam:
    """Make Adam, as one kernel for all weights."""
    return torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)


def prepare_forward(config: TrainingConfig, network: Network) -> Forward:
    """Make the forward pass of training in the precision asked for, compiled where that is wanted.

    Raises:
        InputError: compilation is wanted, and there is no C++ compiler.
    """
    forward = forward_pass(network, half=config.precision == "bfloat16")
    if not config.compile:
        return forward
    on_cpu = next(network.parameters()).device.type == "cpu"
    if on_cpu and not any(map(shutil.which, ("g++", "clang++", "c++"))):
        raise InputError("compile needs a C++ compiler on the CPU; install g++, or leave --compile out")
    with warnings.catch_warnings():
        # Its imports warn of their own deprecated calls, which no user of ours can mend.
        warnings.simplefilter("ignore", DeprecationWarning)
        compiled: Forward = torch.compile(forward, dynamic=False, options=_COMPILATION)
    return compiled
