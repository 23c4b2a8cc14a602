"""What an encoder remembers of the frames it was trained on, so that strange ones can be told.

Three numbers of a frame, each beside those of the frames that training held out: how far its latent is from
the nearest training latent; how much of its statistics lies outside what those of the training frames span;
and how badly the decoder paints it again. The second does not look at the latent at all, so that a frame
whose latent was forced to a wanted value gives itself away.
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
"""What `metadata["held_out"]` holds the 0 to 100 % quantiles of."""

COMPONENTS = 64
_FRAMES_AT_ONCE = 64
_LEAST_SCATTER = 1e-3
_CLOSEST = 1e-6
"""A probability nearer to 0 or 1 counts as this, so that errors are finite."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Familiarity:
    """The principal components of the training frames' statistics.

    Jackson and Mudholkar, Technometrics 21 (1979) 341, doi 10.1080/00401706.1979.10489779, for the residual
    of principal components as a measure of what does not belong.
    """

    mean: NDArray[np.float32]
    """(S,) of the statistics."""
    scale: NDArray[np.float32]
    """(S,) their standard deviations."""
    components: NDArray[np.float32]
    """(K, S), orthonormal."""

    def residual(self, measured: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much of the statistics of frames the components leave out.

        Args:
            measured: (N, S) what `frame_statistics` gives for the frames.

        Returns:
            (N,) the rms of what is left of the statistics, in units of their deviations over the training
            frames.
        """
        values = (measured - self.mean) / self.scale
        rest = values - (values @ self.components.T) @ self.components
        return np.asarray(np.sqrt(np.square(rest).mean(axis=1)), np.float32)


def fit_familiarity(frames: NDArray[Any], *, boundary: Boundary) -> Familiarity:
    """Find the components of training frames (N, H, W), or (N, C, H, W)."""
    values = frame_statistics(frames, boundary=boundary).astype(np.float64)
    mean, scale = values.mean(axis=0), values.std(axis=0) + _LEAST_SCATTER
    directions = np.linalg.svd((values - mean) / scale, full_matrices=False)[2]
    return Familiarity(
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        components=directions[:COMPONENTS].astype(np.float32),
    )


def frame_statistics(frames: NDArray[Any], *, boundary: Boundary) -> NDArray[np.float32]:
    """Statistics (N, S) of frames (N, H, W), or (N, C, H, W), see `networks.statistics`."""
    found = []
    with torch.inference_mode(), threads_for(frames.size, torch.device("cpu")):
        for start in range(0, len(frames), _FRAMES_AT_ONCE):
            batch = torch.from_numpy(np.array(frames[start : start + _FRAMES_AT_ONCE])).float()
            few, many = statistics(batch[:, None] if batch.dim() == 3 else batch, boundary=boundary)
            found.append(torch.cat([few, many], dim=1).numpy())
    return np.concatenate(found)


def statistics_size(frame_shape: tuple[int, int], channels: int, *, boundary: Boundary) -> int:
    """S, how many numbers `frame_statistics` gives for frames of (H, W) pixels in so many channels."""
    return moments_size(channels) + spectra_size(frame_shape, channels, boundary=boundary)


def nearest_distance(latents: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Euclidean distance (N,) of each latent (N, D) to the nearest known one (K, D)."""
    squares = np.square(known).sum(axis=1)
    found = np.empty(len(latents), np.float32)
    for row, latent in enumerate(latents):
        # A product finds the nearest, whose rounding does not matter; its distance is that of a difference.
        nearest = int((squares - 2.0 * (known @ latent)).argmin())
        found[row] = np.sqrt(np.square(latent - known[nearest]).sum())
    return found


def reconstruction_errors(frames: NDArray[Any], painted: NDArray[np.float32]) -> NDArray[np.float32]:
    """Binary cross-entropy of frames with their reconstructions, (N,) [nats a pixel].

    Args:
        frames: (N, ...) 0 to 1.
        painted: (N, ...) probabilities of donor.
    """
    values = frames.astype(np.float32)
    probable = np.clip(painted, _CLOSEST, 1.0 - _CLOSEST)
    losses = -(values * np.log(probable) + (1.0 - values) * np.log1p(-probable))
    return np.asarray(losses.reshape(len(frames), -1).mean(axis=1), np.float32)
