"""Phase 1 of a training: the frames, split into training and held-out frames, with their triplets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.encoder.data import DeviceFrames
from morphsim.encoder.training.config import TrainingConfig
from morphsim.encoder.triplet import random_triplets
from morphsim.errors import InputError
from morphsim.frames import (
    FrameSet,
    frame_labels,
    read_frames,
    read_notes,
    split_by_recipe,
    split_by_trajectory,
)
from morphsim.frames.binarisation import Binarisation, stated_binarisation
from morphsim.frames.plausible import warn_of_one_phase
from morphsim.hashes import hash_arrays

_TRIPLETS = 10_000


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingData:
    """All frames of a run and what is known about them."""

    frame_set: FrameSet
    """As the file holds them."""
    frames: DeviceFrames
    """The same frames on the device."""
    training: torch.Tensor
    """(K,) numbers of the training frames."""
    held_out: torch.Tensor
    """(L,) numbers of the held-out frames."""
    labels: NDArray[np.int64] | None
    """(N,) label, recipe and moment, of every frame; None without a triplet loss."""
    triplets: torch.Tensor | None
    """(T, 3) places in `held_out`, on the device; None if there are none."""
    frames_sha256: str
    """Hash of the frames and of the trajectories that they belong to."""
    binarisation: Binarisation
    """How grey pictures became binary frames."""

    @classmethod
    def read(cls, config: TrainingConfig, device: torch.device) -> Self:
        """Read the file of frames and split it.

        Raises:
            InputError: the frames can't be used, or don't suit the options.
        """
        frame_set = _without_single_channel(read_frames(config.frames))
        training, held_out = split_frames(config, frame_set)
        labels = training_labels(config, frame_set, training)
        triplets = held_out_triplets(config, frame_set, held_out)
        return cls(
            frame_set=frame_set,
            frames=DeviceFrames(frame_set.frames, device),
            training=training,
            held_out=held_out,
            labels=labels,
            triplets=None if triplets is None else triplets.to(device),
            frames_sha256=hash_arrays(
                {"frames": frame_set.frames, "trajectory": frame_set.columns["trajectory"]}
            ),
            binarisation=stated_binarisation(read_notes(config.frames), frame_set.threshold),
        )

    @property
    def device(self) -> torch.device:
        """Where the frames are kept and the network is trained."""
        return self.frames.device


def _without_single_channel(frame_set: FrameSet) -> FrameSet:
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
    """Return the label (recipe and moment) of every frame (N,), or None without a triplet loss.

    Raises:
        InputError: there is a triplet loss, but no label has two training trajectories.
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
    """Draw triplets (T, 3) of places in `held_out`, the same for all epochs; None if there are none.

    Raises:
        InputError: `keep` is triplet, but there are no triplets.
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
