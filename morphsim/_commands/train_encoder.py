"""`morphsim train-encoder`, and with it `python train_encoder.py`."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar

from tyro.conf import Positional, arg

from morphsim._commandline import show, show_json
from morphsim._commands.architecture import Architecture
from morphsim.encoder import TrainingConfig, TrainingDiverged, train_encoder
from morphsim.encoder.io.layout import METRICS
from morphsim.encoder.networks import DEFAULT_ARCHITECTURE, parse_network
from morphsim.files import read_sealed_json


@dataclass(frozen=True, kw_only=True)
class Options(TrainingConfig):
    """Train an encoder on a file of frames; --resume goes on, and torchrun trains in several processes.

    Example: morphsim train-encoder frames.h5 --out runs/encoder --epochs 30 --network latent_size=8
    """

    failures: ClassVar[tuple[type[Exception], ...]] = (TrainingDiverged,)

    frames: Annotated[Positional[Path], arg(metavar="FRAMES")]
    """HDF5 file of the frames to train on."""
    architecture: Architecture = DEFAULT_ARCHITECTURE
    network: tuple[str, ...] = ()  # type: ignore[assignment]
    """Sizes of the network as NAME=VALUE, several numbers as NAME=16,32; docs/encoder.md lists them."""
    json: bool = False
    """Print the result as JSON."""

    def __post_init__(self) -> None:
        """Leave the checks to the configuration that `run` builds, so that its messages are not rewritten."""

    def config(self) -> TrainingConfig:
        """Return the configuration of the run.

        Raises:
            InputError: a value is out of range, or the network has no such size.
        """
        values: dict[str, Any] = {entry.name: getattr(self, entry.name) for entry in fields(TrainingConfig)}
        return TrainingConfig(**{**values, "network": parse_network(self.architecture, self.network)})

    def run(self) -> None:
        """Train the encoder and print its metrics."""
        encoder = train_encoder(self.config())
        if os.environ.get("RANK", "0") != "0":
            return
        metrics = read_sealed_json(self.out / METRICS)
        if self.json:
            show_json({"out": str(self.out), "hash": encoder.hash, **metrics})
            return
        held_out = metrics["held_out"]
        size = " x ".join(map(str, encoder.frame_shape))
        show(
            f"{self.out}: {encoder.architecture} of {size} frames, {encoder.latent_size} latents, "
            f"{metrics['parameters']} parameters, from epoch {metrics['kept_epoch']} of {metrics['epochs']}"
        )
        if "negative_elbo" in held_out:
            loss = (
                f"-ELBO {held_out['negative_elbo']:.1f} nats "
                f"(reconstruction {held_out['reconstruction']:.1f}, KL {held_out['kl']:.1f})"
            )
        else:
            loss = f"reconstruction loss {held_out['reconstruction']:.1f}"
        show(
            f"held-out frames: {loss}, "
            f"{100 * held_out['pixel_error']:.2f} % wrong pixels, {held_out['active_units']} active latents"
        )
        if "triplet_accuracy" in held_out:
            show(f"held-out triplets: {100 * held_out['triplet_accuracy']:.1f} % right")
        show(f"trained in {metrics['seconds']:.0f} s")
