"""The convolutional variational autoencoder: two convolutions and two dense layers in encoder and decoder.

A frame is encoded as a normal distribution over a few latents; the decoder turns samples of it into the
probability of donor in each pixel (Kingma and Welling 2013, https://doi.org/10.48550/arXiv.1312.6114).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from morphsim.encoder.networks.base import (
    Activation,
    Network,
    NetworkConfig,
    check_activation,
    check_pairs,
    check_size,
)
from morphsim.encoder.networks.convolutions import (
    ConvolutionSizes,
    convolutional_decoder,
    convolutional_encoder,
)
from morphsim.encoder.networks.initialise import start_narrow, start_near_even_odds
from morphsim.encoder.networks.search import SearchChoice, SearchDimension, SearchRange
from morphsim.types import Boundary


@dataclass(frozen=True, kw_only=True)
class CVAEConfig(NetworkConfig):
    """The sizes of a CVAE; the decoder mirrors the encoder."""

    architecture: ClassVar[str] = "cvae"
    summary: ClassVar[str] = "a convolutional variational autoencoder"
    channels_last: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, SearchDimension]] = {
        "latent_size": SearchRange(4, 32),
        "channels": SearchChoice(("8,16", "16,32", "32,64")),
        "kernel_size": SearchChoice((5, 7, 9)),
        "hidden": SearchChoice((64, 128, 256)),
    }

    latent_size: int = 16
    """Number of latents."""
    channels: tuple[int, int] = (16, 32)
    """Channels after the first and after the second convolution."""
    kernel_size: int = 7
    """Width of the square kernels [pixels]; odd, and at least the larger stride."""
    strides: tuple[int, int] = (4, 4)
    """Strides of the two convolutions [pixels]; the size of the dense layers goes with the inverse square of
    their product."""
    hidden: int = 128
    """Width of the dense layer between the convolutions and the latents."""
    activation: Activation = "elu"
    """After every layer but the last ones of encoder and decoder. With `relu` some units of the decoder die,
    and acceptor domains stay grey."""

    def __post_init__(self) -> None:
        for name in ("latent_size", "hidden", "kernel_size"):
            check_size(name, getattr(self, name))
        check_pairs(channels=self.channels, strides=self.strides, kernel_size=self.kernel_size)
        check_activation(self.activation)

    def uninitialised(self, frame_shape: tuple[int, int], channels: int, boundary: Boundary) -> CVAE:
        """Make the network with uninitialised weights; `boundary` is ignored."""
        return CVAE(self, frame_shape, channels)


class CVAE(Network):
    """Convolutional variational autoencoder for frames of one shape.

    Args:
        config: the sizes.
        frame_shape: (H, W) of the frames [pixels].
        channels: C, the channels of a frame.

    Raises:
        InputError: a side of the frame shape is not positive.
    """

    def __init__(self, config: CVAEConfig, frame_shape: tuple[int, int], channels: int = 1) -> None:
        super().__init__(config, frame_shape, channels, latent_size=config.latent_size)
        sizes = ConvolutionSizes.of(config, frame_shape, channels)
        self.encoder = convolutional_encoder(2 * config.latent_size, sizes)
        self.decoder = convolutional_decoder(config.latent_size, sizes)

    def encode(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode frames (B, C, H, W) as means and logarithms of variances, each (B, D)."""
        means, log_variances = self.encoder(frames).chunk(2, dim=1)
        return means, log_variances

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode latents (B, D) to the logits of donor in each pixel, (B, C, H, W)."""
        logits: torch.Tensor = self.decoder(latents)
        return logits

    def init_output_layers(self) -> None:
        """Start near even odds for every pixel and with narrow posteriors."""
        start_near_even_odds(self.decoder[-1])
        start_narrow(self.encoder[-1], self.latent_size)
