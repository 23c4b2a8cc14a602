"""A network that separates what a film is like from where its domains lie: content and pose.

A decoder must know where domains are, so a plain autoencoder spends its latents on their places, and two
films of one recipe get distant latents. Here the content is computed from statistics that neither a roll nor
a mirror image changes, so that it can't depend on positions. The pose comes from convolutions over the frame,
and the decoder reads both. Distances read the content alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from morphsim.checks import check_number
from morphsim.encoder.networks.base import (
    Activation,
    Network,
    NetworkConfig,
    check_activation,
    check_pairs,
    check_size,
)
from morphsim.encoder.networks.content import Content, train_content
from morphsim.encoder.networks.convolutions import (
    ConvolutionSizes,
    convolutional_decoder,
    convolutional_encoder,
)
from morphsim.encoder.networks.initialise import start_narrow, start_near_even_odds
from morphsim.encoder.networks.pretraining import Pretraining
from morphsim.encoder.networks.search import SearchChoice, SearchDimension, SearchRange
from morphsim.encoder.networks.statistics import moments_size, spectra_size, statistics
from morphsim.types import Boundary

_LEAST_DEVIATION = 0.01


@dataclass(frozen=True, kw_only=True)
class SplitConfig(NetworkConfig):
    """The sizes of a network of content and pose."""

    architecture: ClassVar[str] = "split"
    summary: ClassVar[str] = "one that separates what a film is like from where its domains lie"
    pretrains_content: ClassVar[bool] = True
    search_space: ClassVar[Mapping[str, SearchDimension]] = {
        "content_size": SearchRange(4, 32),
        "pose_size": SearchRange(4, 32),
        "dropout": SearchRange(0.05, 0.5),
        "content_hidden": SearchChoice((128, 256, 512)),
        "channels": SearchChoice(("8,16", "16,32", "32,64")),
        "hidden": SearchChoice((64, 128, 256)),
    }

    content_size: int = 16
    """Latents that distances read."""
    pose_size: int = 16
    """Latents that only the decoder reads."""
    bottleneck: int = 12
    """Width of the layer to which spectra and depth profile are reduced before they join the few other
    statistics."""
    dropout: float = 0.3
    """Share of the spectra and the profile that is dropped at random in training (Srivastava et al. 2014,
    https://jmlr.org/papers/v15/srivastava14a.html); without it the network overfits a few hundred films."""
    content_hidden: int = 256
    """Width of the dense layers of the content."""
    channels: tuple[int, int] = (16, 32)
    """Channels after the first and after the second convolution of the pose; the decoder mirrors them."""
    kernel_size: int = 7
    """Width of the square kernels [pixels]; odd, and at least the larger stride."""
    strides: tuple[int, int] = (4, 4)
    """Strides of the two convolutions [pixels]."""
    hidden: int = 128
    """Width of the dense layers of pose and decoder."""
    activation: Activation = "elu"
    """After every layer but the last ones of pose and decoder."""

    def __post_init__(self) -> None:
        for name in ("content_size", "pose_size", "bottleneck", "content_hidden", "hidden", "kernel_size"):
            check_size(name, getattr(self, name))
        check_pairs(channels=self.channels, strides=self.strides, kernel_size=self.kernel_size)
        check_number("network dropout", self.dropout, 0.0, 1.0, below=True)
        check_activation(self.activation)

    def uninitialised(self, frame_shape: tuple[int, int], channels: int, boundary: Boundary) -> Split:
        """Make the network with uninitialised weights; its statistics wrap around periodic frames."""
        return Split(self, frame_shape, channels, boundary)


class Split(Network):
    """Network of content and pose for frames of one shape.

    Args:
        config: the sizes.
        frame_shape: (H, W) of the frames [pixels].
        channels: C, the channels of a frame.
        boundary: what happens at the left and right end of a frame.

    Raises:
        InputError: a side of the frame shape is not positive.
    """

    def __init__(
        self,
        config: SplitConfig,
        frame_shape: tuple[int, int],
        channels: int = 1,
        boundary: Boundary = "no-flux",
    ) -> None:
        latents = config.content_size + config.pose_size
        super().__init__(config, frame_shape, channels, latent_size=latents, content_size=config.content_size)
        self.boundary: Boundary = boundary
        few = moments_size(channels)
        many = spectra_size(frame_shape, channels, boundary=boundary)
        # They normalise the statistics; `fit_normalisation` sets them once.
        self.shift = nn.Parameter(torch.empty(few + many), requires_grad=False)
        self.scale = nn.Parameter(torch.empty(few + many), requires_grad=False)
        self.content = Content(
            few,
            many,
            content_size=config.content_size,
            bottleneck=config.bottleneck,
            hidden=config.content_hidden,
            dropout=config.dropout,
        )
        sizes = ConvolutionSizes.of(config, frame_shape, channels)
        self.pose = convolutional_encoder(2 * config.pose_size, sizes)
        self.decoder = convolutional_decoder(latents, sizes)

    def encode(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode frames (B, C, H, W) as means and logarithms of variances, each (B, D), content first."""
        means, log_variances, _ = self.encode_with_statistics(frames)
        return means, log_variances

    def encode_with_statistics(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Encode frames, and return the statistics (B, S) from which the content is computed too."""
        measured = self._statistics(frames)
        content = self.content(self._normalised(measured)).chunk(2, dim=1)
        pose = self.pose(frames).float().chunk(2, dim=1)
        return torch.cat([content[0], pose[0]], dim=1), torch.cat([content[1], pose[1]], dim=1), measured

    def encode_content(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode frames as means and logarithms of variances of the content alone, each (B, content_size)."""
        means, log_variances = self.content(self.measure(frames)).chunk(2, dim=1)
        return means, log_variances

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode latents (B, D) to the logits of donor in each pixel, (B, C, H, W)."""
        logits: torch.Tensor = self.decoder(latents)
        return logits

    def measure(self, frames: torch.Tensor) -> torch.Tensor:
        """Measure the normalised statistics (B, S) of frames (B, C, H, W)."""
        return self._normalised(self._statistics(frames))

    @torch.no_grad()
    def _statistics(self, frames: torch.Tensor) -> torch.Tensor:
        # In full precision even under autocast, since they hold logarithms of small powers.
        with torch.autocast(frames.device.type, enabled=False):
            return torch.cat(statistics(frames, boundary=self.boundary), dim=1)

    @torch.no_grad()
    def _normalised(self, measured: torch.Tensor) -> torch.Tensor:
        return (measured - self.shift) * self.scale

    def init_output_layers(self) -> None:
        """Start near even odds for every pixel, with narrow posteriors, and with a small content."""
        start_near_even_odds(self.decoder[-1])
        start_narrow(self.pose[-1], self.latent_size - self.content_size)
        self.content.init_weights()
        self.shift.zero_()
        self.scale.fill_(1.0)

    @torch.no_grad()
    def fit_normalisation(self, frames: torch.Tensor) -> None:
        """Normalise statistics to mean 0 and deviation 1 over these training frames (B, C, H, W)."""
        measured = torch.cat(statistics(frames, boundary=self.boundary), dim=1)
        self.shift.copy_(measured.mean(dim=0))
        # A statistic that hardly varies is not scaled up to a deviation of 1.
        self.scale.copy_(1.0 / measured.std(dim=0, correction=0).clamp(min=_LEAST_DEVIATION))

    def pretrain(self, pretraining: Pretraining) -> None:
        """Train the content alone, see `train_content`."""
        train_content(self.content, pretraining, measure=self.measure, periodic=self.boundary == "periodic")

    def freeze_pretrained(self) -> None:
        """Keep the content as it is from now on."""
        self.content.requires_grad_(False)
