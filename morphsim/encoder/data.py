"""Frames on the device as bytes, gathered and augmented there batch by batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray


def epoch_generator(seed: int, epoch: int, *, purpose: int = 0) -> torch.Generator:
    """Make the CPU generator of one epoch.

    Everything random in an epoch is drawn from it, so that a resumed run needs no saved random state.

    Args:
        seed: of the run.
        epoch: counts from 0.
        purpose: another number gives independent draws, as for training and evaluation.
    """
    state = np.random.SeedSequence((seed, epoch, purpose)).generate_state(1, np.uint64)[0]
    # Torch takes seeds as signed 64-bit numbers.
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


class DeviceFrames:
    """All frames of a set on one device, one byte a pixel.

    Args:
        frames: (N, H, W) uint8 0/1.
        device: where they are kept and the batches are made.
    """

    def __init__(self, frames: NDArray[np.uint8], device: torch.device) -> None:
        # torch.from_numpy warns of arrays that it could write to but must not.
        shared = frames if frames.flags.writeable and frames.flags.c_contiguous else frames.copy()
        self.frames = torch.from_numpy(shared).to(device)
        self.device = device

    def __len__(self) -> int:
        return len(self.frames)

    def batch(self, indices: torch.Tensor) -> torch.Tensor:
        """Gather frames (B,) by number as float32 (B, H, W)."""
        return self.frames.index_select(0, indices.to(self.device)).float()

    def batches(self, indices: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
        """Yield the frames of `indices` in their order, `size` at a time, as float32 (B, H, W)."""
        for chosen in torch.split(indices, size):
            yield self.batch(chosen)

    def training_batches(
        self, indices: torch.Tensor, size: int, *, mirror: bool, roll: bool, generator: torch.Generator
    ) -> Iterator[torch.Tensor]:
        """Yield the frames of `indices` once in random order, each mirrored and rolled at random.

        Args:
            indices: (K,) frame numbers.
            size: frames in a batch; the last one may hold fewer.
            mirror: mirror half of the frames left-right.
            roll: roll each frame along x by any number of pixels; only right for periodic frames.
            generator: of the CPU.

        Yields:
            (B, H, W) float32.
        """
        order = indices[torch.randperm(len(indices), generator=generator)]
        for chosen in torch.split(order, size):
            batch = self.frames.index_select(0, chosen.to(self.device))
            yield augment(batch, mirror=mirror, roll=roll, generator=generator).float()


def augment(batch: torch.Tensor, *, mirror: bool, roll: bool, generator: torch.Generator) -> torch.Tensor:
    """Mirror half of the frames left-right and roll each along x, at random.

    Args:
        batch: (B, H, W).
        mirror: whether to mirror.
        roll: whether to roll; only right for periodic frames.
        generator: of the CPU, so that one seed gives the same frames on every device.

    Returns:
        (B, H, W), the dtype of `batch`.
    """
    count, _, width = batch.shape
    columns = torch.arange(width).expand(count, width)
    if mirror:
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, width - 1 - columns, columns)
    if roll:
        columns = (columns + torch.randint(width, (count, 1), generator=generator)) % width
    if not mirror and not roll:
        return batch
    columns = columns.to(batch.device, non_blocking=True)
    return batch.gather(2, columns.unsqueeze(1).expand(batch.shape))
