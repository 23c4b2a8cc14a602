"""The terms of an objective that are computed frame by frame; likelihoods are in nats a frame."""

from __future__ import annotations

from typing import Literal

import torch
from torch.nn import functional

Reconstruction = Literal["cross-entropy", "mse"]


def reconstruction_loss(
    logits: torch.Tensor, frames: torch.Tensor, *, kind: Reconstruction = "cross-entropy"
) -> torch.Tensor:
    """Return the reconstruction loss of frames, summed over the pixels.

    Args:
        logits: (B, ...) log-odds of donor.
        frames: (B, ...) float, 0 to 1, of the same shape.
        kind: `cross-entropy` under Bernoulli pixels [nats], or `mse`, the squared error of the probability.

    Returns:
        (B,).
    """
    if kind == "mse":
        return (torch.sigmoid(logits) - frames).square().flatten(1).sum(dim=1)
    return functional.binary_cross_entropy_with_logits(logits, frames, reduction="none").flatten(1).sum(dim=1)


def kl_divergence(means: torch.Tensor, log_variances: torch.Tensor) -> torch.Tensor:
    """Return the KL divergence of a diagonal normal distribution from the standard one, summed over latents.

    ½ Σ (μ² + σ² - 1 - log σ²): Kingma and Welling 2013, appendix B, https://doi.org/10.48550/arXiv.1312.6114.

    Args:
        means: (B, D).
        log_variances: (B, D), log σ².

    Returns:
        (B,) [nats a frame].
    """
    return 0.5 * (means.square() + torch.expm1(log_variances) - log_variances).sum(dim=1)


def activity(means: torch.Tensor) -> torch.Tensor:
    """Return the sum (B,) of the absolute values of latent means (B, D), the L1 term for sparse latents."""
    return means.abs().sum(dim=1)


def squared_weights(network: torch.nn.Module) -> torch.Tensor:
    """Return the sum of the squares of all weights, without biases, the L2 term for small weights."""
    squares = [parameter.square().sum() for parameter in network.parameters() if parameter.ndim > 1]
    return torch.stack(squares).sum()


def sample_latents(means: torch.Tensor, log_variances: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Draw one latent vector for each frame, differentiable in means and variances.

    Args:
        means: (B, D).
        log_variances: (B, D), log σ².
        noise: (B, D) standard normal ε.

    Returns:
        (B, D): μ + σ ε.
    """
    return means + torch.exp(0.5 * log_variances) * noise


def draw_noise(shape: tuple[int, int], generator: torch.Generator, device: torch.device) -> torch.Tensor:
    """Draw standard normal noise (B, D) on the CPU, so that a seed gives the same noise on every device."""
    return torch.randn(shape, generator=generator).to(device, non_blocking=True)
