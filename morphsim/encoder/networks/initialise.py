"""First weights, all from one generator, with which latents are used from the first steps on."""

from __future__ import annotations

import math

import torch
from torch import nn

_LAST_WEIGHTS = 0.1
_LOG_VARIANCE = -4.0


def he_uniform(network: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of all convolutions and dense layers; biases become zero, scales of norms one.

    Weights are uniform with the variance 2 / fan-in, which keeps the size of the signal through rectified
    layers (He et al. 2015, https://doi.org/10.1109/ICCV.2015.123).

    Args:
        network: any module; its layers are filled in the order of `modules()`.
        generator: of the CPU; torch's global random state is neither read nor changed.
    """
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                bound = math.sqrt(6.0 / _fan_in(layer))
                layer.weight.uniform_(-bound, bound, generator=generator)
                if layer.bias is not None:
                    layer.bias.zero_()
            elif isinstance(layer, nn.GroupNorm) and layer.affine:
                layer.weight.fill_(1.0)
                layer.bias.zero_()


def start_near_even_odds(last: nn.Module) -> None:
    """Scale the weights of a decoder's last layer down, so that it starts near even odds for every pixel."""
    with torch.no_grad():
        last.get_parameter("weight").mul_(_LAST_WEIGHTS)


def start_narrow(last: nn.Module, latent_size: int) -> None:
    """Start the standard deviations at exp(-2) for every frame, well below the spread of the means.

    Otherwise the decoder ignores the latents for hundreds of steps.

    Args:
        last: a dense layer whose outputs are `latent_size` means and then as many log variances.
        latent_size: D.
    """
    with torch.no_grad():
        last.get_parameter("weight")[latent_size:].zero_()
        last.get_parameter("bias")[latent_size:].fill_(_LOG_VARIANCE)


def _fan_in(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> float:
    if isinstance(layer, nn.Linear):
        return layer.in_features
    pixels = layer.kernel_size[0] * layer.kernel_size[1]
    if isinstance(layer, nn.ConvTranspose2d):
        # Only one in stride² weights of the kernel contributes to an output pixel.
        return layer.in_channels * pixels / (layer.stride[0] * layer.stride[1])
    return layer.in_channels * pixels
