"""Frames on the device, gathered and augmented there batch by batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

_BITS = 8


class DeviceFrames:
    """All frames of a set on one device: a byte a pixel, or on a GPU a bit, unpacked batch by batch.

    Args:
        frames: (N, H, W) or (N, C, H, W) uint8 0/1.
        device: where frames are kept and batches are made.
        packed: whether to keep bits; None for bits on a GPU only, since a CPU has more memory and bytes are
            faster.
    """

    def __init__(
        self, frames: NDArray[np.uint8], device: torch.device, *, packed: bool | None = None
    ) -> None:
        channelled = frames if frames.ndim == 4 else frames[:, None]
        self.channels, self.height, self.width = channelled.shape[1:]
        self.packed = device.type == "cuda" if packed is None else packed
        if self.packed:
            channelled = np.packbits(channelled, axis=-1, bitorder="little")
        # torch.from_numpy warns of read-only arrays.
        writeable = channelled.flags.writeable and channelled.flags.c_contiguous
        self.frames = torch.from_numpy(channelled if writeable else channelled.copy()).to(device)
        self.device = device

    def __len__(self) -> int:
        return len(self.frames)

    def bytes(self, indices: torch.Tensor) -> torch.Tensor:
        """Gather frames (B,) by number as uint8 (B, C, H, W)."""
        chosen = self.frames.index_select(0, indices.to(self.device))
        if not self.packed:
            return chosen
        places = torch.arange(_BITS, dtype=torch.uint8, device=self.device)
        bits = (chosen.unsqueeze(-1) >> places) & 1
        return bits.flatten(-2)[..., : self.width]

    def batch(self, indices: torch.Tensor) -> torch.Tensor:
        """Gather frames (B,) by number as float32 (B, C, H, W)."""
        return self.bytes(indices).float()

    def batches(self, indices: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
        """Yield the frames of `indices` in their order, `size` at a time, as float32 (B, C, H, W)."""
        for chosen in torch.split(indices, size):
            yield self.batch(chosen)


def augment(
    batch: torch.Tensor,
    *,
    mirrored: torch.Tensor | None,
    shifts: torch.Tensor | None,
    exchanged: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mirror some frames left-right and then roll each along x; exchange the phases of some.

    Args:
        batch: (B, C, H, W) of 0 and 1.
        mirrored: (B,) bool; None mirrors none.
        shifts: (B,) pixels to roll to the left; None rolls none. Only for periodic frames.
        exchanged: (B,) bool; None exchanges none.

    Returns:
        (B, C, H, W), the dtype of `batch`.
    """
    if exchanged is not None:
        batch = torch.where(exchanged[:, None, None, None], 1 - batch, batch)
    if mirrored is None and shifts is None:
        return batch
    count, _, _, width = batch.shape
    columns = torch.arange(width, device=batch.device).expand(count, width)
    if shifts is not None:
        columns = (columns + shifts[:, None]) % width
    if mirrored is not None:
        columns = torch.where(mirrored[:, None], width - 1 - columns, columns)
    return batch.gather(3, columns[:, None, None, :].expand(batch.shape))
