"""Measures of a network on frames: its losses, errors, and the use it makes of its latents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.encoder.data import DeviceFrames
from morphsim.encoder.networks import Network
from morphsim.encoder.objective import ObjectiveConfig
from morphsim.encoder.terms import activity, draw_noise, kl_divergence, reconstruction_loss, sample_latents
from morphsim.encoder.triplet import triplet_accuracy

# Decoding thousands of frames at once would not fit into memory.
FRAMES_AT_ONCE = 256

_ACTIVE_VARIANCE = 0.01


@dataclass(frozen=True, kw_only=True)
class HeldOutEvaluation:
    """Means over the held-out frames."""

    reconstruction: float
    """Reconstruction term of the objective, from one sample of the latents; nats for the cross-entropy."""
    kl: float | None
    """KL divergence from the standard normal distribution [nats a frame]; None without noise."""
    activity: float
    """Sum of the absolute values of the latent means."""
    active_units: int
    """Latents whose means vary over the frames with a variance above 0.01.

    Burda, Grosse and Salakhutdinov 2016, https://doi.org/10.48550/arXiv.1509.00519.
    """
    triplet_accuracy: float | None
    """Share of triplets whose positive is nearer than the negative; None without triplets."""

    def record(self) -> dict[str, float]:
        """Return the values as columns of an epoch's record."""
        values: dict[str, float] = {"held_out_reconstruction": self.reconstruction}
        if self.kl is not None:
            values["held_out_kl"] = self.kl
            values["held_out_negative_elbo"] = self.reconstruction + self.kl
        if self.triplet_accuracy is not None:
            values["held_out_triplet_accuracy"] = self.triplet_accuracy
        values["active_units"] = self.active_units
        return values


@torch.inference_mode()
def evaluate(
    network: Network,
    data: DeviceFrames,
    indices: torch.Tensor,
    *,
    objective: ObjectiveConfig,
    generator: torch.Generator,
    triplets: torch.Tensor | None = None,
) -> HeldOutEvaluation:
    """Evaluate a network on the frames of `indices`, a batch at a time.

    Args:
        network: on the device of `data`.
        data: the frames.
        indices: (K,) frame numbers, at least one.
        objective: decides the reconstruction term and the distance.
        generator: of the CPU, for the latent noise.
        triplets: (T, 3) places in `indices`, on the device.
    """
    totals = torch.zeros(3, dtype=torch.float64, device=data.device)
    all_means = []
    random = False
    for frames in data.batches(indices, FRAMES_AT_ONCE):
        means, log_variances = network.encode(frames)
        latents, kl = means, means.new_zeros(1)
        if log_variances is not None:
            random = True
            noise = draw_noise((len(frames), network.latent_size), generator, data.device)
            latents = sample_latents(means, log_variances, noise)
            kl = kl_divergence(means, log_variances)
        losses = reconstruction_loss(network.decode(latents), frames, kind=objective.reconstruction)
        totals += torch.stack([values.double().sum() for values in (losses, kl, activity(means))])
        all_means.append(means)
    means = torch.cat(all_means)
    reconstruction, kl_mean, activity_mean = (totals / len(indices)).tolist()
    accuracy = None
    if triplets is not None:
        content = means[:, : network.content_size]
        accuracy = float(triplet_accuracy(content, triplets, distance=objective.distance))
    return HeldOutEvaluation(
        reconstruction=reconstruction,
        kl=kl_mean if random else None,
        activity=activity_mean,
        active_units=int((means.var(dim=0, correction=0) > _ACTIVE_VARIANCE).sum()),
        triplet_accuracy=accuracy,
    )


@torch.inference_mode()
def pixel_errors(network: Network, data: DeviceFrames, indices: torch.Tensor) -> tuple[float, float]:
    """Compare frames with their reconstructions from latent means.

    Args:
        network: on the device of `data`.
        data: the frames.
        indices: (K,) frame numbers, at least one.

    Returns:
        The share of wrong pixels, and the mean squared error of the probabilities per pixel.
    """
    totals = torch.zeros(2, dtype=torch.float64, device=data.device)
    for frames in data.batches(indices, FRAMES_AT_ONCE):
        logits = network.decode(network.encode(frames)[0])
        wrong = (logits > 0) != (frames > 0.5)
        squares = (torch.sigmoid(logits) - frames).square()
        totals += torch.stack([wrong.sum(dtype=torch.float64), squares.sum(dtype=torch.float64)])
    pixels = data.channels * data.height * data.width
    wrong_share, squared = (totals / (len(indices) * pixels)).tolist()
    return wrong_share, squared


@torch.inference_mode()
def content_of(network: Network, data: DeviceFrames, indices: torch.Tensor) -> NDArray[np.float32]:
    """Encode the frames of `indices` (K,) as the latents (K, D) that distances read."""
    means = [network.encode(frames)[0] for frames in data.batches(indices, FRAMES_AT_ONCE)]
    content: NDArray[np.float32] = torch.cat(means)[:, : network.content_size].float().cpu().numpy()
    return content
