"""The convolutional autoencoder of image retrieval: strided convolutions, deterministic latents.

Latents are compared by a cosine distance, as by Krizhevsky and Hinton 2011 ("Using very deep autoencoders for
content-based image retrieval", ESANN 2011), or by the Euclidean one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from morphsim.checks import shown
from morphsim.encoder.networks.base import (
    ACTIVATIONS,
    Activation,
    Network,
    NetworkConfig,
    check_activation,
    check_size,
)
from morphsim.encoder.networks.convolutions import shapes_of, upsampling
from morphsim.encoder.networks.initialise import start_near_even_odds
from morphsim.encoder.networks.search import SearchChoice, SearchDimension, SearchRange
from morphsim.errors import InputError
from morphsim.types import Boundary

_STRIDE = 2


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig(NetworkConfig):
    """The sizes of a convolutional autoencoder; the decoder mirrors the encoder."""

    architecture: ClassVar[str] = "autoencoder"
    summary: ClassVar[str] = "a convolutional autoencoder without noise"
    variational: ClassVar[bool] = False
    channels_last: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, SearchDimension]] = {
        "latent_size": SearchRange(16, 256),
        "channels": SearchChoice(("8,16,16,32", "8,16,32,64", "16,32,64,64")),
        "kernel_size": SearchChoice((3, 5, 7)),
    }

    latent_size: int = 192
    """Number of latents."""
    channels: tuple[int, ...] = (8, 16, 32, 64)
    """Channels after each convolution of stride 2; there are as many convolutions as numbers."""
    kernel_size: int = 5
    """Width of the square kernels [pixels]; odd, and at least 3."""
    activation: Activation = "elu"
    """After every layer but the last ones of encoder and decoder."""

    def __post_init__(self) -> None:
        for name in ("latent_size", "kernel_size"):
            check_size(name, getattr(self, name))
        if not isinstance(self.channels, tuple) or not 1 <= len(self.channels) <= 16:
            raise InputError(f"network channels is {shown(self.channels)}; give 1 to 16 whole numbers")
        for value in self.channels:
            check_size("channels", value)
        if self.kernel_size % 2 == 0 or self.kernel_size < 3:
            raise InputError(
                f"network kernel_size is {self.kernel_size}; it must be odd and at least 3, as strides are 2"
            )
        check_activation(self.activation)

    def uninitialised(self, frame_shape: tuple[int, int], channels: int, boundary: Boundary) -> Autoencoder:
        """Make the network with uninitialised weights; `boundary` is ignored."""
        return Autoencoder(self, frame_shape, channels)


class Autoencoder(Network):
    """Convolutional autoencoder for frames of one shape.

    Args:
        config: the sizes.
        frame_shape: (H, W) of the frames [pixels].
        channels: C, the channels of a frame.

    Raises:
        InputError: a side of the frame shape is not positive.
    """

    def __init__(self, config: AutoencoderConfig, frame_shape: tuple[int, int], channels: int = 1) -> None:
        super().__init__(config, frame_shape, channels, latent_size=config.latent_size)
        kernel, padding = config.kernel_size, config.kernel_size // 2
        shapes = shapes_of(frame_shape, [_STRIDE] * len(config.channels))
        widths = [channels, *config.channels]
        flat = widths[-1] * shapes[-1][0] * shapes[-1][1]
        activation = ACTIVATIONS[config.activation]
        downward: list[nn.Module] = []
        upward: list[nn.Module] = []
        for level in range(len(config.channels)):
            downward += [nn.Conv2d(widths[level], widths[level + 1], kernel, _STRIDE, padding), activation()]
            layer = upsampling(
                widths[level + 1],
                widths[level],
                kernel_size=kernel,
                stride=_STRIDE,
                shape=shapes[level + 1],
                target=shapes[level],
            )
            upward = [activation(), layer, *upward]
        self.encoder = nn.Sequential(*downward, nn.Flatten(), nn.Linear(flat, config.latent_size))
        self.decoder = nn.Sequential(
            nn.Linear(config.latent_size, flat), nn.Unflatten(1, (widths[-1], *shapes[-1])), *upward
        )

    def encode(self, frames: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Encode frames (B, C, H, W) as latents (B, D)."""
        return self.encoder(frames), None

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode latents (B, D) to the logits of donor in each pixel, (B, C, H, W)."""
        logits: torch.Tensor = self.decoder(latents)
        return logits

    def init_output_layers(self) -> None:
        """Start near even odds for every pixel."""
        start_near_even_odds(self.decoder[-1])
