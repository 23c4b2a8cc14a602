"""Phase 4 of a training: after each epoch, its curves, pictures and checkpoint."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import torch

from morphsim.encoder.evaluation import content_of
from morphsim.encoder.training.board import Board
from morphsim.encoder.training.config import TrainingConfig
from morphsim.encoder.training.data import TrainingData
from morphsim.encoder.training.figures import frame_titles, shown_frames
from morphsim.encoder.training.history import write_curves
from morphsim.encoder.training.learner import Learner

_PICTURES_PER_RUN = 10


class RunLog:
    """Writes what a run leaves after each epoch; a context manager that closes the TensorBoard log.

    Args:
        config: of the run.
        data: the frames.
        learner: the network and the history of its training.
        enabled: whether this process writes.
    """

    def __init__(
        self, config: TrainingConfig, data: TrainingData, learner: Learner, *, enabled: bool
    ) -> None:
        self.config = config
        self.data = data
        self.learner = learner
        self.enabled = enabled
        self._board = Board(
            config.out / "tensorboard",
            first_epoch=len(learner.history) + 1,
            enabled=config.tensorboard and enabled,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._board.close()

    def write(self) -> None:
        """Write the curves, pictures and checkpoint that are due after the last epoch of the history."""
        if not self.enabled:
            return
        config, learner = self.config, self.learner
        self._board.scalars(learner.history[-1])
        epochs = len(learner.history)
        last = learner.finished
        if config.tensorboard and (last or epochs % max(1, config.epochs // _PICTURES_PER_RUN) == 0):
            self._log_pictures(epochs)
            if last:
                self._log_map(epochs)
        write_curves(config.out / "curves.csv", learner.history, learner.columns)
        if last or epochs % config.checkpoint_every == 0:
            # The log first, so that it holds all epochs before the one that a resumed run begins with.
            self._board.flush()
            learner.checkpoint().save(config.out)

    def _log_pictures(self, epoch: int) -> None:
        """Log some held-out frames with their reconstructions."""
        network = self.learner.network
        frames = self.data.frames.batch(torch.from_numpy(shown_frames(self.data.held_out)))
        with torch.inference_mode():
            probabilities = torch.sigmoid(network.decode(network.encode(frames)[0]))
        self._board.reconstructions(epoch, frames.cpu().numpy(), probabilities.cpu().numpy())

    def _log_map(self, epoch: int) -> None:
        """Log a map of held-out latents."""
        data = self.data
        rows = shown_frames(data.held_out, most=self._board.MOST_POINTS)
        chosen = torch.from_numpy(rows)
        content = content_of(self.learner.network, data.frames, chosen)
        titles = frame_titles(rows, data.frame_set)
        self._board.map(epoch, content, data.frames.batch(chosen).cpu().numpy(), titles)
