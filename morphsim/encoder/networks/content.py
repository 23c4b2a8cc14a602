"""The content of a split network: its layers, and their training before pose and decoder.

The content depends on a frame through its statistics alone. Once those are measured, thousands of steps of
the triplet loss take the time of an epoch of the whole network, and the reconstruction has no influence on
distances.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from morphsim.encoder.errors import TrainingDiverged
from morphsim.encoder.networks.initialise import start_narrow
from morphsim.encoder.networks.pretraining import Pretraining
from morphsim.encoder.seeding import Purpose, seeded
from morphsim.encoder.triplet import positive_pairs, triplet_loss
from morphsim.progress import progress

# Of the bound of He's rule: weights start uniform within one over the square root of the fan-in.
_FIRST_WEIGHTS = 6.0**-0.5
_FIRST_SPECTRA = 0.3

# So few that their statistics stay in a processor's cache.
_FRAMES_AT_ONCE = 32
_LEARNING_RATE = 3e-3
_WEIGHT_DECAY = 1e-2
_SLOPES = (0.6, 1.4)
# Shares of frames as they are, with exchanged phases, sheared, and both.
_SHARES = (0.4, 0.3, 0.15, 0.15)
# No epoch of the main training has this number.
_DROPOUT_EPOCH = 2**31
_STEPS_BETWEEN_NOTES = 100


class Content(nn.Module):
    """The layers from statistics to the content.

    Args:
        few: the number of statistics that reach the content directly.
        many: the number of all others, the depth profile and the spectra.
        content_size: the number of latents.
        bottleneck: width of the layer that the many statistics pass first.
        hidden: width of the dense layers.
        dropout: share of the many statistics that is dropped in training.
    """

    def __init__(
        self, few: int, many: int, *, content_size: int, bottleneck: int, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.few = few
        self.content_size = content_size
        self.dropout = dropout
        self.narrow = nn.Linear(many, bottleneck)
        self.first = nn.Linear(few + bottleneck, hidden)
        self.middle = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, 2 * content_size)
        # A linear path from the few: from the start distances are close to theirs.
        self.direct = nn.Linear(few, content_size)

    def forward(self, measured: torch.Tensor) -> torch.Tensor:
        """Return means and logarithms of variances (B, 2 content_size) from statistics (B, S)."""
        few, many = measured.tensor_split([self.few], dim=1)
        # No dropout once the weights are frozen, though the rest of the network is still in training mode.
        learning = self.training and self.last.weight.requires_grad
        many = functional.dropout(many, self.dropout, learning)
        hidden = functional.silu(self.first(torch.cat([few, self.narrow(many).float()], dim=1)))
        means, log_variances = self.last(functional.silu(self.middle(hidden))).float().chunk(2, dim=1)
        return torch.cat([means + self.direct(few).float(), log_variances], dim=1)

    def init_weights(self) -> None:
        """Scale the first weights of He's rule down, and spread the biases; called without gradients."""
        # Small weights, and smaller ones for the spectra: distances start close to those of the few
        # statistics, and all else is learned from films.
        for layer in self.children():
            layer.get_parameter("weight").mul_(_FIRST_WEIGHTS)
        self.narrow.weight.mul_(_FIRST_SPECTRA)
        for dense in (self.first, self.middle):
            # Each unit bends at a place of its own.
            bound = dense.in_features**-0.5
            dense.bias.copy_(torch.linspace(-bound, bound, dense.out_features, device=dense.bias.device))
        start_narrow(self.last, self.content_size)


