"""What every network of an encoder is: a way from frames to latents and a way back, and its sizes."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, Self

import torch
from torch import nn

from morphsim.checks import shown
from morphsim.encoder.networks.initialise import he_uniform
from morphsim.errors import InputError
from morphsim.types import Boundary

Activation = Literal["relu", "leaky_relu", "elu", "silu"]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
}


MOST_WEIGHTS = 250_000_000
"""Of a network: with gradients and the two moments of Adam 4 GB."""


class Network(nn.Module, abc.ABC):
    """Codes frames into latents and paints latents as frames.

    The first `content_size` latents are the content, which distances read; the rest is the pose. Weights are
    parameters only: a network has no buffers, so that it can be made without memory and filled from a file.

    Args:
        config: the sizes.
        frame_shape: (H, W) of the frames [pixels].
        channels: C, pictures that make a frame.
        latent_size: D, the number of all latents.
        content_size: how many of them are content; None for all.

    Raises:
        InputError: a size is not positive.
    """

    def __init__(
        self,
        config: NetworkConfig,
        frame_shape: tuple[int, int],
        channels: int,
        *,
        latent_size: int,
        content_size: int | None = None,
    ) -> None:
        super().__init__()
        for side in frame_shape:
            check_size("frame_shape", side)
        check_size("frame channels", channels)
        self.config = config
        self.frame_shape = frame_shape
        self.channels = channels
        self.latent_size = latent_size
        self.content_size = latent_size if content_size is None else content_size

    @abc.abstractmethod
    def encode(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Code frames into normal distributions.

        Args:
            frames: (B, C, H, W) float, 0 to 1.

        Returns:
            The means (B, D) and the logarithms of the variances (B, D), None where nothing is random.
        """

    def code(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Code frames as `encode` does, and tell what was measured of them on the way.

        Returns:
            What `encode` returns, and the `statistics` (B, S) of the frames, None where they are not needed.
        """
        return *self.encode(frames), None

    @abc.abstractmethod
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Turn latents (B, D) into the logits of donor in each pixel, (B, C, H, W)."""

    def prepare(self, frames: torch.Tensor) -> None:
        """Look at some training frames (B, C, H, W) before the first step; most networks need not."""

    def settle(self) -> None:
        """Change first weights that He's rule does not suit; called without gradients when it is built."""


@dataclass(frozen=True, kw_only=True)
class NetworkConfig(abc.ABC):
    """The sizes of a network of one architecture.

    Raises:
        InputError: a value is of the wrong type or out of range.
    """

    architecture: ClassVar[str]
    """The name by which `config.json` and the command line know it."""
    channels_last: ClassVar[bool] = False
    """Whether it trains faster with the channels of a pixel side by side in memory."""

    @abc.abstractmethod
    def network(self, frame_shape: tuple[int, int], channels: int, boundary: Boundary) -> Network:
        """Make the network with weights that nobody has chosen."""

    def build(
        self,
        frame_shape: tuple[int, int],
        *,
        channels: int = 1,
        boundary: Boundary = "no-flux",
        generator: torch.Generator,
    ) -> Network:
        """Make the network on the CPU, its first weights from `generator` alone.

        Args:
            frame_shape: (H, W) of the frames [pixels].
            channels: C, pictures that make a frame.
            boundary: what happens at the left and right end of a frame.
            generator: of the CPU; torch's global random state is neither read nor changed.
        """
        network = self.outline(frame_shape, channels=channels, boundary=boundary).to_empty(device="cpu")
        with torch.no_grad():
            he_uniform(network, generator)
            network.settle()
        return network

    def outline(
        self, frame_shape: tuple[int, int], *, channels: int = 1, boundary: Boundary = "no-flux"
    ) -> Network:
        """Make the network without memory for its weights, to be filled from a file.

        Raises:
            InputError: it has more weights than `MOST_WEIGHTS`.
        """
        try:
            with torch.device("meta"):
                network = self.network(frame_shape, channels, boundary)
            weights = sum(parameter.numel() for parameter in network.parameters())
        except (OverflowError, RuntimeError) as error:
            # A layer of more weights than whole numbers can count.
            raise _too_large("more than any machine could hold", frame_shape) from error
        if weights > MOST_WEIGHTS:
            raise _too_large(f"{weights:,}", frame_shape)
        return network

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values that JSON can hold."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: object) -> Self:
        """Read what `to_dict` gave.

        Raises:
            InputError: a field is missing, unknown, of the wrong type or out of range.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(values, Mapping) or set(values) != set(names):
            raise InputError(f"the network's configuration must have exactly the fields {', '.join(names)}")
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**given)


def _too_large(weights: str, frame_shape: tuple[int, int]) -> InputError:
    return InputError(
        f"the network would have {weights} weights for frames of {frame_shape[0]} x {frame_shape[1]}, and at "
        f"most {MOST_WEIGHTS:,} are allowed; make its layers smaller or its strides larger"
    )


def check_size(name: str, value: object) -> None:
    """Check one size of a network.

    Raises:
        InputError: it is no whole number from 1 to 65536.
    """
    # The limit keeps a damaged configuration from asking for more memory than any machine has.
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65_536:
        raise InputError(f"network {name} is {shown(value)}; it must be a whole number from 1 to 65536")


def check_pairs(*, channels: object, strides: object, kernel_size: int) -> None:
    """Check the sizes of two strided convolutions.

    Raises:
        InputError: channels or strides are no two sizes, or the kernel is even or leaves pixels out.
    """
    for name, pair in (("channels", channels), ("strides", strides)):
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise InputError(f"network {name} is {shown(pair)}; give two whole numbers")
        for value in pair:
            check_size(name, value)
    assert isinstance(strides, tuple)
    if kernel_size % 2 == 0 or kernel_size < max(strides):
        raise InputError(
            f"network kernel_size is {kernel_size}; it must be odd and at least the larger stride, "
            f"{max(strides)}"
        )


def check_activation(value: object) -> None:
    """Check the name of an activation.

    Raises:
        InputError: it is unknown.
    """
    if not isinstance(value, str) or value not in ACTIVATIONS:
        raise InputError(f"network activation is {shown(value)}; use one of {', '.join(ACTIVATIONS)}")
