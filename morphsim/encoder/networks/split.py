"""A network that keeps apart what a film is like and where its domains lie: content and pose.

A decoder must know where domains are, so a plain autoencoder spends its latents on that, and two films of one
recipe look far apart to it. Here the content comes from statistics that neither a roll nor a mirror image
changes: it can't know where anything lies. The pose comes from convolutions over the frame, and the decoder
reads both. Distances read the content alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn import functional

from morphsim.checks import check_number
from morphsim.encoder.networks.base import (
    ACTIVATIONS,
    Activation,
    Network,
    NetworkConfig,
    check_activation,
    check_pairs,
    check_size,
)
from morphsim.encoder.networks.decoder import convolutional_decoder, convolutional_encoder
from morphsim.encoder.networks.initialise import start_narrow, start_near_even_odds
from morphsim.encoder.networks.statistics import moments_size, spectra_size, statistics
from morphsim.types import Boundary

_LEAST_DEVIATION = 0.01
# Of the bound of He's rule, so that weights start uniform within one over the root of the fan-in.
_FIRST_WEIGHTS = 6.0**-0.5
_FIRST_SPECTRA = 0.3


@dataclass(frozen=True, kw_only=True)
class SplitConfig(NetworkConfig):
    """The sizes of a network of content and pose."""

    architecture: ClassVar[str] = "split"

    content_size: int = 16
    """Latents that distances read."""
    pose_size: int = 16
    """Latents that only the decoder reads."""
    bottleneck: int = 12
    """Numbers to which spectra and depth profile are brought before they meet the few other statistics."""
    dropout: float = 0.3
    """Share of the spectra and the profile that is left out at random in training (Srivastava et al. 2014,
    https://jmlr.org/papers/v15/srivastava14a.html): without it a few hundred films are learned by heart."""
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
    """What follows every layer of pose and decoder but the last one."""

    def __post_init__(self) -> None:
        for name in ("content_size", "pose_size", "bottleneck", "content_hidden", "hidden", "kernel_size"):
            check_size(name, getattr(self, name))
        check_pairs(channels=self.channels, strides=self.strides, kernel_size=self.kernel_size)
        check_number("network dropout", self.dropout, 0.0, 1.0, below=True)
        check_activation(self.activation)

    def network(self, frame_shape: tuple[int, int], channels: int, boundary: Boundary) -> Split:
        """Make the network; its statistics go round along x where films are periodic."""
        return Split(self, frame_shape, channels, boundary)


class Split(Network):
    """Network of content and pose for frames of one shape.

    Args:
        config: the sizes.
        frame_shape: (H, W) of the frames [pixels].
        channels: C, pictures that make a frame.
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
        # What brings the statistics of the training frames to mean 0 and deviation 1; set once, by `prepare`.
        self.shift = nn.Parameter(torch.empty(few + many), requires_grad=False)
        self.scale = nn.Parameter(torch.empty(few + many), requires_grad=False)
        self.content = _Content(config, few, many)
        sizes: dict[str, Any] = {
            "frame_channels": channels,
            "hidden": config.hidden,
            "channels": config.channels,
            "strides": config.strides,
            "kernel_size": config.kernel_size,
            "activation": ACTIVATIONS[config.activation],
        }
        self.pose = convolutional_encoder(2 * config.pose_size, frame_shape, **sizes)
        self.decoder = convolutional_decoder(latents, frame_shape, **sizes)

    def encode(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Code frames (B, C, H, W) into means and logarithms of variances, each (B, D), content first."""
        means, log_variances, _ = self.code(frames)
        return means, log_variances

    def code(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Code frames, and tell their statistics (B, S), from which the content comes."""
        measured = self._statistics(frames)
        content = self.content(self._scaled(measured)).chunk(2, dim=1)
        pose = self.pose(frames).float().chunk(2, dim=1)
        return torch.cat([content[0], pose[0]], dim=1), torch.cat([content[1], pose[1]], dim=1), measured

    def encode_content(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Code frames into means and logarithms of variances of the content alone, each (B, content_size)."""
        means, log_variances = self.content(self.measure(frames)).chunk(2, dim=1)
        return means, log_variances

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Turn latents (B, D) into the logits of donor in each pixel, (B, C, H, W)."""
        logits: torch.Tensor = self.decoder(latents)
        return logits

    def measure(self, frames: torch.Tensor) -> torch.Tensor:
        """Measure the statistics of frames (B, C, H, W), about 0 and of the order of 1; (B, S)."""
        return self._scaled(self._statistics(frames))

    @torch.no_grad()
    def _statistics(self, frames: torch.Tensor) -> torch.Tensor:
        # In full precision whatever the rest is computed in: logarithms of small powers.
        with torch.autocast(frames.device.type, enabled=False):
            return torch.cat(statistics(frames, boundary=self.boundary), dim=1)

    @torch.no_grad()
    def _scaled(self, measured: torch.Tensor) -> torch.Tensor:
        return (measured - self.shift) * self.scale

    @torch.no_grad()
    def prepare(self, frames: torch.Tensor) -> None:
        """Bring the statistics of these training frames (B, C, H, W) to mean 0 and deviation 1."""
        measured = torch.cat(statistics(frames, boundary=self.boundary), dim=1)
        self.shift.copy_(measured.mean(dim=0))
        # A statistic that is the same in all of them tells nothing: it stays small instead of being blown up.
        self.scale.copy_(1.0 / measured.std(dim=0, correction=0).clamp(min=_LEAST_DEVIATION))

    def settle(self) -> None:
        """Start near even odds for every pixel and with narrow posteriors."""
        start_near_even_odds(self.decoder[-1])
        start_narrow(self.pose[-1], self.latent_size - self.content_size)
        # Small weights, and those of the spectra smaller still: distances start near those of the few
        # statistics, and what is learned beyond them is learned from films rather than from chance.
        for layer in self.content.children():
            layer.get_parameter("weight").mul_(_FIRST_WEIGHTS)
        self.content.narrow.weight.mul_(_FIRST_SPECTRA)
        for dense in (self.content.first, self.content.middle):
            # Bends of the layer at places of their own.
            bound = dense.in_features**-0.5
            dense.bias.copy_(torch.linspace(-bound, bound, dense.out_features, device=dense.bias.device))
        start_narrow(self.content.last, self.content_size)
        self.shift.zero_()
        self.scale.fill_(1.0)


class _Content(nn.Module):
    """From statistics (B, S) to means and logarithms of variances, (B, 2 content_size)."""

    def __init__(self, config: SplitConfig, few: int, many: int) -> None:
        super().__init__()
        self.few = few
        self.dropout = config.dropout
        self.narrow = nn.Linear(many, config.bottleneck)
        self.first = nn.Linear(few + config.bottleneck, config.content_hidden)
        self.middle = nn.Linear(config.content_hidden, config.content_hidden)
        self.last = nn.Linear(config.content_hidden, 2 * config.content_size)
        # The few reach the content without a detour too: distances are near theirs from the start.
        self.direct = nn.Linear(few, config.content_size)

    def forward(self, measured: torch.Tensor) -> torch.Tensor:
        few, many = measured.tensor_split([self.few], dim=1)
        # Once its weights are fixed it is what it will be used as, also while the rest is still trained.
        learning = self.training and self.last.weight.requires_grad
        many = functional.dropout(many, self.dropout, learning)
        hidden = functional.silu(self.first(torch.cat([few, self.narrow(many).float()], dim=1)))
        means, log_variances = self.last(functional.silu(self.middle(hidden))).float().chunk(2, dim=1)
        return torch.cat([means + self.direct(few).float(), log_variances], dim=1)
