"""The training loop that a user of PyTorch would write: a Dataset, a DataLoader, and a step with `.item()`.

It is what the benchmark of training compares with: the same network from the same first weights, the same
batches in size, Adam with the same learning rate, the same augmentation and the same loss.
"""

from __future__ import annotations

import time
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from morphsim.encoder import Network


class FramesInMemory(Dataset[torch.Tensor]):
    """Frames of an array, each made float, mirrored at random and rolled at random when it is asked for.

    Args:
        frames: (N, H, W) uint8.
    """

    def __init__(self, frames: NDArray[np.uint8]) -> None:
        self.frames = frames

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> torch.Tensor:
        frame = torch.from_numpy(self.frame(index)).float().unsqueeze(0)
        # Torch seeds its global generator anew in each worker; a generator kept here would be copied to all.
        if torch.rand(()) < 0.5:
            frame = frame.flip(-1)
        return frame.roll(int(torch.randint(frame.shape[-1], ())), dims=-1)

    def frame(self, index: int) -> NDArray[np.uint8]:
        """One frame (H, W)."""
        return self.frames[index]

    def close(self) -> None:
        """Nothing is open."""


class FramesInFile(FramesInMemory):
    """The same for frames that are read from an HDF5 file one by one.

    Args:
        path: the file, with a dataset `frames`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: h5py.File | None = None
        with h5py.File(path) as file:
            self.length = len(file["frames"])

    def __len__(self) -> int:
        return self.length

    def frame(self, index: int) -> NDArray[np.uint8]:
        # Opened where it is used, since workers can't share one.
        if self.file is None:
            self.file = h5py.File(self.path)
        frame: NDArray[np.uint8] = self.file["frames"][index]
        return frame

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()


def user_loop(
    dataset: Dataset[torch.Tensor],
    network: Network,
    *,
    batch_size: int,
    epochs: int,
    workers: int,
    device: torch.device,
    half: bool = False,
    learning_rate: float = 1e-3,
) -> tuple[float, list[float]]:
    """Train a network on a data set.

    Args:
        dataset: gives frames (1, H, W).
        network: with its first weights.
        batch_size: frames in a step.
        epochs: how often to go through the data; the first one is not timed where there are several.
        workers: processes that make batches; 0 for this one.
        device: where the network is trained.
        half: compute the network in bfloat16.
        learning_rate: of Adam.

    Returns:
        Median seconds of an epoch, and the mean loss of each epoch.
    """
    network = network.to(device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    loader = DataLoader(
        dataset,
        batch_size=batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
    )
    seconds: list[float] = []
    losses: list[float] = []
    # A user's code draws from torch's global generator, whose state belongs to the caller.
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(epochs):
            started = time.perf_counter()
            total = 0.0
            for batch in loader:
                frames = batch.to(device, non_blocking=True)
                loss = negative_elbo(network, frames, half=half)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item() * len(frames)
            seconds.append(time.perf_counter() - started)
            losses.append(total / len(dataset))  # type: ignore[arg-type]
    return float(np.median(seconds[1:] or seconds)), losses


def negative_elbo(network: Network, frames: torch.Tensor, *, half: bool) -> torch.Tensor:
    """Mean -ELBO of frames (B, 1, H, W), as one writes it down."""
    with torch.autocast(frames.device.type, torch.bfloat16, enabled=half):
        means, log_variances = network.encode(frames)
        assert log_variances is not None
        latents = means + torch.exp(0.5 * log_variances) * torch.randn_like(means)
        logits = network.decode(latents)
    reconstruction = functional.binary_cross_entropy_with_logits(logits.float(), frames, reduction="sum")
    kl = -0.5 * torch.sum(1.0 + log_variances - means.float().pow(2) - log_variances.exp())
    return (reconstruction + kl) / len(frames)
