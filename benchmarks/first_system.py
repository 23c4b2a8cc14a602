"""The first system again: its network and training on a film family like its own, and what has become better.

    python benchmarks/first_system.py [FRAMES.h5] [--minutes 20] [--out FOLDER] [--json] [--quick]

FRAMES.h5 is the data set `morphsim dataset --preset annealing-57`: 57 annealed films, 14,535 frames of 100 x
400, much like those of the first system (57 films, 14,541 frames, never published). Its network is the
architecture `cvae`: two convolutions and two dense layers to 16 means and deviations, and back. Training
follows it too: Adam with 1e-3, a tenth of that after 40 % of the epochs, frames mirrored and rolled at
random, the summed binary cross-entropy and the KL divergence. What differs: a fifth of the films is held out
whole, where the first system held out a fifth of the frames, whose neighbours in time it then trained on. Its
-ELBO went from about 25,000 to about 7,500 nats a frame on its own frames in 10,000 epochs, 3 hours of a
GTX 1070 Ti.

`--minutes` says for how long each network is trained; a short training beforehand tells how many epochs fit,
and the learning rate falls at 40 % of those. So the curves below are those of a small share of the 10,000
epochs, which is stated with the seconds that all would take here. Then `split`, the network that keeps
content and pose apart, is trained on the same films for the same seconds, its triplet term off, since the set
has one film of each recipe. Reconstructions are compared at the end of the shorter of the two trainings, each
at the best epoch so far. Seconds are of training alone, on one core unless there is a GPU. Without FRAMES.h5
the films are made and kept in `runs/first_system`; with --quick a few patterns
serve, and the figures are no results.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from _harness import BenchmarkOptions, Outcome, Target, run, say, table
from training import frames_like_films

from morphsim.device import DeviceName, resolve_device
from morphsim.encoder import CVAEConfig, NetworkConfig, ObjectiveConfig, TrainingConfig, train_encoder
from morphsim.encoder.io.layout import METRICS
from morphsim.encoder.networks import SplitConfig
from morphsim.encoder.training.config import Precision
from morphsim.errors import InputError
from morphsim.files import read_json
from morphsim.frames import DatasetConfig, FrameSet, make_dataset, read_frames, write_frames

ALL_EPOCHS = 10_000
PUBLISHED = {"first_negative_elbo": 25_000.0, "last_negative_elbo": 7_500.0, "seconds": 3 * 3600.0}
NETWORKS: dict[str, NetworkConfig] = {"cvae": CVAEConfig(), "split": SplitConfig()}
_TIMED_FRAMES = 640
_MOST_ROWS = 400


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Train the first system's network, and ours for as long."""

    frames: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="[FRAMES]")] = None
    """File of frames of the preset annealing-57; made where none is named."""
    minutes: float = 20.0
    """How long to train each network, evaluation left out."""
    batch_size: int = 16
    """Frames in a step."""
    out: Path | None = None
    """Folder to keep both encoders in."""
    cache: Path = Path("runs/first_system")
    """Folder that keeps films that are made here."""
    workers: int = 1
    """Processes that make films."""
    device: DeviceName = "auto"
    """Where to train; auto takes a CUDA GPU where there is one."""
    precision: Precision = "float32"
    """Of convolutions and dense layers."""


def measure(options: Options) -> Outcome:
    """Train both networks for the same time and compare them."""
    if not 0.0 < options.minutes < 1e6:
        raise InputError(f"--minutes is {options.minutes:g}; it must be above 0 and below 1e6")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        path = options.frames or _films(options, Path(temporary))
        frame_set = read_frames(path)
        trainings = {}
        seconds = 60.0 * options.minutes
        for name, network in NETWORKS.items():
            config = TrainingConfig(
                frames=path,
                out=folder / name,
                batch_size=options.batch_size,
                device=options.device,
                precision=options.precision,
                objective=ObjectiveConfig(triplet=0.0),
                network=network,
            )
            epochs = 3 if options.quick else epochs_within(seconds, config, frame_set, Path(temporary))
            say(f"{name}: {epochs} epochs")
            trainings[name] = _train(replace(config, epochs=epochs))
            # The second one gets what the first one took, not what it was meant to take.
            seconds = trainings[name]["seconds"]
    return _outcome(options, trainings, frame_set)


def _films(options: Options, temporary: Path) -> Path:
    if not options.quick:
        return make_dataset(
            DatasetConfig(
                out=options.cache / "annealing-57.h5", preset="annealing-57", workers=options.workers
            )
        )
    path = temporary / "quick.h5"
    write_frames(path, frames_like_films(100, (20, 48)))
    return path


