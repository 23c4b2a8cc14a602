"""Phase 2 of a training: the network and all else that changes while it is trained.

The network gets first weights and then, from a checkpoint, those to go on with; or it trains a part of itself
first, if the architecture offers that.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable

import numpy as np
import torch

from morphsim.encoder.networks import Network
from morphsim.encoder.networks.pretraining import Pretraining
from morphsim.encoder.seeding import Purpose, epoch_generator
from morphsim.encoder.training.checkpoint import CHECKPOINT, TrainingCheckpoint
from morphsim.encoder.training.config import TrainingConfig
from morphsim.encoder.training.data import TrainingData
from morphsim.encoder.training.distributed import Processes
from morphsim.encoder.training.history import History, curve_columns, kept_epoch, stops_early
from morphsim.encoder.training.loss import Forward, Loss, forward_pass
from morphsim.errors import InputError

_FRAMES_TO_NORMALISE_BY = 2048
# Torch 2.13 gives gradients of padding another layout than its compiled code expects, unless this is off.
_COMPILATION: dict[str, str | int | bool | Callable[..., object]] = {"layout_optimization": False}


class Learner:
    """A network, its optimiser and the history of its training.

    Args:
        config: of the run.
        data: the frames, from phase 1.
        processes: that train together.

    Attributes:
        network: on the device of the data.
        optimizer: Adam.
        loss: of a step.
        history: a record of each finished epoch.
        kept: weights that would become the encoder if the run ended now.
        columns: names of the values of a record.

    Raises:
        InputError: the network would be too large, or compilation is wanted without a compiler.
    """

    def __init__(self, config: TrainingConfig, data: TrainingData, processes: Processes) -> None:
        self.config = config
        self.data = data
        self.network = self._first_network()
        # One kernel for all weights.
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate, fused=True)
        forward = _make_forward(config, self.network)
        self.loss = Loss(self.network, config.objective, forward, processes)
        self.history: History = []
        self.kept: dict[str, torch.Tensor] = {}
        terms = config.objective.terms(variational=config.network.variational)
        self.columns = curve_columns(terms, triplets=data.triplets is not None)

    def _first_network(self) -> Network:
        config, data = self.config, self.data
        network = config.network.build(
            data.frame_set.shape,
            channels=data.frame_set.channels,
            boundary=data.frame_set.boundary,
            generator=epoch_generator(config.seed, 0, purpose=Purpose.FIRST_WEIGHTS),
        ).to(data.device)
        # Every process does this with the same frames.
        network.fit_normalisation(data.frames.batch(_evenly(data.training, _FRAMES_TO_NORMALISE_BY)))
        if config.network.channels_last:
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return network

    def resume_or_pretrain(self, *, show_progress: bool) -> None:
        """Restore the checkpoint of a run to resume; pretrain the content of a new run with `content_steps`.

        Raises:
            InputError: the checkpoint is damaged or of another run.
            TrainingDiverged: the loss of the content became NaN or infinite.
        """
        config = self.config
        resumed = config.resume and (config.out / CHECKPOINT).exists()
        if resumed:
            self._restore(TrainingCheckpoint.load(config.out))
        if config.content_steps:
            if not resumed:
                self._pretrain(show_progress=show_progress)
            self.network.freeze_pretrained()

    def _restore(self, checkpoint: TrainingCheckpoint) -> None:
        checkpoint.check_continues(self.config, self.data.frames_sha256)
        checkpoint.check_columns(self.columns, self.config.out)
        checkpoint.restore(self.network, self.optimizer, self.config.out)
        self.history = checkpoint.history
        self.kept = checkpoint.kept

    def _pretrain(self, *, show_progress: bool) -> None:
        config, data = self.config, self.data
        assert data.labels is not None
        # Every process does all of it and comes to the same weights.
        self.network.pretrain(
            Pretraining(
                frames=data.frames,
                training=data.training,
                labels=data.labels,
                objective=config.objective,
                batch_size=config.batch_size,
                steps=config.content_steps,
                seed=config.seed,
                show_progress=show_progress,
            )
        )

    @property
    def finished(self) -> bool:
        """Whether all epochs are trained, or training stops early."""
        config = self.config
        return len(self.history) == config.epochs or stops_early(self.history, config.keep, config.patience)

    def record(self, epoch: dict[str, float]) -> None:
        """Add the record of an epoch to the history, and keep the weights if it is the best so far."""
        self.history.append(epoch)
        if kept_epoch(self.history, self.config.keep) == len(self.history) - 1:
            self.kept = {name: value.clone() for name, value in self.network.state_dict().items()}

    def checkpoint(self) -> TrainingCheckpoint:
        """Return all that the next epoch depends on."""
        return TrainingCheckpoint(
            weights=dict(self.network.state_dict()),
            kept=self.kept,
            optimizer=self.optimizer.state_dict(),
            history=self.history,
            config=self.config.to_dict(),
            frames_sha256=self.data.frames_sha256,
        )

    def kept_network(self) -> Network:
        """Return the network with the weights that were kept, for evaluation; training ends with this."""
        self.network.load_state_dict(self.kept)
        self.network.eval()
        return self.network


def _make_forward(config: TrainingConfig, network: Network) -> Forward:
    """Make the forward pass of training in the chosen precision, compiled if that is chosen.

    Raises:
        InputError: compilation is chosen, but there is no C++ compiler.
    """
    forward = forward_pass(network, half=config.precision == "bfloat16")
    if not config.compile:
        return forward
    on_cpu = next(network.parameters()).device.type == "cpu"
    if on_cpu and not any(map(shutil.which, ("g++", "clang++", "c++"))):
        raise InputError("compile needs a C++ compiler on the CPU; install g++, or leave --compile out")
    with warnings.catch_warnings():
        # Importing the compiler warns of deprecated calls of its own, which users can't fix.
        warnings.simplefilter("ignore", DeprecationWarning)
        compiled: Forward = torch.compile(forward, dynamic=False, options=_COMPILATION)
    return compiled


def _evenly(indices: torch.Tensor, count: int) -> torch.Tensor:
    """Take `count` of some frame numbers, evenly spread over them, or all if there are fewer."""
    places = np.unique(np.linspace(0, len(indices) - 1, min(count, len(indices))).round().astype(int))
    return indices[torch.from_numpy(places)]
