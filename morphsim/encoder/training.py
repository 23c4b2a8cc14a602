"""Training of an encoder: one flat loop over epochs that can be killed at any moment and resumed."""

from __future__ import annotations

import contextlib
import sys
import time

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.device import resolve_device, set_threads
from morphsim.encoder.board import Board
from morphsim.encoder.checkpoint import CHECKPOINT, Checkpoint
from morphsim.encoder.config import TrainingConfig
from morphsim.encoder.content import check_content_steps, train_content
from morphsim.encoder.curves import (
    History,
    curve_columns,
    kept_epoch,
    progress_note,
    score_name,
    stops_early,
    training_record,
    write_curves,
)
from morphsim.encoder.data import DeviceFrames, augment
from morphsim.encoder.distributed import Processes, joined_processes, own_device
from morphsim.encoder.encoder import Encoder
from morphsim.encoder.errors import TrainingDiverged
from morphsim.encoder.evaluation import evaluate
from morphsim.encoder.folder import load_encoder
from morphsim.encoder.preparation import (
    held_out_triplets,
    make_optimizer,
    prepare_forward,
    split_frames,
    training_labels,
    without_single_channel,
)
from morphsim.encoder.results import METRICS, is_finished, log_pictures, write_results
from morphsim.encoder.sampling import Sampler, epoch_generator, evenly, seeded
from morphsim.encoder.schedules import learning_rate_factor
from morphsim.encoder.step import Loss, weighted
from morphsim.errors import InputError
from morphsim.frames import FrameSet, read_frames, read_notes
from morphsim.frames.binarisation import stated_binarisation
from morphsim.hashes import hash_arrays
from morphsim.locks import claimed_folder
from morphsim.progress import Advance, progress

_IMAGES_PER_RUN = 10
_FRAMES_TO_PREPARE = 2048

# What the draws of an epoch's generator are for; the first weights have their own at epoch 0.
_TRAINING, _EVALUATION, _FIRST_WEIGHTS = 0, 1, 2


def train_encoder(config: TrainingConfig, *, show_progress: bool = True) -> Encoder:
    """Train an encoder on a file of frames.

    The folder `config.out` gets the encoder, `metrics.json`, `curves.csv`, pictures of reconstructions and
    curves, the TensorBoard log, and a checkpoint from which `resume` goes on; on a CPU it goes on bit for
    bit, since all that is random is drawn from the seed and the number of the epoch. If a finished run is
    resumed with more epochs, the schedule of the learning rate moves with their number.

    Started by `torchrun`, each process takes its share of every batch, and the first one writes.

    Args:
        config: of the run.
        show_progress: whether to show a progress bar on stderr.

    Returns:
        The encoder, as `load_encoder(config.out)` gives it.

    Raises:
        InputError: the frames can't be used, the folder holds another run, or an option doesn't fit.
        TrainingDiverged: the loss became NaN or infinite.
        MachineError: another run writes to the folder, or the disk is full.
    """
    device = own_device(resolve_device(config.device))
    threads = torch.get_num_threads()
    with contextlib.ExitStack() as stack:
        processes = stack.enter_context(joined_processes(device))
        if processes.first:
            stack.enter_context(claimed_folder(config.out))
        _check_folder(config)
        frame_set = without_single_channel(read_frames(config.frames))
        set_threads(config.threads)
        benchmark = torch.backends.cudnn.benchmark
        # All batches but the last one have one shape, for which the fastest kernels are worth a search.
        torch.backends.cudnn.benchmark = True
        try:
            show = show_progress and processes.first
            run = _Run(config, frame_set, device, processes, show_progress=show)
            # All have looked for a checkpoint before the first one may write its own.
            processes.wait()
            run.train(show)
            processes.wait()
        finally:
            torch.set_num_threads(threads)
            torch.backends.cudnn.benchmark = benchmark
    return load_encoder(config.out, device=str(device))


def _check_folder(config: TrainingConfig) -> None:
    if not config.resume and (config.out / CHECKPOINT).exists():
        raise InputError(f"{config.out} holds a training run; go on with --resume, or choose another --out")


