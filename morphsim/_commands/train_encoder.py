"""`morphsim train-encoder`, and with it `python train_encoder.py`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import Positional, arg

from morphsim._commandline import only, show, show_json
from morphsim.encoder import TrainingConfig, TrainingDiverged, train_encoder
from morphsim.encoder.results import METRICS
from morphsim.files import read_json


@dataclass(frozen=True, kw_only=True)
class Options(TrainingConfig):
    """Train a convolutional variational autoencoder on a file of frames; --resume goes on with it.

    Example: morphsim train-encoder frames.h5 --out runs/encoder --epochs 30
    """

    failures: ClassVar[tuple[type[Exception], ...]] = (TrainingDiverged,)

    frames: Annotated[Positional[Path], arg(metavar="FRAMES")]
    """HDF5 file of the frames to train on."""
    json: bool = False
    """Print the result as JSON."""

    def __post_init__(self) -> None:
        """Leave the checks to the configuration that `run` builds, whose message then stays whole."""

    def run(self) -> None:
        """Train the encoder and print how good it became."""
        encoder = train_encoder(only(TrainingConfig, self))
        metrics = read_json(self.out / METRICS)
        if self.json:
            show_json({"out": str(self.out), "hash": encoder.hash, **metrics})
            return
        held_out = metrics["held_out"]
        height, width = encoder.frame_shape
        show(
            f"{self.out}: encoder of {height} x {width} frames, {encoder.latent_size} latents, "
            f"{metrics['parameters']} parameters, from epoch {metrics['kept_epoch']} of {metrics['epochs']}"
        )
        show(
            f"held-out frames: -ELBO {held_out['negative_elbo']:.1f} nats "
            f"(reconstruction {held_out['reconstruction']:.1f}, KL {held_out['kl']:.1f}), "
            f"{100 * held_out['pixel_error']:.2f} % wrong pixels, {held_out['active_units']} active latents"
        )
        show(f"trained in {metrics['seconds']:.0f} s")
