"""The convolutional variational autoencoder: two convolutions and two dense layers each way.

The frame is coded into a normal distribution over a few latent numbers, from whose samples the decoder
paints the probability of donor in each pixel (Kingma and Welling 2013, https://doi.org/10.48550/arXiv.1312.6114).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import torch
from torch import nn

from morphsim.errors import InputError

Activation = Literal["relu", "leaky_relu", "elu", "silu"]

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
}

_LAST_WEIGHTS = 0.1
_LOG_VARIANCE = -4.0


@dataclass(frozen=True, kw_only=True)
class CVAEConfig:
    """The sizes of a CVAE; the decoder mirrors the encoder."""

    latent_size: int = 16
    """Number of latent means, and of standard deviations."""
    channels: tuple[int, int] = (16, 32)
    """Channels after the first and after the second convolution."""
    kernel_size: int = 7
    """Width of the square kernels [pixels]; odd, and at least the larger stride."""
    strides: tuple[int, int] = (4, 4)
    """Strides of the two convolutions [pixels]; the dense layers shrink with the square of their product."""
    hidden: int = 128
    """Width of the dense layer between the convolutions and the latents."""
    activation: Activation = "elu"
    """What follows every layer but the last one of encoder and decoder. With relu, units that only ever
    helped to paint white die, and acceptor domains stay grey."""

    def __post_init__(self) -> None:
        for name in ("latent_size", "hidden", "kernel_size"):
            _check_size(name, getattr(self, name))
        for name in ("channels", "strides"):
            pair = getattr(self, name)
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise InputError(f"network {name} is {pair!r}; give two whole numbers")
            for value in pair:
                _check_size(name, value)
        if self.kernel_size % 2 == 0 or self.kernel_size < max(self.strides):
            raise InputError(
                f"network kernel_size is {self.kernel_size}; it must be odd and at least the larger stride, "
                f"{max(self.strides)}"
            )
        if not isinstance(self.activation, str) or self.activation not in _ACTIVATIONS:
            raise InputError(
                f"network activation is {self.activation!r}; use one of {', '.join(_ACTIVATIONS)}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values that JSON can hold."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: object) -> CVAEConfig:
        """Read what `to_dict` gave.

        Raises:
            InputError: a field is missing, unknown, of the wrong type or out of range.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(values, Mapping) or set(values) != set(names):
            raise InputError(f"the network's configuration must have exactly the fields {', '.join(names)}")
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**given)


def _check_size(name: str, value: object) -> None:
    # The limit keeps a damaged configuration from asking for more memory than any machine has.
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65_536:
        raise InputError(f"network {name} is {value!r}; it must be a whole number from 1 to 65536")


class CVAE(nn.Module):
    """Convolutional variational autoencoder for frames of one shape.

    With the padding of half a kernel a convolution of stride s turns n pixels into ceil(n / s), so that
    every frame shape is allowed; the transposed convolutions are told the size to come back to.

    Args:
        config: the sizes.
        frame_shape: (H, W) of the frames [pixels].

    Raises:
        InputError: a side of the frame shape is not positive.
    """

    def __init__(self, config: CVAEConfig, frame_shape: tuple[int, int]) -> None:
        super().__init__()
        for side in frame_shape:
            _check_size("frame_shape", side)
        self.config = config
        self.frame_shape = frame_shape
        first, second = config.channels
        kernel, padding = config.kernel_size, config.kernel_size // 2
        middle = _strided(frame_shape, config.strides[0])
        inner = _strided(middle, config.strides[1])
        activation = _ACTIVATIONS[config.activation]
        flat = second * inner[0] * inner[1]
        self.encoder = nn.Sequential(
            nn.Conv2d(1, first, kernel, config.strides[0], padding),
            activation(),
            nn.Conv2d(first, second, kernel, config.strides[1], padding),
            activation(),
            nn.Flatten(),
            nn.Linear(flat, config.hidden),
            activation(),
            nn.Linear(config.hidden, 2 * config.latent_size),
        )
        self.decoder = nn.Sequential(
            nn.Linear(config.latent_size, config.hidden),
            activation(),
            nn.Linear(config.hidden, flat),
            activation(),
            nn.Unflatten(1, (second, *inner)),
            _enlarging(second, first, config, config.strides[1], inner, middle),
            activation(),
            _enlarging(first, 1, config, config.strides[0], middle, frame_shape),
        )

    def encode(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Code frames into normal distributions.

        Args:
            frames: (B, H, W) float, 0 to 1.

        Returns:
            The means and the logarithms of the variances, each (B, latent_size).
        """
        means, log_variances = self.encoder(frames.unsqueeze(1)).chunk(2, dim=1)
        return means, log_variances

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Turn latents (B, latent_size) into the logits of donor in each pixel, (B, H, W)."""
        logits: torch.Tensor = self.decoder(latents).squeeze(1)
        return logits


def build_cvae(config: CVAEConfig, frame_shape: tuple[int, int], *, generator: torch.Generator) -> CVAE:
    """Make a CVAE on the CPU whose first weights come from `generator` alone.

    Weights are uniform with the variance 2 / fan-in, which keeps the size of the signal through rectified
    layers (He et al. 2015, https://doi.org/10.1109/ICCV.2015.123); biases are zero. Two exceptions let the
    latents carry something from the first steps on, where otherwise hundreds of steps pass before the
    decoder stops ignoring them: the last layer's weights are a tenth, so that the decoder starts near even
    odds, and the standard deviations start at exp(-2) for every frame, well below the spread of the means.

    Args:
        config: the sizes.
        frame_shape: (H, W) of the frames [pixels].
        generator: of the CPU; torch's global random state is neither read nor changed.
    """
    with torch.device("meta"):
        network = CVAE(config, frame_shape)
    network = network.to_empty(device="cpu")
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                bound = math.sqrt(6.0 / _fan_in(layer))
                layer.weight.uniform_(-bound, bound, generator=generator)
                assert layer.bias is not None
                layer.bias.zero_()
        network.decoder[-1].get_parameter("weight").mul_(_LAST_WEIGHTS)
        last = network.encoder[-1]
        last.get_parameter("weight")[config.latent_size :].zero_()
        last.get_parameter("bias")[config.latent_size :].fill_(_LOG_VARIANCE)
    return network


def _fan_in(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> float:
    if isinstance(layer, nn.Linear):
        return layer.in_features
    pixels = layer.kernel_size[0] * layer.kernel_size[1]
    if isinstance(layer, nn.ConvTranspose2d):
        # Of the kernel only one in stride² weights meets any one output pixel.
        return layer.in_channels * pixels / (layer.stride[0] * layer.stride[1])
    return layer.in_channels * pixels


def _strided(shape: tuple[int, int], stride: int) -> tuple[int, int]:
    return -(-shape[0] // stride), -(-shape[1] // stride)


def _enlarging(
    channels_in: int,
    channels_out: int,
    config: CVAEConfig,
    stride: int,
    shape: tuple[int, int],
    target: tuple[int, int],
) -> nn.ConvTranspose2d:
    missing = tuple(target[axis] - ((shape[axis] - 1) * stride + 1) for axis in range(2))
    return nn.ConvTranspose2d(
        channels_in,
        channels_out,
        config.kernel_size,
        stride,
        config.kernel_size // 2,
        output_padding=(missing[0], missing[1]),
    )
