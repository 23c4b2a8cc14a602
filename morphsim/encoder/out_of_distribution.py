"""Measures of how far a frame is out of distribution, that is, unlike the frames an encoder was trained on.

There are three, each compared with its values on the held-out frames: the distance of the latent from the
nearest training latent; the part of the frame's statistics outside the principal components of those of the
training frames; and the reconstruction error. The second does not depend on the latent, so that it also flags
frames that were optimised to reach a latent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.device import threads_for
from morphsim.encoder.networks.statistics import moments_size, spectra_size, statistics
from morphsim.types import Boundary

MEASURES = ("training_distance", "statistics_residual", "reconstruction_error")
"""The measures whose 0 to 100 % quantiles are in `metadata["held_out"]`."""

COMPONENTS = 64
_FRAMES_AT_ONCE = 64
_LEAST_SCATTER = 1e-3
_CLOSEST = 1e-6
"""Probabilities are kept this far from 0 and 1, so that errors are finite."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingStatistics:
    """The principal components of the training frames' statistics.

    Their residual is a standard measure of outliers: Jackson and Mudholkar, Technometrics 21 (1979) 341, doi
    10.1080/00401706.1979.10489779.
    """

    mean: NDArray[np.float32]
    """(S,) means of the statistics."""
    scale: NDArray[np.float32]
    """(S,) standard deviations of the statistics."""
    components: NDArray[np.float32]
    """(K, S), orthonormal."""

    def residual(self, measured: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the part of the statistics of frames outside the components.

        Args:
            measured: (N, S) from `frame_statistics`.

        Returns:
            (N,) rms of the residual over the statistics, in units of their standard deviations over the
            training frames.
        """
        values = (measured - self.mean) / self.scale
        rest = values - (values @ self.components.T) @ self.components
        return np.asarray(np.sqrt(np.square(rest).mean(axis=1)), np.float32)


def fit_training_statistics(frames: NDArray[Any], *, boundary: Boundary) -> TrainingStatistics:
    """Compute the components of training frames (N, H, W), or (N, C, H, W)."""
    values = frame_statistics(frames, boundary=boundary).astype(np.float64)
    mean, scale = values.mean(axis=0), values.std(axis=0) + _LEAST_SCATTER
    directions = np.linalg.svd((values - mean) / scale, full_matrices=False)[2]
    return TrainingStatistics(
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        components=directions[:COMPONENTS].astype(np.float32),
    )


def frame_statistics(frames: NDArray[Any], *, boundary: Boundary) -> NDArray[np.float32]:
    """Return the statistics (N, S) of frames (N, H, W), or (N, C, H, W), see `networks.statistics`."""
    found = []
    with torch.inference_mode(), threads_for(frames.size, torch.device("cpu")):
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            batch = torch.from_numpy(np.array(frames[start : start + _FRAMES_AT_ONCE])).float()
            few, many = statistics(batch[:, None] if batch.dim() == 3 else batch, boundary=boundary)
            found.append(torch.cat([few, many], dim=1).numpy())
    return np.concatenate(found)


def statistics_size(frame_shape: tuple[int, int], channels: int, *, boundary: Boundary) -> int:
    """Return S, how many numbers `frame_statistics` returns for a frame of (C, H, W) pixels."""
    return moments_size(channels) + spectra_size(frame_shape, channels, boundary=boundary)


def nearest_distance(latents: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the Euclidean distance (N,) of each latent (N, D) to the nearest known one (K, D)."""
    squares = np.square(known).sum(axis=1)
    found = np.empty(len(latents), np.float32)
    for row, latent in enumerate(latents):
        # Rounding errors of the product hardly matter for the choice; the distance is that of a difference.
        nearest = int((squares - 2.0 * (known @ latent)).argmin())
        found[row] = np.sqrt(np.square(latent - known[nearest]).sum())
    return found


def reconstruction_errors(frames: NDArray[Any], probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the binary cross-entropy of frames with their reconstructions, (N,) [nats a pixel].

    Args:
        frames: (N, ...) 0 to 1.
        probabilities: (N, ...) of donor, as decoded.
    """
    values = frames.astype(np.float32)
    probable = np.clip(probabilities, _CLOSEST, 1.0 - _CLOSEST)
    losses = -(values * np.log(probable) + (1.0 - values) * np.log1p(-probable))
    return np.asarray(losses.reshape(len(frames), -1).mean(axis=1), np.float32)
