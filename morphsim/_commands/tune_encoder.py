"""`morphsim tune-encoder`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from tyro.conf import Positional, arg

from morphsim._commandline import only, show, show_json
from morphsim._commands.architecture import Architecture
from morphsim.encoder import ObjectiveConfig, TrainingConfig, TrainingDiverged
from morphsim.encoder.networks import DEFAULT_ARCHITECTURE
from morphsim.encoder.tuning import BEST, TuningConfig, tune_encoder

_HANDLED_APART = frozenset({"frames", "out", "resume", "tensorboard", "network", "objective"})


@dataclass(frozen=True, kw_only=True)
class Options(TuningConfig):
    """Search the settings of an encoder by many short trainings; needs pip install 'morphsim[tune]'.

    It varies the learning rate from 1e-4 to 1e-2, the batch size from 8 to 64, sizes of the network, and
    weights of the objective: KL divergence from 0.1 to 2, or L1 and L2 for a network without noise, and with
    --by triplet the triplet loss from 1 to 300 with a margin of 0.1 to 5.
    Example: morphsim tune-encoder frames.h5 --trials 30 --architecture split --by triplet
    """

    failures: ClassVar[tuple[type[Exception], ...]] = (TrainingDiverged,)

    frames: Annotated[Positional[Path], arg(metavar="FRAMES")]
    """HDF5 file of the frames to train on."""
    architecture: Architecture = DEFAULT_ARCHITECTURE
    json: bool = False
    """Print the result as JSON."""

    def __post_init__(self) -> None:
        """Leave the checks to the configuration that `run` builds, so that its messages are not rewritten."""

    def run(self) -> None:
        """Search, and print the best settings and the command that repeats the training with them."""
        best = tune_encoder(only(TuningConfig, self))
        command = training_command(replace(best.config, out=self.out / "best"))
        if self.json:
            show_json({**vars(best), "config": best.config.to_dict(), "by": self.by, "command": command})
            return
        without_noise = not best.config.network.variational
        names = {
            "triplet": "share of triplets right",
            "elbo": "reconstruction loss" if without_noise else "-ELBO [nats]",
        }
        diverged = f", {best.diverged} diverged" if best.diverged else ""
        show(f"{self.out / BEST}: trial {best.trial} of {best.finished + best.diverged}{diverged}")
        show(f"held-out frames: {names[self.by]} {best.value:.6g}")
        for name, value in best.settings.items():
            show(f"  {name}  {value:.4g}" if isinstance(value, float) else f"  {name}  {value}")
        show("the command that repeats this training, where --epochs may be raised:")
        show(command)


def training_command(config: TrainingConfig) -> str:
    """Return the command of a training run; options with default values are left out."""
    words = ["morphsim", "train-encoder", str(config.frames), "--out", str(config.out)]
    for entry in fields(TrainingConfig):
        if entry.name not in _HANDLED_APART:
            words += _option(entry.name, getattr(config, entry.name), entry.default)
    if not config.tensorboard:
        words.append("--no-tensorboard")
    objective = ObjectiveConfig()
    for entry in fields(ObjectiveConfig):
        words += _option(
            f"objective.{entry.name}", getattr(config.objective, entry.name), getattr(objective, entry.name)
        )
    words += ["--architecture", config.network.architecture]
    usual = type(config.network)()
    sizes = [
        f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in config.network.to_dict().items()
        if value != usual.to_dict()[name]
    ]
    return shlex.join([*words, *(["--network", *sizes] if sizes else [])])


def _option(name: str, value: Any, default: Any) -> list[str]:
    option = name.replace("_", "-")
    if value == default:
        return []
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    return [f"--{option}", str(value)]
