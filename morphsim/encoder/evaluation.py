"""How good a network is on frames: ELBO, reconstruction and what its latents carry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.encoder.cvae import CVAE
from morphsim.encoder.data import DeviceFrames
from morphsim.encoder.objective import kl_divergence, reconstruction_loss, sample_latents

# Decoding thousands of frames at once would not fit into memory.
FRAMES_AT_ONCE = 256

_ACTIVE_VARIANCE = 0.01
_PAIRS = 100_000


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Means over a set of frames."""

    reconstruction: float
    """Binary cross-entropy of the frame, from one sample of its latents [nats a frame]."""
    kl: float
    """KL divergence of the latents from the standard normal distribution [nats a frame]."""
    active_units: int
    """Latents whose means vary over the frames with a variance above 0.01.

    Burda, Grosse and Salakhutdinov 2016, https://doi.org/10.48550/arXiv.1509.00519.
    """

    @property
    def negative_elbo(self) -> float:
        """-ELBO [nats a frame]."""
        return self.reconstruction + self.kl


@torch.inference_mode()
def evaluate(
    network: CVAE, data: DeviceFrames, indices: torch.Tensor, *, generator: torch.Generator
) -> Evaluation:
    """Evaluate a network on the frames of `indices`, a batch at a time.

    Args:
        network: on the device of `data`.
        data: the frames.
        indices: (K,) frame numbers, at least one.
        generator: of the CPU, for the latent noise.
    """
    totals = torch.zeros(2, dtype=torch.float64, device=data.device)
    means_of_batches = []
    for frames in data.batches(indices, FRAMES_AT_ONCE):
        means, log_variances = network.encode(frames)
        latents = sample_latents(means, log_variances, generator=generator)
        totals += torch.stack(
            [
                reconstruction_loss(network.decode(latents), frames).sum(dtype=torch.float64),
                kl_divergence(means, log_variances).sum(dtype=torch.float64),
            ]
        )
        means_of_batches.append(means)
    variances = torch.cat(means_of_batches).var(dim=0, correction=0)
    reconstruction, kl = (totals / len(indices)).tolist()
    return Evaluation(
        reconstruction=reconstruction,
        kl=kl,
        active_units=int((variances > _ACTIVE_VARIANCE).sum()),
    )


@torch.inference_mode()
def pixel_errors(network: CVAE, data: DeviceFrames, indices: torch.Tensor) -> tuple[float, float]:
    """Compare frames with what the decoder paints from their latent means.

    Args:
        network: on the device of `data`.
        data: the frames.
        indices: (K,) frame numbers, at least one.

    Returns:
        The share of pixels that are wrong, and the mean squared error of the probabilities per pixel.
    """
    totals = torch.zeros(2, dtype=torch.float64, device=data.device)
    for frames in data.batches(indices, FRAMES_AT_ONCE):
        logits = network.decode(network.encode(frames)[0])
        wrong = (logits > 0) != (frames > 0.5)
        squares = (torch.sigmoid(logits) - frames).square()
        totals += torch.stack([wrong.sum(dtype=torch.float64), squares.sum(dtype=torch.float64)])
    wrong_share, squared = (totals / (len(indices) * data.frames[0].numel())).tolist()
    return wrong_share, squared


@torch.inference_mode()
def distance_quantiles(
    network: CVAE, data: DeviceFrames, indices: torch.Tensor, *, seed: int
) -> NDArray[np.float32]:
    """Measure how far apart random frames lie, so that a distance can be read as a percentile.

    Args:
        network: on the device of `data`.
        data: the frames.
        indices: (K,) frame numbers, at least two.
        seed: of the 100,000 pairs of different frames.

    Returns:
        (101,) the 0 to 100 % quantiles of the Euclidean distance of the latent means.
    """
    means = torch.cat([network.encode(frames)[0] for frames in data.batches(indices, FRAMES_AT_ONCE)])
    latents = means.cpu().numpy()
    generator = np.random.default_rng(seed)
    first = generator.integers(len(latents), size=_PAIRS)
    second = (first + generator.integers(1, len(latents), size=_PAIRS)) % len(latents)
    distances = np.linalg.norm(latents[first] - latents[second], axis=1)
    quantiles: NDArray[np.float32] = np.quantile(distances, np.linspace(0.0, 1.0, 101)).astype(np.float32)
    return quantiles
