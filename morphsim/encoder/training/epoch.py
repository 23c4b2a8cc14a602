"""Phase 3 of a training: one epoch, all optimiser steps over the training frames and then an evaluation."""

from __future__ import annotations

import time

import numpy as np
import torch

from morphsim.encoder.data import augment
from morphsim.encoder.errors import TrainingDiverged
from morphsim.encoder.evaluation import evaluate
from morphsim.encoder.seeding import Purpose, epoch_generator, seeded
from morphsim.encoder.training.config import TrainingConfig
from morphsim.encoder.training.data import TrainingData
from morphsim.encoder.training.distributed import Processes
from morphsim.encoder.training.history import progress_note, score_name, training_record
from morphsim.encoder.training.learner import Learner
from morphsim.encoder.training.loss import weighted
from morphsim.encoder.training.sampler import Sampler
from morphsim.encoder.training.schedules import learning_rate_factor
from morphsim.progress import Advance


class EpochTrainer:
    """Trains the epochs of a run one by one.

    Args:
        config: of the run.
        data: the frames, from phase 1.
        learner: the network and its optimiser, from phase 2.
        processes: that train together.
    """

    def __init__(
        self, config: TrainingConfig, data: TrainingData, learner: Learner, processes: Processes
    ) -> None:
        self.config = config
        self.data = data
        self.learner = learner
        self.processes = processes
        self.terms = config.objective.terms(variational=config.network.variational)
        self.sampler = Sampler(
            indices=data.training,
            batch_size=config.batch_size,
            latent_size=learner.network.latent_size if config.network.variational else 0,
            width=data.frame_set.shape[1],
            mirror=config.mirror,
            roll=config.roll and data.frame_set.boundary == "periodic",
            exchange=config.exchange,
            labels=data.labels,
            group=config.objective.group,
            rank=processes.rank,
            processes=processes.size,
        )

    def train(self, advance: Advance) -> dict[str, float]:
        """Train the next epoch.

        Args:
            advance: moves the progress bar on by some frames.

        Returns:
            The record of the epoch, the same in all processes.

        Raises:
            TrainingDiverged: a loss became NaN or infinite.
        """
        config, network, device = self.config, self.learner.network, self.data.device
        epoch = len(self.learner.history)
        started = time.perf_counter()
        learning_rate = config.learning_rate * learning_rate_factor(
            config.schedule, epoch, config.epochs, drop_at=config.drop_at, drop_factor=config.drop_factor
        )
        for group in self.learner.optimizer.param_groups:
            group["lr"] = learning_rate
        with seeded(config.seed, epoch, self.processes.rank, device):
            training = self._steps(epoch, advance)
        seconds = time.perf_counter() - started
        record = {
            "epoch": epoch + 1,
            "learning_rate": learning_rate,
            **training,
            "seconds": seconds,
            "frames_per_second": len(self.data.training) / seconds,
        }
        # Layers such as dropout behave differently in evaluation.
        network.eval()
        if self.processes.first:
            record |= self._evaluate(epoch)
        record = self.processes.record_of_first(record, self.learner.columns, device)
        if not record[score_name(record)] < float("inf"):
            raise _diverged(epoch, "on held-out frames")
        return record

    def _steps(self, epoch: int, advance: Advance) -> dict[str, float]:
        """Go through the training frames once, and return the mean of each term of the loss."""
        learner, device = self.learner, self.data.device
        weights = self.config.objective.weights(epoch)
        generator = epoch_generator(self.config.seed, epoch, purpose=Purpose.TRAINING)
        note = progress_note(learner.history)
        learner.network.train()
        measured: list[torch.Tensor] = []
        counts: list[int] = []
        for step in self.sampler.steps(generator, device):
            frames = augment(
                self.data.frames.bytes(step.frames),
                mirrored=step.mirrored,
                shifts=step.shifts,
                exchanged=step.exchanged,
            )
            terms = learner.loss.terms(frames.float(), step)
            loss = weighted(terms, weights)
            learner.optimizer.zero_grad()
            torch.autograd.backward(loss)
            self.processes.sum_gradients(learner.network)
            learner.optimizer.step()
            measured.append(torch.stack([terms[name].detach() for name in self.terms] + [loss.detach()]))
            counts.append(step.count)
            advance(step.count, note=note)
        # The losses are read once at the end, since each reading waits for the device.
        losses = self.processes.sum(torch.stack(measured).double()).cpu().numpy()
        finite = np.isfinite(losses).all(axis=1)
        if not finite.all():
            raise _diverged(epoch, f"at step {int(np.argmin(finite)) + 1} of {len(losses)}")
        means = np.average(losses, axis=0, weights=counts).tolist()
        return training_record(self.terms, means)

    def _evaluate(self, epoch: int) -> dict[str, float]:
        return evaluate(
            self.learner.network,
            self.data.frames,
            self.data.held_out,
            objective=self.config.objective,
            generator=epoch_generator(self.config.seed, epoch, purpose=Purpose.EVALUATION),
            triplets=self.data.triplets,
        ).record()


def _diverged(epoch: int, where: str) -> TrainingDiverged:
    return TrainingDiverged(
        f"the loss became NaN or infinite in epoch {epoch + 1}, {where}; the last checkpoint is kept: "
        "train anew with a smaller learning rate"
    )
