"""A training run, phase by phase."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import torch

from morphsim.device import resolve_device, set_threads
from morphsim.encoder.encoder import Encoder
from morphsim.encoder.io.layout import METRICS
from morphsim.encoder.io.load import load_encoder
from morphsim.encoder.training.checkpoint import CHECKPOINT
from morphsim.encoder.training.config import TrainingConfig
from morphsim.encoder.training.data import TrainingData
from morphsim.encoder.training.distributed import Processes, joined_processes, own_device
from morphsim.encoder.training.epoch import EpochTrainer
from morphsim.encoder.training.learner import Learner
from morphsim.encoder.training.log import RunLog
from morphsim.encoder.training.results import is_finished, write_results
from morphsim.errors import InputError
from morphsim.locks import claimed_folder
from morphsim.progress import progress


def train_encoder(config: TrainingConfig, *, show_progress: bool = True) -> Encoder:
    """Train an encoder on a file of frames.

    The folder `config.out` gets the encoder, `metrics.json`, `curves.csv`, pictures of reconstructions and
    curves, the TensorBoard log, and a checkpoint from which `resume` goes on. On a CPU a resumed run is equal
    bit for bit, since all random numbers follow from the seed and the number of the epoch. If a finished run
    is resumed with more epochs, the schedule of the learning rate is stretched to their number.

    Started by `torchrun`, each process takes its share of every batch, and the first one writes.

    Args:
        config: of the run.
        show_progress: whether to show a progress bar on stderr.

    Returns:
        The encoder, as `load_encoder(config.out)` returns it.

    Raises:
        InputError: the frames can't be used, the folder holds another run, or an option doesn't fit.
        TrainingDiverged: the loss became NaN or infinite.
        MachineError: another run writes to the folder, or the disk is full.
    """
    device = own_device(resolve_device(config.device))
    with (
        joined_processes(device) as processes,
        _own_folder(config, processes),
        _torch_settings(config.threads),
    ):
        show = show_progress and processes.first
        data = TrainingData.read(config, device)
        learner = Learner(config, data, processes)
        learner.resume_or_pretrain(show_progress=show)
        # The first process writes a checkpoint only after all others have looked for one.
        processes.wait()
        if not (learner.finished and is_finished(config.out, len(learner.history))):
            _train_epochs(config, data, learner, processes, show_progress=show)
            if processes.first:
                write_results(config, data, learner.kept_network(), learner.history)
        processes.wait()
    return load_encoder(config.out, device=str(device))


def _train_epochs(
    config: TrainingConfig,
    data: TrainingData,
    learner: Learner,
    processes: Processes,
    *,
    show_progress: bool,
) -> None:
    """Train the epochs that are left."""
    if processes.first:
        # Results of fewer epochs must not pass for those of this run.
        (config.out / METRICS).unlink(missing_ok=True)
    trainer = EpochTrainer(config, data, learner, processes)
    if show_progress and config.roll and not trainer.sampler.roll:
        print(  # noqa: T201
            f"{config.frames.name}: frames with a {data.frame_set.boundary} boundary are not rolled",
            file=sys.stderr,
        )
    frames = len(data.training)
    total, done = config.epochs * frames, len(learner.history) * frames
    with (
        RunLog(config, data, learner, enabled=processes.first) as log,
        progress("training", total, unit="frames", done=done, show=show_progress) as advance,
    ):
        while not learner.finished:
            learner.record(trainer.train(advance))
            log.write()


@contextlib.contextmanager
def _own_folder(config: TrainingConfig, processes: Processes) -> Iterator[None]:
    """Hold the folder of the run, which must not hold another one.

    Raises:
        InputError: it holds a run that is not to be resumed.
        MachineError: another run writes to it.
    """
    with claimed_folder(config.out) if processes.first else contextlib.nullcontext():
        if not config.resume and (config.out / CHECKPOINT).exists():
            raise InputError(
                f"{config.out} holds a training run; go on with --resume, or choose another --out"
            )
        yield


@contextlib.contextmanager
def _torch_settings(threads: int) -> Iterator[None]:
    """Set the number of threads, and let cuDNN search for the fastest kernels; restore both afterwards."""
    before = torch.get_num_threads(), torch.backends.cudnn.benchmark
    try:
        set_threads(threads)
        # The search pays off since all batches but the last have one shape.
        torch.backends.cudnn.benchmark = True
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.backends.cudnn.benchmark = before[1]
