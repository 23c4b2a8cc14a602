"""A network that keeps apart what a film is like and where its domains lie: content and pose.

A decoder must know where domains are, so a plain autoencoder spends its latents on that, and two films of one
recipe look far apart to it. Here the content is pooled over x and over the mirror image: it can't know where
anything lies. The pose sees the whole map, and the decoder reads both. Distances read the content alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from morphsim.encoder.networks.base import (
    ACTIVATIONS,
    Activation,
    Network,
    NetworkConfig,
    check_activation,
    check_size,
)
from morphsim.encoder.networks.decoder import convolutional_decoder, shapes_of
from morphsim.encoder.networks.initialise import start_narrow, start_near_even_odds
from morphsim.encoder.networks.statistics import moments_size, spectra_size, statistics
from morphsim.errors import InputError
from morphsim.simulator.grid import Boundary

_GROUPS = 4
_LEAST_DEVIATION = 0.01
_ROUNDED_AT = 0.37


@dataclass(frozen=True, kw_only=True)
class SplitConfig(NetworkConfig):
    """The sizes of a network of content and pose."""

    architecture: ClassVar[str] = "split"

    content_size: int = 8
    """Latents that distances read."""
    pose_size: int = 16
    """Latents that only the decoder reads."""
    channels: tuple[int, ...] = (24, 32, 48)
    """Channels after each convolution of the trunk, multiples of 4; as many convolutions as numbers."""
    strides: tuple[int, ...] = (4, 2, 2)
    """Strides of those convolutions [pixels]; kernels are the next odd number but one."""
    bottleneck: int = 8
    """Numbers to which the many features of the trunk, and those of the spectra, are each brought."""
    dropout: float = 0.5
    """Share of those features that are left out at random in training (Srivastava et al. 2014,
    https://jmlr.org/papers/v15/srivastava14a.html): without it a few hundred films are learned by heart."""
    hidden: int = 112
    """Width of the dense layers."""
    decoder_channels: tuple[int, int] = (16, 32)
    """Channels of the decoder's transposed convolutions of stride 4, the frame's end first."""
    activation: Activation = "silu"
    """What follows every layer but the last one of encoder and decoder."""

    def __post_init__(self) -> None:
        for name in ("content_size", "pose_size", "bottleneck", "hidden"):
            check_size(name, getattr(self, name))
        if not isinstance(self.channels, tuple) or not 1 <= len(self.channels) <= 8:
            raise InputError(f"network channels is {self.channels!r}; give 1 to 8 whole numbers")
        for value in self.channels:
            check_size("channels", value)
            if value % _GROUPS:
                raise InputError(f"network channels holds {value}; give multiples of {_GROUPS}")
        if not isinstance(self.strides, tuple) or len(self.strides) != len(self.channels):
            raise InputError(
                f"network strides is {self.strides!r}; give {len(self.channels)} whole numbers, "
                "as many as channels"
            )
        for value in self.strides:
            check_size("strides", value)
        if not isinstance(self.decoder_channels, tuple) or len(self.decoder_channels) != 2:
            raise InputError(f"network decoder_channels is {self.decoder_channels!r}; give two whole numbers")
        for value in self.decoder_channels:
            check_size("decoder_channels", value)
        if isinstance(self.dropout, bool) or not isinstance(self.dropout, int | float):
            raise InputError(f"network dropout is {self.dropout!r}; it must be a number")
        if not 0.0 <= self.dropout < 1.0:
            raise InputError(f"network dropout is {self.dropout!r}; it must be at least 0 and below 1")
        check_activation(self.activation)

    def network(self, frame_shape: tuple[int, int], channels: int, boundary: Boundary) -> Split:
        """Make the network; where films are periodic it goes round along x."""
        return Split(self, frame_shape, channels, boundary)


class Split(Network):
    """Network of content and pose for frames of one shape.

    Where it is not training, the content of a periodic frame does not change by a roll whose frame's width is
    a multiple of all strides: every frame is first rolled to where its own pattern says, so that the strided
    convolutions meet it at the same places. The content of the mirror image is averaged in, so that it is the
    very same for both.

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
        self.config: SplitConfig = config
        self.boundary = boundary
        self.stride = math.prod(config.strides)
        activation = ACTIVATIONS[config.activation]
        height, width = shapes_of(frame_shape, config.strides)[-1]
        widths = [channels, *config.channels]
        self.trunk = nn.Sequential(
            *(
                layer
                for level in range(len(config.channels))
                for layer in (
                    _Convolution(widths[level], widths[level + 1], config.strides[level], boundary),
                    nn.GroupNorm(_GROUPS, widths[level + 1]),
                    activation(),
                )
            )
        )
        few = moments_size(channels)
        many = spectra_size(frame_shape, channels, boundary=boundary)
        # What brings the statistics of the training frames to mean 0 and deviation 1; set once, by `prepare`.
        self.shift = nn.Parameter(torch.empty(few + many), requires_grad=False)
        self.scale = nn.Parameter(torch.empty(few + many), requires_grad=False)
        self.pooled = nn.Linear(2 * widths[-1] * height, config.bottleneck)
        self.spectra = nn.Linear(many, config.bottleneck)
        self.content = nn.Sequential(
            nn.Linear(few + 2 * config.bottleneck, config.hidden),
            activation(),
            nn.Linear(config.hidden, config.hidden),
            activation(),
            nn.Linear(config.hidden, 2 * config.content_size),
        )
        self.direct = nn.Linear(few, config.content_size)
        self.pose = nn.Sequential(
            nn.Flatten(),
            nn.Linear(widths[-1] * height * width, config.hidden),
            activation(),
            nn.Linear(config.hidden, 2 * config.pose_size),
        )
        self.decoder = convolutional_decoder(
            latents,
            frame_shape,
            frame_channels=channels,
            hidden=config.hidden,
            channels=config.decoder_channels,
            strides=(4, 4),
            kernel_size=7,
            activation=activation,
        )

    def encode(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Code frames (B, C, H, W) into means and logarithms of variances, each (B, D), content first."""
        features = self.trunk(frames - 0.5)
        if self.training:
            content = self._content(features, self._measure(frames))
        else:
            content = self.encode_content(frames)
        pose = self.pose(features).float().chunk(2, dim=1)
        return torch.cat([content[0], pose[0]], dim=1), torch.cat([content[1], pose[1]], dim=1)

    def encode_content(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Code frames into means and logarithms of variances of the content alone, each (B, content_size)."""
        both = torch.cat([frames, frames.flip(3)])
        if self.boundary == "periodic":
            both = _aligned(both, self.stride)
        # Of the mirror image the statistics are the same.
        measured = self._measure(frames).repeat(2, 1)
        means, log_variances = self._content(self.trunk(both - 0.5), measured)
        count = len(frames)
        return (
            0.5 * (means[:count] + means[count:]),
            0.5 * (log_variances[:count] + log_variances[count:]),
        )

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Turn latents (B, D) into the logits of donor in each pixel, (B, C, H, W)."""
        logits: torch.Tensor = self.decoder(latents)
        return logits

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
        start_narrow(self.content[-1], self.content_size)
        self.shift.zero_()
        self.scale.fill_(1.0)

    def _measure(self, frames: torch.Tensor) -> torch.Tensor:
        # In full precision whatever the rest is computed in: logarithms of small powers.
        with torch.no_grad(), torch.autocast(frames.device.type, enabled=False):
            measured = torch.cat(statistics(frames, boundary=self.boundary), dim=1)
            return (measured - self.shift) * self.scale

    def _content(self, features: torch.Tensor, measured: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = features.float()
        mean = features.mean(dim=3)
        spread = (features - mean.unsqueeze(3)).square().mean(dim=3).add(1e-6).sqrt()
        pooled = torch.cat([mean, spread], dim=1).flatten(1)
        few, many = measured.tensor_split([self.direct.in_features], dim=1)
        narrow = [few, self.pooled(self._thinned(pooled)), self.spectra(self._thinned(many))]
        means, log_variances = self.content(torch.cat(narrow, dim=1)).float().chunk(2, dim=1)
        return means + self.direct(few).float(), log_variances

    def _thinned(self, features: torch.Tensor) -> torch.Tensor:
        return functional.dropout(features, self.config.dropout, self.training)


class _Convolution(nn.Conv2d):
    """A strided convolution that goes round along periodic x and repeats the border elsewhere."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, boundary: Boundary) -> None:
        self.reach = (stride + 1) // 2 if stride < 4 else stride // 2 + 1
        super().__init__(channels_in, channels_out, 2 * self.reach + 1, stride=stride)
        self.mode = "circular" if boundary == "periodic" else "replicate"

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        sides = (self.reach, self.reach, 0, 0)
        mode = self.mode if frames.shape[3] >= self.reach else "replicate"
        wide = functional.pad(frames, sides, mode=mode)
        return super().forward(functional.pad(wide, (0, 0, self.reach, self.reach), mode="replicate"))


def _aligned(frames: torch.Tensor, period: int) -> torch.Tensor:
    """Roll each frame so that the Fourier mode of this period of its columns starts at its crest.

    What a roll changes is then undone up to whole periods.

    Args:
        frames: (B, C, H, W).
        period: [pixels].
    """
    width = frames.shape[3]
    places = torch.arange(width, device=frames.device)
    angles = places * (2.0 * math.pi / period)
    columns = frames.sum(dim=(1, 2))
    phase = torch.atan2(columns @ angles.sin(), columns @ angles.cos())
    # Rounded at an odd place: at the half, where symmetric patterns lie, the last bit would decide.
    shifts = torch.floor(phase * (period / (2.0 * math.pi)) + _ROUNDED_AT).long() % period
    index = (places[None] + shifts[:, None]) % width
    return frames.gather(3, index[:, None, None, :].expand(frames.shape))
