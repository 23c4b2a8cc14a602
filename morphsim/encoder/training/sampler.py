"""The steps of an epoch: batches, their augmentation and their noise, all drawn at once on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.encoder.triplet import positive_pairs


@dataclass(frozen=True, kw_only=True)
class Step:
    """The frames of one process in one step, on its device, and how to augment them."""

    count: int
    """B, frames of the whole batch, of all processes together."""
    frames: torch.Tensor
    """(b,) numbers of this process's frames."""
    mirrored: torch.Tensor | None
    """(b,) bool, whether to mirror each."""
    shifts: torch.Tensor | None
    """(b,) by how many pixels to roll each."""
    exchanged: torch.Tensor | None
    """(b,) bool, whether to exchange the phases of each."""
    noise: torch.Tensor
    """(b, D) standard normal, for the latents."""
    labels: torch.Tensor | None
    """(B,) labels of the whole batch; None without a triplet loss."""
    pairs: torch.Tensor | None
    """(P, 2) anchors and positives of the whole batch; None without a triplet loss."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Divides epochs into steps; every frame is in one of them.

    With labels, frames of one label are put together in groups, so that batches contain positives.
    """

    indices: torch.Tensor
    """(K,) numbers of the training frames."""
    batch_size: int
    """B, of all processes together."""
    latent_size: int
    """D."""
    width: int
    """W of the frames [pixels]."""
    mirror: bool
    """Mirror half of the frames left-right."""
    roll: bool
    """Roll each frame along x by a random number of pixels; only for periodic frames."""
    exchange: bool = False
    """Exchange the phases of half of the groups; their frames then have labels of their own."""
    labels: NDArray[np.int64] | None = None
    """(N,) labels of all frames of the set; None without a triplet loss."""
    group: int = 2
    """Frames of one label in a group."""
    rank: int = 0
    """The number of this process; each takes its share of every batch."""
    processes: int = 1
    """The number of processes."""

    def __len__(self) -> int:
        return -(-len(self.indices) // self.batch_size)

    def steps(self, generator: torch.Generator, device: torch.device) -> Iterator[Step]:
        """Yield the steps of an epoch.

        Args:
            generator: of the CPU, the same in all processes.
            device: where to train; everything is copied there once, before the first step.
        """
        total = len(self.indices)
        order, exchanged = self._order(generator)
        mirrored = torch.rand(total, generator=generator) < 0.5 if self.mirror else None
        shifts = torch.randint(self.width, (total,), generator=generator) if self.roll else None
        noise = torch.randn(total, self.latent_size, generator=generator)
        shares = [self._share(start, min(start + self.batch_size, total)) for start in self._starts()]
        own = torch.cat([torch.arange(first, last) for first, last in shares])
        frames, noise = (values[own].to(device, non_blocking=True) for values in (order, noise))
        mirrored = None if mirrored is None else mirrored[own].to(device, non_blocking=True)
        shifts = None if shifts is None else shifts[own].to(device, non_blocking=True)
        labels, pairs, ends = self._labels(order, exchanged, device)
        exchanged = None if exchanged is None else exchanged[own].to(device, non_blocking=True)
        done = 0
        for number, (start, (first, last)) in enumerate(zip(self._starts(), shares, strict=True)):
            rows = slice(done, done + last - first)
            done = rows.stop
            count = min(self.batch_size, total - start)
            yield Step(
                count=count,
                frames=frames[rows],
                mirrored=None if mirrored is None else mirrored[rows],
                shifts=None if shifts is None else shifts[rows],
                exchanged=None if exchanged is None else exchanged[rows],
                noise=noise[rows],
                labels=None if labels is None else labels[start : start + count],
                pairs=None if pairs is None else pairs[ends[number] : ends[number + 1]],
            )

    def _starts(self) -> range:
        return range(0, len(self.indices), self.batch_size)

    def _share(self, start: int, stop: int) -> tuple[int, int]:
        sizes = share_sizes(stop - start, self.processes)
        first = start + sum(sizes[: self.rank])
        return first, first + sizes[self.rank]

    def _order(self, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the numbers of the frames in the order of an epoch, and whether to exchange their phases."""
        shuffled = self.indices[torch.randperm(len(self.indices), generator=generator)]
        if self.labels is None:
            groups = np.arange(len(shuffled))
        else:
            groups = label_groups(self.labels[shuffled.numpy()], self.group)
            places = torch.randperm(int(groups.max()) + 1, generator=generator).numpy()
            moved = np.argsort(places[groups], kind="stable")
            shuffled, groups = shuffled[torch.from_numpy(moved)], groups[moved]
        if not self.exchange:
            return shuffled, None
        chosen = torch.rand(int(groups.max()) + 1, generator=generator) < 0.5
        return shuffled, chosen[torch.from_numpy(groups)]

    def _labels(
        self, order: torch.Tensor, exchanged: torch.Tensor | None, device: torch.device
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, NDArray[np.int64]]:
        if self.labels is None:
            return None, None, np.zeros(0, np.int64)
        labels = self.labels[order.numpy()]
        if exchanged is not None:
            labels = 2 * labels + exchanged.numpy()
        pairs = [positive_pairs(labels[start : start + self.batch_size]) for start in self._starts()]
        ends = np.cumsum([0, *map(len, pairs)])
        moved = (torch.from_numpy(values).to(device) for values in (labels, np.concatenate(pairs)))
        return next(moved), next(moved), ends


def label_groups(labels: NDArray[np.int64], group: int) -> NDArray[np.int64]:
    """Assign frames of one label, in their order, to groups of at most `group` frames.

    Args:
        labels: (K,).
        group: the size of a group; the last group of a label may be smaller.

    Returns:
        (K,) the number of the group of each frame, from 0 without gaps.
    """
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels)) - np.searchsorted(ordered, ordered, side="left")
    keys = np.stack([labels, rank // group], axis=1)
    return np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)


def share_sizes(count: int, processes: int) -> list[int]:
    """Return how many of `count` frames each process takes: as equal as possible, the first ones more."""
    return [count // processes + (rank < count % processes) for rank in range(processes)]