def train_content(
    content: Content,
    pretraining: Pretraining,
    *,
    measure: Callable[[torch.Tensor], torch.Tensor],
    periodic: bool,
) -> None:
    """Train the content by the triplet loss alone.

    It also sees the frames with exchanged phases and, if films are periodic, sheared: each row rolled by more
    than the one above. Such frames have labels of their own. They teach what recipes seldom vary by
    themselves: which phase is connected, and in which direction domains run.

    Args:
        content: on the device of the frames.
        pretraining: frames, objective and number of steps.
        measure: returns the normalised statistics (B, S) of frames (B, C, H, W).
        periodic: whether frames may be sheared.

    Raises:
        TrainingDiverged: the loss became NaN or infinite.
    """
    frames, objective, steps = pretraining.frames, pretraining.objective, pretraining.steps
    generator = np.random.default_rng((pretraining.seed, Purpose.PRETRAINING))
    variants = _measure_variants(pretraining, measure, generator, periodic=periodic)
    batches = _Batches(pretraining, len(variants), generator)
    optimizer = torch.optim.AdamW(content.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    sums = torch.zeros((), device=frames.device)
    content.train()
    with (
        seeded(pretraining.seed, _DROPOUT_EPOCH, 0, frames.device),
        progress("content", steps, unit="steps", show=pretraining.show_progress) as advance,
    ):
        for step in range(1, steps + 1):
            places, variant, names = batches.draw()
            loss = triplet_loss(
                content(variants[variant, places])[:, : content.content_size],
                torch.from_numpy(names).to(frames.device),
                torch.from_numpy(positive_pairs(names)).to(frames.device),
                margin=objective.margin,
                miner=objective.miner,
                distance=objective.distance,
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            sums += loss.detach()
            if step % _STEPS_BETWEEN_NOTES == 0 or step == steps:
                # Losses are read once in a hundred steps, since each reading waits for the device.
                total, count = float(sums), (step - 1) % _STEPS_BETWEEN_NOTES + 1
                if not np.isfinite(total):
                    raise TrainingDiverged(
                        f"the triplet loss became NaN or infinite by step {step} of the content; "
                        "train anew with a smaller margin"
                    )
                advance(count, note=f"triplet loss {total / count:.3g}")
                sums.zero_()
    content.eval()


class _Batches:
    """Draws batches of several frames of each of several labels, all frames of a label in one variant."""

    def __init__(self, pretraining: Pretraining, variants: int, generator: np.random.Generator) -> None:
        self.size = pretraining.objective.group
        self.labels = pretraining.labels[pretraining.training.numpy()]
        self.groups = _groups(self.labels, self.size)
        self.count = min(max(2, pretraining.batch_size // self.size), len(self.groups))
        self.variants = variants
        self.shares = np.array(_SHARES[:variants]) / sum(_SHARES[:variants])
        self.generator = generator

    def draw(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return places among the training frames, their variants, and the labels of both, each (B,)."""
        chosen = self.generator.choice(len(self.groups), size=self.count, replace=False)
        places = np.concatenate(
            [self.generator.choice(self.groups[group], size=self.size, replace=False) for group in chosen]
        )
        variant = np.repeat(self.generator.choice(self.variants, size=self.count, p=self.shares), self.size)
        return places, variant, self.labels[places] * self.variants + variant


def _groups(labels: NDArray[np.int64], least: int) -> list[NDArray[np.int64]]:
    """Places (in `labels`) of the frames of each label that has at least `least` frames."""
    order = np.argsort(labels, kind="stable")
    cuts = np.flatnonzero(np.diff(labels[order])) + 1
    return [places for places in np.split(order, cuts) if len(places) >= least]


@torch.no_grad()
def _measure_variants(
    pretraining: Pretraining,
    measure: Callable[[torch.Tensor], torch.Tensor],
    generator: np.random.Generator,
    *,
    periodic: bool,
) -> torch.Tensor:
    """Return statistics (V, K, S) of the frames as they are, exchanged and, if periodic, sheared and both."""
    frames, training = pretraining.frames, pretraining.training
    slopes = generator.uniform(*_SLOPES, size=len(training)) * generator.choice([-1, 1], size=len(training))
    found: list[list[torch.Tensor]] = [[] for _ in _SHARES]
    for start in range(0, len(training), _FRAMES_AT_ONCE):
        rows = slice(start, start + _FRAMES_AT_ONCE)
        batch = frames.batch(training[rows])
        variants = [batch, 1.0 - batch]
        if periodic:
            sheared = _sheared(batch, torch.from_numpy(slopes[rows]).to(frames.device))
            variants += [sheared, 1.0 - sheared]
        for place, variant in enumerate(variants):
            found[place].append(measure(variant))
    return torch.stack([torch.cat(parts) for parts in found if parts])


def _sheared(frames: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """Roll row z of frames (B, C, H, W) by z times the slope (B,) of each [pixels]."""
    height, width = frames.shape[2:]
    shifts = torch.round(slopes[:, None] * torch.arange(height, device=frames.device)).long()
    columns = (torch.arange(width, device=frames.device) + shifts[..., None]) % width
    return frames.gather(3, columns[:, None].expand(frames.shape))