def epochs_within(seconds: float, config: TrainingConfig, frame_set: FrameSet, folder: Path) -> int:
    """Tell how many epochs can be trained in some seconds, at least one, by training on a few frames.

    Args:
        seconds: of training alone.
        config: of the run.
        frame_set: its frames.
        folder: for what is written on the way.
    """
    # From all over the set, and of films whole enough to be split.
    few = np.unique(np.linspace(0, len(frame_set) - 1, _TIMED_FRAMES).astype(int))
    path = folder / "few.h5"
    write_frames(path, frame_set.select(few))
    out = folder / f"timing-{config.network.architecture}"
    train_encoder(replace(config, frames=path, out=out, epochs=3, tensorboard=False), show_progress=False)
    # The first epoch also pays for what is made once.
    rate = float(np.median([row["frames_per_second"] for row in read_curves(out / "curves.csv")[1:]]))
    return max(1, int(seconds * rate / ((1.0 - config.held_out) * len(frame_set))))


def read_curves(path: Path) -> list[dict[str, float]]:
    """Read the record of every epoch, with the seconds of training up to its end as `elapsed`."""
    with path.open(encoding="utf-8") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    elapsed = np.cumsum([row["seconds"] for row in rows])
    return [{**row, "elapsed": float(total)} for row, total in zip(rows, elapsed, strict=True)]


def best_until(curves: Sequence[dict[str, float]], seconds: float) -> dict[str, float]:
    """The record with the best held-out -ELBO of those finished within some seconds; the first if none is."""
    finished = [row for row in curves if row["elapsed"] <= seconds] or list(curves[:1])
    return min(finished, key=lambda row: row["held_out_negative_elbo"])


def _train(config: TrainingConfig) -> dict[str, Any]:
    train_encoder(config)
    curves = read_curves(config.out / "curves.csv")
    metrics = read_json(config.out / METRICS)
    return {
        "epochs": config.epochs,
        "seconds": curves[-1]["elapsed"],
        "parameters": metrics["parameters"],
        "curves": curves,
        "held_out": metrics["held_out"],
    }


def _outcome(options: Options, trainings: dict[str, dict[str, Any]], frame_set: FrameSet) -> Outcome:
    common = min(found["seconds"] for found in trainings.values())
    compared = {name: best_until(found["curves"], common) for name, found in trainings.items()}
    rows = {
        name: {
            "parameters": found["parameters"],
            "epochs": found["epochs"],
            "seconds": found["seconds"],
            "share_of_10000_epochs": found["epochs"] / ALL_EPOCHS,
            "seconds_of_10000_epochs": found["seconds"] / found["epochs"] * ALL_EPOCHS,
            "first_held_out_negative_elbo": found["curves"][0]["held_out_negative_elbo"],
            "held_out_negative_elbo": compared[name]["held_out_negative_elbo"],
            "held_out_reconstruction": compared[name]["held_out_reconstruction"],
            "held_out_kl": compared[name]["held_out_kl"],
            "train_negative_elbo": compared[name]["train_negative_elbo"],
            "wrong_pixels_of_kept_epoch": found["held_out"]["pixel_error"],
            "active_units": compared[name]["active_units"],
        }
        for name, found in trainings.items()
    }
    results = {
        "published": PUBLISHED,
        "frames": len(frame_set),
        "trajectories": frame_set.trajectories,
        "shape": frame_set.shape,
        "pixels_times_ln_2": float(np.log(2.0) * np.prod(frame_set.shape)),
        "batch_size": options.batch_size,
        "device": resolve_device(options.device).type,
        "precision": options.precision,
        "compared_at_seconds": common,
        "networks": rows,
        "curves": {
            name: {
                column: _thinned([row[column] for row in found["curves"]])
                for column in ("epoch", "elapsed", "train_negative_elbo", "held_out_negative_elbo")
            }
            for name, found in trainings.items()
        },
    }
    target = Target(
        "held-out reconstruction of split over that of cvae, equal seconds",
        rows["split"]["held_out_reconstruction"] / rows["cvae"]["held_out_reconstruction"],
        "<=",
        1.0,
    )
    shown = ("epochs", "seconds", "train_negative_elbo", "held_out_negative_elbo", "held_out_reconstruction",
             "wrong_pixels_of_kept_epoch", "share_of_10000_epochs", "seconds_of_10000_epochs")  # fmt: skip
    return Outcome(
        results=results,
        targets=[] if options.quick else [target],
        table=table(
            ("", *rows),
            [(column.replace("_", " "), *(rows[name][column] for name in rows)) for column in shown],
        ),
    )


def _thinned(values: list[float]) -> list[float]:
    """At most so many values that a figure shows, the last one among them."""
    places = np.unique(np.linspace(0, len(values) - 1, min(len(values), _MOST_ROWS)).astype(int))
    return [values[place] for place in places]


if __name__ == "__main__":
    sys.exit(run("first_system", Options, measure))
