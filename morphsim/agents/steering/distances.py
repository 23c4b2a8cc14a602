"""Distances of frames from the targets of a task, by the reward's measure and by another one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from morphsim.encoder import Encoder
from morphsim.rewards.metric import LatentMetric
from morphsim.similarity.ruler import Ruler
from morphsim.tasks import Task, load_targets
from morphsim.tasks.targets import ASSETS

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Distances:
    """Distances of frames from targets, by both measures in the same shape."""

    latent: Values = field(repr=False)
    """Calibrated distance of the latents; 1 is the median of random pairs of training frames."""
    ruler: Values = field(repr=False)
    """Distance by the ruler, which no policy is rewarded by; about 1 between films of one recipe."""


class TargetDistances:
    """Measures frames against targets of a task.

    Args:
        task: whose targets are meant, and whose ruler.
        encoder: of the latents.
        rows: (T,) numbers of targets in the set of the task.
    """

    def __init__(self, task: Task, encoder: Encoder, rows: NDArray[np.int64]) -> None:
        self._ruler = Ruler.load(ASSETS / f"{task.targets}.json")
        self._encoder, self._metric = encoder, LatentMetric(encoder)
        frames = load_targets(task).frames[rows]
        self._latents, self._vectors = self._latents_of(frames), self._ruler.vectors(frames)

    def __len__(self) -> int:
        return len(self._latents)

    def __call__(self, frames: NDArray[np.uint8]) -> Distances:
        """Distances (N, T) of frames (N, H, W) from all targets."""
        latents, vectors = self._latents_of(frames), self._ruler.vectors(frames)
        return Distances(
            latent=np.asarray(self._metric(latents[:, None], self._latents), np.float64),
            ruler=np.linalg.norm(vectors[:, None] - self._vectors, axis=2),
        )

    def of_each(self, frames: NDArray[np.uint8]) -> Distances:
        """Distances (T, F) of frames (T, F, H, W), each from the target in its row."""
        count, films = frames.shape[:2]
        flat = frames.reshape(count * films, *frames.shape[2:])
        latents, vectors = self._latents_of(flat), self._ruler.vectors(flat)
        own = np.repeat(np.arange(count), films)
        latent = np.asarray(self._metric(latents, self._latents[own]), np.float64)
        ruler = np.linalg.norm(vectors - self._vectors[own], axis=1)
        return Distances(latent=latent.reshape(count, films), ruler=ruler.reshape(count, films))

    def _latents_of(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        # One by one, since the last bits of a latent depend on the batch.
        return np.concatenate([self._encoder.encode(frame[None]) for frame in frames])
