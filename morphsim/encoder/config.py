"""What a training run is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from morphsim.device import DeviceName
from morphsim.encoder.cvae import CVAEConfig
from morphsim.errors import InputError


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """A training run of a CVAE on a file of frames.

    Raises:
        InputError: a value is out of range.
    """

    frames: Path
    """HDF5 file of the frames to train on."""
    out: Path = Path("runs/encoder")
    """Folder for the encoder, its curves and its checkpoint."""
    epochs: int = 100
    """How often to go through the training frames."""
    batch_size: int = 16
    """Frames in a step; larger batches suit a GPU, small ones learn in fewer epochs."""
    learning_rate: float = 1e-3
    """Step size of Adam at the start."""
    drop_at: float = 0.4
    """Share of the epochs after which the learning rate falls; 1 never."""
    drop_factor: float = 0.1
    """What the learning rate is multiplied by when it falls."""
    beta: float = 1.0
    """Weight of the KL divergence; 1 gives the evidence lower bound."""
    held_out: float = 0.2
    """Share of the trajectories that are held out for evaluation."""
    mirror: bool = True
    """Mirror half of the training frames left-right."""
    roll: bool = True
    """Roll each training frame along x; ignored where the film is not periodic."""
    seed: int = 0
    """Of the split, the first weights, the order of the frames and the latent noise."""
    device: DeviceName = "auto"
    """Where to train; auto takes a CUDA GPU where there is one."""
    threads: int = 1
    """CPU threads of torch."""
    checkpoint_every: int = 1
    """Epochs between checkpoints."""
    keep: Literal["best", "last"] = "best"
    """Which epoch's weights become the encoder: that of the lowest -ELBO on held-out frames, or the last."""
    resume: bool = False
    """Go on from the checkpoint in the folder, or start where there is none."""
    tensorboard: bool = True
    """Log curves and reconstructions to the folder's `tensorboard`."""
    network: CVAEConfig = field(default_factory=CVAEConfig)
    """The sizes of the network."""

    def __post_init__(self) -> None:
        for name, least in (
            ("epochs", 1),
            ("batch_size", 1),
            ("seed", 0),
            ("threads", 1),
            ("checkpoint_every", 1),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(f"{name} is {value!r}; it must be a whole number of at least {least}")
        for name in ("mirror", "roll", "resume", "tensorboard"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name} is {getattr(self, name)!r}; it must be true or false")
        if self.keep not in ("best", "last"):
            raise InputError(f"keep is {self.keep!r}; use best or last")
        for name, low, high, what in (
            ("learning_rate", 0.0, math.inf, "above 0 and finite"),
            ("drop_factor", 0.0, math.inf, "above 0 and finite"),
            ("held_out", 0.0, 1.0, "above 0 and below 1"),
        ):
            if not _is_number(getattr(self, name)) or not low < getattr(self, name) < high:
                raise InputError(f"{name} is {getattr(self, name)!r}; it must be {what}")
        if not _is_number(self.drop_at) or not 0.0 <= self.drop_at <= 1.0:
            raise InputError(f"drop_at is {self.drop_at!r}; it must be from 0 to 1")
        if not _is_number(self.beta) or not 0.0 <= self.beta < math.inf:
            raise InputError(f"beta is {self.beta!r}; it must be at least 0 and finite")

    def learning_rate_of(self, epoch: int) -> float:
        """Return the learning rate of an epoch (from 0)."""
        dropped = epoch >= self.drop_at * self.epochs
        return self.learning_rate * self.drop_factor if dropped else self.learning_rate

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values that JSON can hold."""
        values = asdict(self)
        values.update(frames=str(self.frames), out=str(self.out), network=self.network.to_dict())
        return values

    @classmethod
    def from_dict(cls, values: object) -> TrainingConfig:
        """Read what `to_dict` gave.

        Raises:
            InputError: a field is missing, unknown or out of range.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(values, Mapping) or set(values) != set(names):
            raise InputError(f"the training configuration must have exactly the fields {', '.join(names)}")
        given: dict[str, Any] = dict(values)
        for name in ("frames", "out"):
            if not isinstance(given[name], str):
                raise InputError(f"{name} is {given[name]!r}; it must be a path")
            given[name] = Path(given[name])
        return cls(**{**given, "network": CVAEConfig.from_dict(given["network"])})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
