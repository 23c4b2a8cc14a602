"""All that is random in an epoch, drawn at once on the CPU: which frames meet in a batch, and their noise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.encoder.triplet import positive_pairs

# What the draws are for; the first numbers belong to the training loop.
_DROPOUT = 3


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


@contextlib.contextmanager
def seeded(seed: int, epoch: int, rank: int, device: torch.device) -> Iterator[None]:
    """Give the block, and layers that drop out in it, torch's global random state of one epoch and process.

    Afterwards the global state is what it was.
    """
    state = np.random.SeedSequence((seed, epoch, _DROPOUT, rank)).generate_state(1, np.uint64)[0]
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(state >> np.uint64(1)))
        yield


def evenly(indices: torch.Tensor, count: int) -> torch.Tensor:
    """Take `count` of some frame numbers, evenly spread over them, or all where there are fewer."""
    places = np.unique(np.linspace(0, len(indices) - 1, min(count, len(indices))).round().astype(int))
    return indices[torch.from_numpy(places)]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one process does in one step, on its device."""

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
    """(B,) of the whole batch, where triplets are wanted."""
    pairs: torch.Tensor | None
    """(P, 2) anchors and positives of the whole batch."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Cuts epochs into steps; every frame is in one of them.

    With labels, frames of one label stand together in groups, so that batches hold positives.
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
    """Roll each frame along x by any number of pixels; only right for periodic frames."""
    exchange: bool = False
    """Exchange the phases of half of the groups, whose frames then have labels of their own."""
    labels: NDArray[np.int64] | None = None
    """(N,) of all frames of the set."""
    group: int = 2
    """Frames of one label that stand together."""
    rank: int = 0
    """Which process this is; each takes its share of every batch."""
    processes: int = 1
    """How many there are."""

    def __len__(self) -> int:
        return -(-len(self.indices) // self.batch_size)

    def steps(self, generator: torch.Generator, device: torch.device) -> Iterator[Step]:
        """Yield the steps of an epoch.

        Args:
            generator: of the CPU, the same in all processes.
            device: where the steps are done; all numbers go there at once, before the first step.
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
        """Return the numbers of the frames in the order of an epoch, and whose phases are exchanged."""
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
    """Number groups of at most `group` frames of one label, in the order of the frames.

    Args:
        labels: (K,).
        group: the size of a group; the last one of a label may be smaller.

    Returns:
        (K,) the group of each frame, from 0 without gaps.
    """
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels)) - np.searchsorted(ordered, ordered, side="left")
    keys = np.stack([labels, rank // group], axis=1)
    return np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)


def share_sizes(count: int, processes: int) -> list[int]:
    """Return how many of `count` frames each process takes: as equal as can be, the first ones more."""
    return [count // processes + (rank < count % processes) for rank in range(processes)]
