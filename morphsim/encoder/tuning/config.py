"""The configuration of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from morphsim.checks import check_choice, check_flag, check_whole
from morphsim.device import DeviceName
from morphsim.encoder.networks import DEFAULT_ARCHITECTURE, find_architecture, parse_network
from morphsim.encoder.networks.search import SearchDimension
from morphsim.encoder.objective import ObjectiveConfig
from morphsim.encoder.training.config import HoldOut, Precision, TrainingConfig
from morphsim.encoder.tuning.space import By, Searched, search_space
from morphsim.errors import InputError

# Optuna reads all earlier trials before each new one.
_MOST_TRIALS = 100_000


@dataclass(frozen=True, kw_only=True)
class TuningConfig:
    """A search for the settings of an encoder of one architecture.

    Raises:
        InputError: a value is out of range.
    """

    frames: Path
    """HDF5 file of the frames to train on."""
    out: Path = Path("runs/tuning")
    """Folder for the trials, each a training run of its own, and the best of them."""
    trials: int = 20
    """Trainings in total, including those of an interrupted search."""
    architecture: str = DEFAULT_ARCHITECTURE
    """The kind of network."""
    by: By = "elbo"
    """The score of an encoder on held-out frames: a low -ELBO (without noise, reconstruction loss), or a high
    share of correct triplets."""
    search: tuple[Searched, ...] = get_args(Searched)
    """The settings that are varied; all others keep the defaults of train-encoder."""
    epochs: int = 5
    """Epochs of each training."""
    held_out: float = 0.2
    """Share of the trajectories, or of the recipes, that is held out; the same ones in all trials."""
    hold_out: HoldOut = "trajectories"
    """What is held out whole: trajectories, or recipes with all their replicas."""
    precision: Precision = "float32"
    """Of convolutions and dense layers."""
    seed: int = 0
    """Of the search and of each training."""
    device: DeviceName = "auto"
    """Where to train; auto takes a CUDA GPU if there is one."""
    threads: int = 1
    """CPU threads of torch."""
    resume: bool = False
    """Go on with the search in the folder, or start if there is none."""

    def __post_init__(self) -> None:
        check_whole("trials", self.trials, 1, _MOST_TRIALS)
        find_architecture(self.architecture)
        check_choice("by", self.by, get_args(By))
        unknown = [name for name in self.search if name not in get_args(Searched)]
        if unknown or not self.search:
            found = f"holds {unknown[0]!r}" if unknown else "names nothing"
            raise InputError(f"search {found}; use some of {', '.join(get_args(Searched))}")
        check_flag("resume", self.resume)
        # The configuration of a training checks the rest.
        self.training({}, self.out)

    @property
    def space(self) -> dict[str, SearchDimension]:
        """The settings that are varied, by name."""
        return search_space(find_architecture(self.architecture), self.by, self.search)

    def training(self, settings: Mapping[str, int | float | str], out: Path) -> TrainingConfig:
        """Return the configuration of a trial's training.

        Args:
            settings: values by the names of `space`; all others keep their defaults.
            out: the folder of the training.
        """
        own = {name: value for name, value in settings.items() if "." not in name}
        groups: dict[str, dict[str, Any]] = {"network": {}, "objective": {}}
        if self.by == "triplet":
            # There is a triplet loss even if its weight is not varied.
            groups["objective"]["triplet"] = 50.0
        for name, value in settings.items():
            group, dot, setting = name.partition(".")
            if dot:
                groups[group][setting] = value
        network = parse_network(
            self.architecture, [f"{name}={value}" for name, value in groups["network"].items()]
        )
        return TrainingConfig(
            frames=self.frames,
            out=out,
            epochs=self.epochs,
            held_out=self.held_out,
            hold_out=self.hold_out,
            precision=self.precision,
            seed=self.seed,
            device=self.device,
            threads=self.threads,
            keep="triplet" if self.by == "triplet" else "best",
            tensorboard=False,
            objective=ObjectiveConfig(**groups["objective"]),
            network=network,
            **own,  # type: ignore[arg-type] # learning_rate and batch_size
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as plain values that JSON can hold."""
        return {**asdict(self), "frames": str(self.frames), "out": str(self.out), "search": list(self.search)}