class _Run:
    """The state of one training run."""

    def __init__(
        self,
        config: TrainingConfig,
        frame_set: FrameSet,
        device: torch.device,
        processes: Processes,
        *,
        show_progress: bool,
    ) -> None:
        check_content_steps(config)
        self.config = config
        self.frame_set = frame_set
        self.processes = processes
        self.training, self.held_out = split_frames(config, frame_set)
        labels = training_labels(config, frame_set, self.training)
        triplets = held_out_triplets(config, frame_set, self.held_out)
        self.triplets = None if triplets is None else triplets.to(device)
        self.frames_sha256 = hash_arrays(
            {"frames": frame_set.frames, "trajectory": frame_set.columns["trajectory"]}
        )
        self.binarisation = stated_binarisation(read_notes(config.frames), frame_set.threshold)
        self.data = DeviceFrames(frame_set.frames, device)
        self.network = config.network.build(
            frame_set.shape,
            channels=frame_set.channels,
            boundary=frame_set.boundary,
            generator=epoch_generator(config.seed, 0, purpose=_FIRST_WEIGHTS),
        ).to(device)
        # As every process does, from the same frames.
        self.network.prepare(self.data.batch(evenly(self.training, _FRAMES_TO_PREPARE)))
        if config.network.channels_last:
            self.network = self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = make_optimizer(self.network, config.learning_rate)
        self.loss = Loss(self.network, config.objective, prepare_forward(config, self.network), processes)
        # Before any layer could drop out, which would draw from torch's global random state.
        self.network.eval()
        with torch.no_grad():
            random = self.network.encode(self.data.batch(self.training[:1]))[1] is not None
        self.roll = config.roll and frame_set.boundary == "periodic"
        self.sampler = Sampler(
            indices=self.training,
            batch_size=config.batch_size,
            latent_size=self.network.latent_size if random else 0,
            width=frame_set.shape[1],
            mirror=config.mirror,
            roll=self.roll,
            exchange=config.exchange,
            labels=labels,
            group=config.objective.group,
            rank=processes.rank,
            processes=processes.size,
        )
        self.history: History = []
        self.kept: dict[str, torch.Tensor] = {}
        self.terms = config.objective.terms(random=random)
        self.columns = curve_columns(self.terms, triplets=triplets is not None)
        resumed = config.resume and (config.out / CHECKPOINT).exists()
        if resumed:
            self._restore()
        if config.content_steps:
            assert labels is not None
            if not resumed:
                self._train_content(labels, show_progress)
            # From here on it stays as it is.
            self.network.get_submodule("content").requires_grad_(False)

    def _train_content(self, labels: NDArray[np.int64], show_progress: bool) -> None:
        # Every process does all of it, and all come to the same weights.
        train_content(
            self.network, self.data, self.training, labels, config=self.config, show_progress=show_progress
        )

    def _restore(self) -> None:
        checkpoint = Checkpoint.load(self.config.out)
        checkpoint.check_continues(self.config, self.frames_sha256)
        checkpoint.check_columns(self.columns, self.config.out)
        checkpoint.restore(self.network, self.optimizer, self.config.out)
        self.history = checkpoint.history
        self.kept = checkpoint.kept

    def _over(self) -> bool:
        config = self.config
        return len(self.history) == config.epochs or stops_early(self.history, config.keep, config.patience)

    def train(self, show_progress: bool) -> None:
        """Train the epochs that are left and write the results, unless all of it is done."""
        config = self.config
        done = len(self.history)
        if self._over() and is_finished(config.out, done):
            return
        if self.processes.first:
            # Results of fewer epochs must not pass for those of this run.
            (config.out / METRICS).unlink(missing_ok=True)
        if show_progress and config.roll and not self.roll:
            print(  # noqa: T201
                f"{config.frames.name}: frames with a {self.frame_set.boundary} boundary are not rolled",
                file=sys.stderr,
            )
        board = Board(
            config.out / "tensorboard",
            first_epoch=done + 1,
            enabled=config.tensorboard and self.processes.first,
        )
        frames = len(self.training)
        try:
            with progress(
                "training", config.epochs * frames, unit="frames", done=done * frames, show=show_progress
            ) as advance:
                while not self._over():
                    self._epoch(len(self.history), advance)
                    if kept_epoch(self.history, config.keep) == len(self.history) - 1:
                        self.kept = {name: value.clone() for name, value in self.network.state_dict().items()}
                    if self.processes.first:
                        self._log(board)
        finally:
            board.close()
        if not self.processes.first:
            return
        self.network.load_state_dict(self.kept)
        self.network.eval()
        write_results(
            self.network,
            self.data,
            self.frame_set,
            (self.training, self.held_out),
            config=config,
            history=self.history,
            frames_sha256=self.frames_sha256,
            binarisation=self.binarisation,
        )

    def _epoch(self, epoch: int, advance: Advance) -> None:
        config = self.config
        started = time.perf_counter()
        learning_rate = config.learning_rate * learning_rate_factor(
            config.schedule, epoch, config.epochs, drop_at=config.drop_at, drop_factor=config.drop_factor
        )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        with seeded(config.seed, epoch, self.processes.rank, self.data.device):
            training = self._steps(epoch, advance)
        seconds = time.perf_counter() - started
        record = {
            "epoch": epoch + 1,
            "learning_rate": learning_rate,
            **training,
            "seconds": seconds,
            "frames_per_second": len(self.training) / seconds,
        }
        # Some networks code more carefully where they are not training.
        self.network.eval()
        if self.processes.first:
            record |= self._held_out(epoch)
        record = self.processes.record_of_first(record, self.columns, self.data.device)
        if not record[score_name(record)] < float("inf"):
            raise _diverged(epoch, "on held-out frames")
        self.history.append(record)

    def _held_out(self, epoch: int) -> dict[str, float]:
        return evaluate(
            self.network,
            self.data,
            self.held_out,
            objective=self.config.objective,
            generator=epoch_generator(self.config.seed, epoch, purpose=_EVALUATION),
            triplets=self.triplets,
        ).record()

    def _steps(self, epoch: int, advance: Advance) -> dict[str, float]:
        """Go through the training frames once; return the mean of each term."""
        weights = self.config.objective.weights(epoch)
        generator = epoch_generator(self.config.seed, epoch, purpose=_TRAINING)
        note = progress_note(self.history)
        self.network.train()
        measured: list[torch.Tensor] = []
        counts: list[int] = []
        for step in self.sampler.steps(generator, self.data.device):
            frames = augment(
                self.data.bytes(step.frames),
                mirrored=step.mirrored,
                shifts=step.shifts,
                exchanged=step.exchanged,
            )
            terms = self.loss.terms(frames.float(), step)
            loss = weighted(terms, weights)
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
            self.processes.sum_gradients(self.network)
            self.optimizer.step()
            measured.append(torch.stack([terms[name].detach() for name in self.terms] + [loss.detach()]))
            counts.append(step.count)
            advance(step.count, note=note)
        # One look at all losses at the end, since each look waits for the device.
        losses = self.processes.sum(torch.stack(measured).double()).cpu().numpy()
        good = np.isfinite(losses).all(axis=1)
        if not good.all():
            raise _diverged(epoch, f"at step {int(np.argmin(good)) + 1} of {len(losses)}")
        means = np.average(losses, axis=0, weights=counts).tolist()
        return training_record(self.terms, means)

    def _log(self, board: Board) -> None:
        config = self.config
        board.scalars(self.history[-1])
        finished = len(self.history)
        last = self._over()
        if config.tensorboard and (last or finished % max(1, config.epochs // _IMAGES_PER_RUN) == 0):
            log_pictures(board, self.network, self.data, self.held_out, self.frame_set, finished, last=last)
        write_curves(config.out / "curves.csv", self.history, self.columns)
        if last or finished % config.checkpoint_every == 0:
            # First the log, so that what a resumed run takes for logged is on disk.
            board.flush()
            Checkpoint(
                weights=dict(self.network.state_dict()),
                kept=self.kept,
                optimizer=self.optimizer.state_dict(),
                history=self.history,
                config=config.to_dict(),
                frames_sha256=self.frames_sha256,
            ).save(config.out)


def _diverged(epoch: int, where: str) -> TrainingDiverged:
    return TrainingDiverged(
        f"the loss became NaN or infinite in epoch {epoch + 1}, {where}; the last checkpoint is kept: "
        "train anew with a smaller learning rate"
    )
