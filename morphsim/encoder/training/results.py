"""Phase 5 of a training: the encoder with its metadata, the metrics and the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim._version import __version__
from morphsim.encoder.calibration import calibrate_distances, measure_held_out, sample_rows
from morphsim.encoder.encoder import Encoder
from morphsim.encoder.evaluation import content_of, pixel_errors
from morphsim.encoder.io.layout import METRICS
from morphsim.encoder.networks import Network
from morphsim.encoder.out_of_distribution import fit_training_statistics
from morphsim.encoder.training.config import TrainingConfig
from morphsim.encoder.training.data import TrainingData
from morphsim.encoder.training.figures import (
    draw_curves,
    draw_reconstructions,
    frame_titles,
    shown_frames,
)
from morphsim.encoder.training.history import History, kept_epoch, score_name
from morphsim.encoder.training.provenance import git_revision
from morphsim.files import read_sealed_json, write_sealed_json
from morphsim.frames import frame_labels

_MEASURED_FRAMES = 4096


def is_finished(folder: Path, epochs: int) -> bool:
    """Return whether a run of `epochs` epochs has written all results; `metrics.json` is the last of them."""
    path = folder / METRICS
    if not path.is_file():
        return False
    metrics = read_sealed_json(path)
    return isinstance(metrics, dict) and metrics.get("epochs") == epochs


def write_results(config: TrainingConfig, data: TrainingData, network: Network, history: History) -> None:
    """Write everything but the checkpoint and the TensorBoard log into the run's folder.

    Args:
        config: of the run.
        data: its frames.
        network: with the kept weights.
        history: a record of each epoch.
    """
    encoder = _make_encoder(config, data, network)
    encoder.save(config.out)
    draw_curves(config.out / "curves.png", history)
    chosen = shown_frames(data.held_out)
    frames = data.frame_set.frames[chosen]
    draw_reconstructions(
        config.out / "reconstructions.png",
        frames,
        encoder.reconstruct(frames),
        frame_titles(chosen, data.frame_set),
    )
    parameters = sum(parameter.numel() for parameter in network.parameters())
    errors = pixel_errors(network, data.frames, data.held_out)
    kept = kept_epoch(history, config.keep)
    write_sealed_json(config.out / METRICS, _metrics(history, kept, errors, parameters))


def _make_encoder(config: TrainingConfig, data: TrainingData, network: Network) -> Encoder:
    """Calibrate the network's distances and measure what is in and out of distribution."""
    frame_set, seed = data.frame_set, config.seed
    content = content_of(network, data.frames, data.training)
    metadata = {
        "frame_shape": list(frame_set.shape),
        "channels": frame_set.channels,
        "boundary": frame_set.boundary,
        "binarisation": data.binarisation.to_dict(),
        "latent_names": [f"z{index}" for index in range(network.content_size)],
        "distances": calibrate_distances(content, frame_labels(frame_set)[data.training.numpy()], seed=seed),
        "data": _describe_data(data, config.frames.name),
        "training": _recipe(config),
        "version": __version__,
        "git_revision": git_revision(),
    }
    encoder = Encoder(
        network,
        metadata,
        device=data.device,
        training_latents=sample_rows(content, seed=seed),
        training_statistics=fit_training_statistics(
            frame_set.frames[_some_of(data.training, seed=seed)], boundary=frame_set.boundary
        ),
    )
    encoder.metadata["held_out"] = measure_held_out(
        encoder, frame_set.frames[_some_of(data.held_out, seed=seed)]
    )
    return encoder


def _some_of(numbers: torch.Tensor, *, seed: int, most: int = _MEASURED_FRAMES) -> NDArray[np.int64]:
    """Choose at most `most` frame numbers at random."""
    count = min(most, len(numbers))
    chosen = np.sort(np.random.default_rng(seed).choice(len(numbers), size=count, replace=False))
    picked: NDArray[np.int64] = numbers.numpy()[chosen]
    return picked


def _describe_data(data: TrainingData, name: str) -> dict[str, Any]:
    """Describe the frames by what identifies them: the file's name without its folder, sizes, hash."""
    trajectory = data.frame_set.columns["trajectory"]
    training, held_out = data.training.numpy(), data.held_out.numpy()
    return {
        "file": name,
        "sha256": data.frames_sha256,
        "process": data.frame_set.process,
        "threshold": data.frame_set.threshold,
        "training_frames": len(training),
        "training_trajectories": len(np.unique(trajectory[training])),
        "held_out_frames": len(held_out),
        "held_out_trajectories": [int(index) for index in np.unique(trajectory[held_out])],
    }


def _recipe(config: TrainingConfig) -> dict[str, Any]:
    """Return the configuration without what is stored elsewhere or concerns only this machine."""
    left_out = {"frames", "out", "resume", "architecture", "network", "checkpoint_every", "tensorboard"}
    return {name: value for name, value in config.to_dict().items() if name not in left_out}


def _metrics(history: History, kept: int, errors: tuple[float, float], parameters: int) -> dict[str, Any]:
    record = history[kept]
    score = score_name(record)
    return {
        "epochs": len(history),
        "kept_epoch": record["epoch"],
        "parameters": parameters,
        "train": _part(record, "train_"),
        "held_out": {
            **_part(record, "held_out_"),
            "pixel_error": errors[0],
            "mean_squared_error": errors[1],
            "active_units": record["active_units"],
        },
        "first_epoch": {score: history[0][score]},
        "last_epoch": {score: history[-1][score]},
        "seconds": sum(record["seconds"] for record in history),
        "frames_per_second": history[-1]["frames_per_second"],
    }


def _part(record: dict[str, float], prefix: str) -> dict[str, float]:
    return {name.removeprefix(prefix): value for name, value in record.items() if name.startswith(prefix)}
