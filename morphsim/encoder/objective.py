"""What a variational autoencoder minimises: -ELBO in nats a frame, reconstruction plus KL divergence."""

from __future__ import annotations

import torch
from torch.nn import functional


def reconstruction_loss(logits: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of frames under Bernoulli pixels, summed over the pixels.

    Args:
        logits: (B, H, W) log-odds of donor.
        frames: (B, H, W) float, 0 to 1.

    Returns:
        (B,) [nats a frame].
    """
    return functional.binary_cross_entropy_with_logits(logits, frames, reduction="none").sum(dim=(1, 2))


def kl_divergence(means: torch.Tensor, log_variances: torch.Tensor) -> torch.Tensor:
    """KL divergence of a diagonal normal distribution from the standard one, summed over the latents.

    ½ Σ (μ² + σ² - 1 - log σ²): Kingma and Welling 2013, appendix B, https://doi.org/10.48550/arXiv.1312.6114.

    Args:
        means: (B, D).
        log_variances: (B, D), log σ².

    Returns:
        (B,) [nats a frame].
    """
    return 0.5 * (means.square() + torch.expm1(log_variances) - log_variances).sum(dim=1)


def sample_latents(
    means: torch.Tensor, log_variances: torch.Tensor, *, generator: torch.Generator
) -> torch.Tensor:
    """Draw one latent vector for each frame, differentiable in means and variances.

    Args:
        means: (B, D).
        log_variances: (B, D), log σ².
        generator: of the CPU, so that one seed gives the same noise on every device.

    Returns:
        (B, D): μ + σ ε with ε standard normal.
    """
    noise = torch.randn(means.shape, generator=generator, dtype=means.dtype).to(
        means.device, non_blocking=True
    )
    return means + torch.exp(0.5 * log_variances) * noise
