"""What a finished training run leaves: the encoder's folder with its metrics, curves and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim._version import __version__
from morphsim.encoder.board import Board
from morphsim.encoder.calibration import calibrate_distances, measure_held_out, sample_rows
from morphsim.encoder.config import TrainingConfig
from morphsim.encoder.curves import History, kept_epoch, score_name
from morphsim.encoder.data import DeviceFrames
from morphsim.encoder.encoder import Encoder
from morphsim.encoder.evaluation import content_of, pixel_errors
from morphsim.encoder.familiarity import fit_familiarity
from morphsim.encoder.figures import draw_curves, draw_reconstructions
from morphsim.encoder.networks import Network
from morphsim.encoder.provenance import git_revision
from morphsim.files import read_sealed_json, write_sealed_json
from morphsim.frames import FrameSet, frame_labels
from morphsim.frames.binarisation import Binarisation

METRICS = "metrics.json"

_SHOWN_FRAMES = 12
_MEASURED_FRAMES = 4096


def is_finished(folder: Path, epochs: int) -> bool:
    """Whether a run of `epochs` epochs has written all its results; `metrics.json` is the last of them."""
    path = folder / METRICS
    if not path.is_file():
        return False
    metrics = read_sealed_json(path)
    return isinstance(metrics, dict) and metrics.get("epochs") == epochs


def write_results(
    network: Network,
    data: DeviceFrames,
    frame_set: FrameSet,
    split: tuple[torch.Tensor, torch.Tensor],
    *,
    config: TrainingConfig,
    history: History,
    frames_sha256: str,
    binarisation: Binarisation,
) -> None:
    """Write everything but the checkpoint and the TensorBoard log into the run's folder.

    Args:
        network: with the weights that are kept.
        data: all frames of the file.
        frame_set: the same frames, with what is known about them.
        split: numbers of the training frames and of the held-out frames.
        config: of the run.
        history: a record of each epoch.
        frames_sha256: hash of the frames.
        binarisation: how pictures became the frames.
    """
    training, held_out = split
    content = content_of(network, data, training)
    metadata = {
        "frame_shape": list(frame_set.shape),
        "channels": frame_set.channels,
        "boundary": frame_set.boundary,
        "binarisation": binarisation.to_dict(),
        "latent_names": [f"z{index}" for index in range(network.content_size)],
        "distances": calibrate_distances(
            content, frame_labels(frame_set)[training.numpy()], seed=config.seed
        ),
        "data": describe_data(frame_set, split, config.frames.name, frames_sha256),
        "training": _recipe(config),
        "version": __version__,
        "git_revision": git_revision(),
    }
    encoder = Encoder(
        network,
        metadata,
        device=data.device,
        training_latents=sample_rows(content, seed=config.seed),
        familiarity=fit_familiarity(
            frame_set.frames[some_of(training, seed=config.seed)], boundary=frame_set.boundary
        ),
    )
    encoder.metadata["held_out"] = measure_held_out(
        encoder, frame_set.frames[some_of(held_out, seed=config.seed)]
    )
    encoder.save(config.out)
    draw_curves(config.out / "curves.png", history)
    chosen = shown_frames(held_out)
    frames = frame_set.frames[chosen]
    draw_reconstructions(
        config.out / "reconstructions.png",
        frames,
        encoder.reconstruct(frames),
        frame_titles(chosen, frame_set),
    )
    parameters = sum(parameter.numel() for parameter in network.parameters())
    errors = pixel_errors(network, data, held_out)
    kept = kept_epoch(history, config.keep)
    write_sealed_json(config.out / METRICS, _metrics(history, kept, errors, parameters))


def log_pictures(
    board: Board,
    network: Network,
    data: DeviceFrames,
    held_out: torch.Tensor,
    frame_set: FrameSet,
    epoch: int,
    *,
    last: bool,
) -> None:
    """Log held-out frames with their reconstructions and, at the end, a map of held-out latents.

    Args:
        board: to log to.
        network: in the state to show.
        data: all frames of the file.
        held_out: numbers of the held-out frames.
        frame_set: the same frames, with what is known about them.
        epoch: from 1.
        last: whether the run ends with this epoch.
    """
    rows = shown_frames(held_out)
    frames = data.batch(torch.from_numpy(rows))
    with torch.inference_mode():
        probabilities = torch.sigmoid(network.decode(network.encode(frames)[0]))
    board.reconstructions(epoch, frames.cpu().numpy(), probabilities.cpu().numpy())
    if last:
        rows = shown_frames(held_out, most=board.MOST_POINTS)
        chosen = torch.from_numpy(rows)
        frames = data.batch(chosen)
        titles = frame_titles(rows, frame_set)
        board.map(epoch, content_of(network, data, chosen), frames.cpu().numpy(), titles)


def some_of(numbers: torch.Tensor, *, seed: int, most: int = _MEASURED_FRAMES) -> NDArray[np.int64]:
    """Choose at most `most` frame numbers at random."""
    count = min(most, len(numbers))
    chosen = np.sort(np.random.default_rng(seed).choice(len(numbers), size=count, replace=False))
    picked: NDArray[np.int64] = numbers.numpy()[chosen]
    return picked


def shown_frames(held_out: torch.Tensor, *, most: int = _SHOWN_FRAMES) -> NDArray[np.int64]:
    """Choose at most `most` held-out frames for the pictures, evenly spread over all of them."""
    places = np.unique(np.linspace(0, len(held_out) - 1, min(most, len(held_out))).round().astype(int))
    chosen: NDArray[np.int64] = held_out.numpy()[places]
    return chosen


def describe_data(
    frame_set: FrameSet, split: tuple[torch.Tensor, torch.Tensor], name: str, frames_sha256: str
) -> dict[str, Any]:
    """Describe the training data by what identifies them: the file's name without its folder, sizes, hash."""
    trajectory = frame_set.columns["trajectory"]
    training, held_out = (indices.numpy() for indices in split)
    return {
        "file": name,
        "sha256": frames_sha256,
        "process": frame_set.process,
        "threshold": frame_set.threshold,
        "training_frames": len(training),
        "training_trajectories": len(np.unique(trajectory[training])),
        "held_out_frames": len(held_out),
        "held_out_trajectories": [int(index) for index in np.unique(trajectory[held_out])],
    }


def _recipe(config: TrainingConfig) -> dict[str, Any]:
    """Return the configuration less what is stored elsewhere or concerns this machine alone."""
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


def frame_titles(rows: Sequence[int] | NDArray[np.int64], frame_set: FrameSet) -> list[str]:
    """Name each of the frames `rows` by its number, trajectory and time, with its unit where it is known."""
    columns, unit = frame_set.columns, frame_set.units.get("time", "")
    titles = []
    for row in rows:
        title = f"frame {row}, trajectory {columns['trajectory'][row]}"
        if "time" in columns and np.isfinite(columns["time"][row]):
            title += f", time {columns['time'][row]:g} {unit}".rstrip()
        titles.append(title)
    return titles
