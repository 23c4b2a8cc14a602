"""The content of a split network, trained by itself before pose and decoder.

The content depends on a frame through its statistics alone. Measured once, they let thousands of steps of the
triplet loss pass in the time of an epoch of the whole network, and what the decoder would rather paint has no
say in distances.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.encoder.config import TrainingConfig
from morphsim.encoder.data import DeviceFrames
from morphsim.encoder.errors import TrainingDiverged
from morphsim.encoder.networks import Network, Split, SplitConfig
from morphsim.encoder.sampling import seeded
from morphsim.encoder.triplet import positive_pairs, triplet_loss
from morphsim.errors import InputError
from morphsim.progress import progress

# Few enough for their statistics to stay in the cache of a processor.
_FRAMES_AT_ONCE = 32
_LEARNING_RATE = 3e-3
_WEIGHT_DECAY = 1e-2
_SLOPES = (0.6, 1.4)
# How often frames are taken as they are, with phases exchanged, leaning, and both.
_SHARES = (0.4, 0.3, 0.15, 0.15)
_DRAWS, _DROPOUT_EPOCH = 4, 2**31
_STEPS_BETWEEN_NOTES = 100


def check_content_steps(config: TrainingConfig) -> None:
    """Check that a run can train the content by itself.

    Raises:
        InputError: the network has no content of its own, or there is no triplet loss.
    """
    if config.content_steps and config.network.architecture != SplitConfig.architecture:
        raise InputError(
            f"content_steps is {config.content_steps}, but {config.network.architecture!r} has no content of "
            "its own; use the architecture 'split', or leave content_steps out"
        )
    if config.content_steps and not config.objective.triplet:
        raise InputError(
            f"content_steps is {config.content_steps}, but the objective has no triplet loss to train by; "
            "give objective triplet a weight, or leave content_steps out"
        )


def train_content(
    network: Network,
    data: DeviceFrames,
    training: torch.Tensor,
    labels: NDArray[np.int64],
    *,
    config: TrainingConfig,
    show_progress: bool,
) -> None:
    """Train the content by the triplet loss alone, `config.content_steps` steps.

    Besides the frames as they are, it meets them with their phases exchanged and, where films are periodic,
    leaning: rolled by more from row to row. Such frames are of labels of their own. They teach what recipes
    seldom vary by itself: which phase is the connected one, and which way domains run.

    Args:
        network: a `Split`, prepared, on the device of `data`.
        data: all frames.
        training: (K,) numbers of the frames to train on.
        labels: (N,) of all frames.
        config: of the run.
        show_progress: whether to show a progress bar.

    Raises:
        TrainingDiverged: the loss became NaN or infinite.
    """
    assert isinstance(network, Split)
    objective = config.objective
    generator = np.random.default_rng((config.seed, _DRAWS))
    variants = _measured(network, data, training, generator)
    known = labels[training.numpy()]
    groups = _groups(known, objective.group)
    count = min(max(2, config.batch_size // objective.group), len(groups))
    shares = np.array(_SHARES[: len(variants)]) / sum(_SHARES[: len(variants)])
    optimizer = torch.optim.AdamW(network.content.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.content_steps)
    sums = torch.zeros((), device=data.device)
    network.content.train()
    with (
        seeded(config.seed, _DROPOUT_EPOCH, 0, data.device),
        progress("content", config.content_steps, unit="steps", show=show_progress) as advance,
    ):
        for step in range(1, config.content_steps + 1):
            chosen = generator.choice(len(groups), size=count, replace=False)
            frames = np.concatenate(
                [generator.choice(groups[group], size=objective.group, replace=False) for group in chosen]
            )
            variant = np.repeat(generator.choice(len(variants), size=count, p=shares), objective.group)
            names = known[frames] * len(variants) + variant
            means = network.content(variants[variant, frames])[:, : network.content_size]
            loss = triplet_loss(
                means,
                torch.from_numpy(names).to(data.device),
                torch.from_numpy(positive_pairs(names)).to(data.device),
                margin=objective.margin,
                miner=objective.miner,
                distance=objective.distance,
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            sums += loss.detach()
            if step % _STEPS_BETWEEN_NOTES == 0 or step == config.content_steps:
                # One look at the losses in a hundred steps, since each look waits for the device.
                total, steps = float(sums), (step - 1) % _STEPS_BETWEEN_NOTES + 1
                if not np.isfinite(total):
                    raise TrainingDiverged(
                        f"the triplet loss became NaN or infinite by step {step} of the content; "
                        "train anew with a smaller margin"
                    )
                advance(steps, note=f"triplet loss {total / steps:.3g}")
                sums.zero_()
    network.content.eval()


def _groups(labels: NDArray[np.int64], least: int) -> list[NDArray[np.int64]]:
    """Places (in `labels`) of the frames of each label that has at least `least` frames."""
    order = np.argsort(labels, kind="stable")
    cuts = np.flatnonzero(np.diff(labels[order])) + 1
    return [places for places in np.split(order, cuts) if len(places) >= least]


@torch.no_grad()
def _measured(
    network: Split, data: DeviceFrames, training: torch.Tensor, generator: np.random.Generator
) -> Any:
    """Statistics (V, K, S) of the training frames as they are, exchanged, leaning, and both."""
    slopes = generator.uniform(*_SLOPES, size=len(training)) * generator.choice([-1, 1], size=len(training))
    found: list[list[torch.Tensor]] = [[] for _ in _SHARES]
    for start in range(0, len(training), _FRAMES_AT_ONCE):
        rows = slice(start, start + _FRAMES_AT_ONCE)
        frames = data.batch(training[rows])
        kinds = [frames, 1.0 - frames]
        if network.boundary == "periodic":
            leaning = _leaning(frames, torch.from_numpy(slopes[rows]).to(data.device))
            kinds += [leaning, 1.0 - leaning]
        for place, kind in enumerate(kinds):
            found[place].append(network.measure(kind))
    return torch.stack([torch.cat(parts) for parts in found if parts])


def _leaning(frames: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """Roll row z of frames (B, C, H, W) by z times the slope (B,) of each [pixels]."""
    height, width = frames.shape[2:]
    shifts = torch.round(slopes[:, None] * torch.arange(height, device=frames.device)).long()
    columns = (torch.arange(width, device=frames.device) + shifts[..., None]) % width
    return frames.gather(3, columns[:, None].expand(frames.shape))
