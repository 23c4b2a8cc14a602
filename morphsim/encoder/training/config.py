"""The configuration of a training run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from morphsim.checks import (
    LARGEST,
    LEARNING_RATES,
    MOST_THREADS,
    check_choice,
    check_flag,
    check_number,
    check_seed,
    check_whole,
    exact_fields,
)
from morphsim.device import DeviceName
from morphsim.encoder.networks import (
    ARCHITECTURES,
    DEFAULT_ARCHITECTURE,
    NetworkConfig,
    find_architecture,
)
from morphsim.encoder.objective import ObjectiveConfig
from morphsim.encoder.training.schedules import Schedule
from morphsim.errors import InputError

HoldOut = Literal["trajectories", "recipes"]
Precision = Literal["float32", "bfloat16"]
Keep = Literal["best", "last", "triplet"]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """A training run of an encoder on a file of frames.

    Raises:
        InputError: a value is out of range.
    """

    frames: Path
    """HDF5 file of the frames to train on."""
    out: Path = Path("runs/encoder")
    """Folder for the encoder, its curves and its checkpoint."""
    epochs: int = 100
    """How many times to go through the training frames."""
    batch_size: int = 16
    """Frames in a step, of all processes together; large batches suit a GPU, small ones need fewer epochs."""
    learning_rate: float = 1e-3
    """Step size of Adam at the start."""
    schedule: Schedule = "drop"
    """How the learning rate changes: not at all, by one drop, or down to 0 along a line or a cosine."""
    drop_at: float = 0.4
    """Share of the epochs after which the learning rate drops."""
    drop_factor: float = 0.1
    """Factor by which the learning rate drops."""
    patience: int = 0
    """Epochs without a better held-out score after which training stops early; 0 never stops early."""
    held_out: float = 0.2
    """Share of the trajectories, or of the recipes, that is held out for evaluation."""
    hold_out: HoldOut = "trajectories"
    """What is held out whole: trajectories, or recipes with all their replicas."""
    mirror: bool = True
    """Mirror half of the training frames left-right."""
    roll: bool = True
    """Roll each training frame along x; ignored where the film is not periodic."""
    exchange: bool = False
    """Exchange the phases of half of the training frames; the triplet loss takes them for other recipes."""
    seed: int = 0
    """Of the split into training and held-out frames, the first weights, the order of the frames and the
    latent noise."""
    device: DeviceName = "auto"
    """Where to train; auto takes a CUDA GPU if there is one."""
    threads: int = 1
    """CPU threads of torch."""
    content_steps: int = 0
    """Steps that train the content alone, by the triplet loss, before the rest of the network; only for
    architectures that separate content and pose. 0 trains everything together."""
    precision: Precision = "float32"
    """Of convolutions and dense layers; losses and weights are always float32."""
    compile: bool = False
    """Compile the network with torch.compile, which takes a minute at the start and makes steps faster."""
    checkpoint_every: int = 1
    """Epochs between checkpoints."""
    keep: Keep = "best"
    """The epoch whose weights become the encoder: that with the best score on held-out frames (-ELBO, or the
    reconstruction loss without noise), that with the best held-out triplet accuracy, or the last."""
    resume: bool = False
    """Go on from the checkpoint in the folder, or start if there is none."""
    tensorboard: bool = True
    """Log curves, reconstructions and a map of latents to the folder's `tensorboard`."""
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    """The terms of the loss."""
    network: NetworkConfig = field(default_factory=ARCHITECTURES[DEFAULT_ARCHITECTURE])
    """The sizes of the network; its class decides the architecture."""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("epochs", 1, LARGEST),
            ("batch_size", 1, LARGEST),
            ("patience", 0, LARGEST),
            ("threads", 1, MOST_THREADS),
            ("content_steps", 0, LARGEST),
            ("checkpoint_every", 1, LARGEST),
        ):
            check_whole(name, getattr(self, name), least, most)
        check_seed("seed", self.seed)
        for name in ("mirror", "roll", "exchange", "resume", "tensorboard", "compile"):
            check_flag(name, getattr(self, name))
        for name, choices in (
            ("keep", get_args(Keep)),
            ("schedule", get_args(Schedule)),
            ("hold_out", get_args(HoldOut)),
            ("precision", get_args(Precision)),
        ):
            check_choice(name, getattr(self, name), choices)
        check_number("learning_rate", self.learning_rate, *LEARNING_RATES)
        check_number("drop_factor", self.drop_factor, 1e-12, 1e3)
        check_number("held_out", self.held_out, 0.0, 1.0, above=True, below=True)
        check_number("drop_at", self.drop_at, 0.0, 1.0)
        if self.objective.triplet and self.batch_size < 3:
            raise InputError(f"batch_size is {self.batch_size}; the triplet loss needs at least 3 frames")
        if self.content_steps:
            self._check_content_steps()

    def _check_content_steps(self) -> None:
        if not self.network.pretrains_content:
            able = [repr(name) for name, config in ARCHITECTURES.items() if config.pretrains_content]
            raise InputError(
                f"content_steps is {self.content_steps}, but {self.network.architecture!r} has no content of "
                f"its own; use the architecture {' or '.join(able)}, or leave content_steps out"
            )
        if not self.objective.triplet:
            raise InputError(
                f"content_steps is {self.content_steps}, but the objective has no triplet loss to train by; "
                "give objective triplet a weight, or leave content_steps out"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values that JSON can hold."""
        values = asdict(self)
        values.update(
            frames=str(self.frames),
            out=str(self.out),
            objective=self.objective.to_dict(),
            architecture=self.network.architecture,
            network=self.network.to_dict(),
        )
        return values

    @classmethod
    def from_dict(cls, values: object) -> TrainingConfig:
        """Read what `to_dict` gave.

        Raises:
            InputError: a field is missing, unknown or out of range.
        """
        given = exact_fields(cls, values, "the training configuration", "architecture")
        for name in ("frames", "out"):
            if not isinstance(given[name], str):
                raise InputError(f"{name} is {given[name]!r}; it must be a path")
            given[name] = Path(given[name])
        given["objective"] = ObjectiveConfig.from_dict(given["objective"])
        given["network"] = find_architecture(given.pop("architecture")).from_dict(given["network"])
        return cls(**given)
