"""Layers that networks share: strided and transposed convolutions with dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import nn
from torch.nn import functional

from morphsim.encoder.networks.base import ACTIVATIONS, Activation


def strided(shape: tuple[int, int], stride: int) -> tuple[int, int]:
    """Return the shape after a convolution of an odd kernel, padded by half of it: ceil(n / stride)."""
    return -(-shape[0] // stride), -(-shape[1] // stride)


def shapes_of(frame_shape: tuple[int, int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """Return the shape of the frame and after each of the strided convolutions."""
    shapes = [frame_shape]
    for stride in strides:
        shapes.append(strided(shapes[-1], stride))
    return shapes


class ConvolutionConfig(Protocol):
    """The fields of a configuration from which `ConvolutionSizes` are made."""

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels after each convolution."""

    @property
    def strides(self) -> tuple[int, ...]:
        """Strides of the convolutions [pixels]."""

    @property
    def kernel_size(self) -> int:
        """Width of the square kernels [pixels]."""

    @property
    def hidden(self) -> int:
        """Width of the dense layers."""

    @property
    def activation(self) -> Activation:
        """The name of the activation."""


@dataclass(frozen=True, kw_only=True)
class ConvolutionSizes:
    """The sizes of strided convolutions and two dense layers, and of a decoder that mirrors them."""

    frame_shape: tuple[int, int]
    """(H, W) of the frames [pixels]."""
    frame_channels: int
    """C, the channels of a frame."""
    channels: tuple[int, ...]
    """Channels after each convolution, the one next to the frame first."""
    strides: tuple[int, ...]
    """Strides of the convolutions [pixels]."""
    kernel_size: int
    """Width of the square kernels [pixels]; odd, and at least the largest stride."""
    hidden: int
    """Width of the dense layer next to the latents."""
    activation: type[nn.Module]
    """After every layer but the last one."""

    @classmethod
    def of(cls, config: ConvolutionConfig, frame_shape: tuple[int, int], frame_channels: int) -> Self:
        """Take the sizes of a network's configuration for frames (C, H, W)."""
        return cls(
            frame_shape=frame_shape,
            frame_channels=frame_channels,
            channels=config.channels,
            strides=config.strides,
            kernel_size=config.kernel_size,
            hidden=config.hidden,
            activation=ACTIVATIONS[config.activation],
        )


def convolutional_encoder(latent_numbers: int, sizes: ConvolutionSizes) -> nn.Sequential:
    """Make strided convolutions and two dense layers.

    Padded by half a kernel, a convolution of stride s turns n pixels into ceil(n / s), so that every frame
    shape is allowed.

    Args:
        latent_numbers: how many numbers to return for each frame.
        sizes: of the layers.

    Returns:
        A module, (B, C, H, W) -> (B, latent_numbers).
    """
    channels, kernel_size, activation = sizes.channels, sizes.kernel_size, sizes.activation
    inner = shapes_of(sizes.frame_shape, sizes.strides)[-1]
    layers: list[nn.Module] = []
    for before, after, stride in zip(
        [sizes.frame_channels, *channels], channels, sizes.strides, strict=False
    ):
        layers += [nn.Conv2d(before, after, kernel_size, stride, kernel_size // 2), activation()]
    layers += [nn.Flatten(), nn.Linear(channels[-1] * inner[0] * inner[1], sizes.hidden), activation()]
    return nn.Sequential(*layers, nn.Linear(sizes.hidden, latent_numbers))


def convolutional_decoder(latent_size: int, sizes: ConvolutionSizes) -> nn.Sequential:
    """Make a decoder that mirrors an encoder of strided convolutions and two dense layers.

    The output padding of the transposed convolutions restores every frame shape.

    Args:
        latent_size: D.
        sizes: of the layers of the encoder.

    Returns:
        A module, (B, D) -> (B, C, H, W) logits.
    """
    channels, activation = sizes.channels, sizes.activation
    shapes = shapes_of(sizes.frame_shape, sizes.strides)
    inner = shapes[-1]
    layers: list[nn.Module] = [
        nn.Linear(latent_size, sizes.hidden),
        activation(),
        nn.Linear(sizes.hidden, channels[-1] * inner[0] * inner[1]),
        activation(),
        nn.Unflatten(1, (channels[-1], *inner)),
    ]
    widths = [sizes.frame_channels, *channels]
    for level in range(len(channels), 0, -1):
        layers.append(
            upsampling(
                widths[level],
                widths[level - 1],
                kernel_size=sizes.kernel_size,
                stride=sizes.strides[level - 1],
                shape=shapes[level],
                target=shapes[level - 1],
            )
        )
        if level > 1:
            layers.append(activation())
    return nn.Sequential(*layers)


def upsampling(
    channels_in: int,
    channels_out: int,
    *,
    kernel_size: int,
    stride: int,
    shape: tuple[int, int],
    target: tuple[int, int],
) -> nn.ConvTranspose2d:
    """Make the transposed convolution from `shape` back to `target`, which a stride reduced to `shape`."""
    missing = tuple(target[axis] - ((shape[axis] - 1) * stride + 1) for axis in range(2))
    # With few output channels a transposed convolution uses little of a processor's vector width.
    kind = (
        _SubPixelConvolution
        if kernel_size == 2 * stride - 1 and channels_out < stride
        else nn.ConvTranspose2d
    )
    return kind(
        channels_in,
        channels_out,
        kernel_size,
        stride,
        kernel_size // 2,
        output_padding=(missing[0], missing[1]),
    )


class _SubPixelConvolution(nn.ConvTranspose2d):
    """A transposed convolution to few channels, with a kernel of two strides less one.

    On the CPU it is computed as a 2 x 2 convolution to all pixels of a stride, followed by a pixel shuffle
    (Shi et al. 2016, https://doi.org/10.1109/CVPR.2016.207): the same sums in less time.
    """

    def forward(self, values: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        # The shuffle has no gradient for a batch without frames, which a process may get.
        if values.is_cuda or output_size is not None or not len(values):
            return super().forward(values, output_size)
        stride, channels = self.stride[0], self.out_channels
        weight = functional.pad(self.weight, (1, 0, 1, 0))
        weight = weight.view(self.in_channels, channels, 2, stride, 2, stride).flip(2, 4)
        weight = weight.permute(1, 3, 5, 0, 2, 4).reshape(channels * stride**2, self.in_channels, 2, 2)
        bias = None if self.bias is None else self.bias.repeat_interleave(stride**2)
        pixels = functional.conv2d(functional.pad(values, (0, 1, 0, 1)), weight, bias)
        height, width = (
            (values.shape[2 + axis] - 1) * stride + 1 + self.output_padding[axis] for axis in range(2)
        )
        return functional.pixel_shuffle(pixels, stride)[:, :, :height, :width]
