"""The interface of all networks, from frames to latents and back, and of their configurations."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Self

import torch
from torch import nn

from morphsim.checks import exact_fields, shown
from morphsim.encoder.networks.initialise import he_uniform
from morphsim.encoder.networks.pretraining import Pretraining
from morphsim.encoder.networks.search import SearchDimension
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
"""Of a network: 4 GB with gradients and the two moments of Adam."""


class Network(nn.Module, abc.ABC):
    """Encodes frames as latents and decodes latents to frames.

    The first `content_size` latents are the content, which distances read; the rest is the pose. All state is
    in parameters: a network has no buffers, so that it can be built without memory and filled from a file.

    Args:
        config: the sizes.
        frame_shape: (H, W) of the frames [pixels].
        channels: C, the channels of a frame.
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
        """Encode frames as normal distributions of the latents.

        Args:
            frames: (B, C, H, W) float, 0 to 1.

        Returns:
            The means (B, D) and the logarithms of the variances (B, D), or None if the network is not
            variational.
        """

    def encode_with_statistics(
        self, frames: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Encode frames as `encode` does, and return the statistics that the network measures on the way.

        Returns:
            What `encode` returns, and the `statistics` (B, S) of the frames, or None if it measures none.
        """
        return *self.encode(frames), None

    @abc.abstractmethod
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode latents (B, D) to the logits of donor in each pixel, (B, C, H, W)."""

    def init_output_layers(self) -> None:
        """Change the first weights of layers that He's rule does not suit; called without gradients."""

    def fit_normalisation(self, frames: torch.Tensor) -> None:
        """Fit what normalises the input to training frames (B, C, H, W), if the network has such a part."""

    def pretrain(self, pretraining: Pretraining) -> None:
        """Train a part of the network before the main training, if `NetworkConfig.pretrains_content`."""

    def freeze_pretrained(self) -> None:
        """Keep the pretrained part as it is from now on."""


@dataclass(frozen=True, kw_only=True)
class NetworkConfig(abc.ABC):
    """The sizes of a network of one architecture.

    Raises:
        InputError: a value is of the wrong type or out of range.
    """

    architecture: ClassVar[str]
    """Its name in `config.json` and on the command line."""
    summary: ClassVar[str]
    """What it is in a few words, for the help of the command line."""
    variational: ClassVar[bool] = True
    """Whether latents are distributions, so that there is a KL divergence."""
    channels_last: ClassVar[bool] = False
    """Whether it trains faster with the channels of a pixel side by side in memory."""
    pretrains_content: ClassVar[bool] = False
    """Whether `Network.pretrain` can train the content before the rest (`content_steps`)."""
    search_space: ClassVar[Mapping[str, SearchDimension]] = {}
    """Fields that `morphsim tune-encoder` varies, and their bounds."""

    @abc.abstractmethod
    def uninitialised(self, frame_shape: tuple[int, int], channels: int, boundary: Boundary) -> Network:
        """Make the network with uninitialised weights; most architectures ignore `boundary`."""

    def build(
        self,
        frame_shape: tuple[int, int],
        *,
        channels: int = 1,
        boundary: Boundary = "no-flux",
        generator: torch.Generator,
    ) -> Network:
        """Make the network on the CPU with first weights from `generator`.

        Args:
            frame_shape: (H, W) of the frames [pixels].
            channels: C, the channels of a frame.
            boundary: what happens at the left and right end of a frame.
            generator: of the CPU; torch's global random state is neither read nor changed.
        """
        network = self.build_on_meta(frame_shape, channels=channels, boundary=boundary).to_empty(device="cpu")
        with torch.no_grad():
            he_uniform(network, generator)
            network.init_output_layers()
        return network

    def build_on_meta(
        self, frame_shape: tuple[int, int], *, channels: int = 1, boundary: Boundary = "no-flux"
    ) -> Network:
        """Make the network on torch's meta device, without memory for its weights, to be filled from a file.

        Raises:
            InputError: it has more weights than `MOST_WEIGHTS`.
        """
        try:
            with torch.device("meta"):
                network = self.uninitialised(frame_shape, channels, boundary)
            weights = sum(parameter.numel() for parameter in network.parameters())
        except (OverflowError, RuntimeError) as error:
            # The number of weights of a layer exceeds 64 bits.
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
        given = exact_fields(cls, values, "the network's configuration")
        return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in given.items()})


def _too_large(weights: str, frame_shape: tuple[int, int]) -> InputError:
    return InputError(
        f"the network would have {weights} weights for frames of {frame_shape[0]} x {frame_shape[1]}, and at "
        f"most {MOST_WEIGHTS:,} are allowed; make its layers smaller or its strides larger"
    )


def check_size(name: str, value: object) -> None:
    """Check one size of a network.

    Raises:
        InputError: it is not a whole number from 1 to 65536.
    """
    # The limit keeps a damaged configuration from asking for more memory than any machine has.
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65_536:
        raise InputError(f"network {name} is {shown(value)}; it must be a whole number from 1 to 65536")


def check_pairs(*, channels: object, strides: object, kernel_size: int) -> None:
    """Check the sizes of two strided convolutions.

    Raises:
        InputError: channels or strides are not two sizes, or the kernel is even or skips pixels.
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
