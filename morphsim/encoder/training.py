"""Training of an encoder: one flat loop over epochs that can be killed at any moment and resumed."""

from __future__ import annotations

import sys
import time

import torch

from morphsim.device import resolve_device, set_threads
from morphsim.encoder.board import Board
from morphsim.encoder.checkpoint import CHECKPOINT, Checkpoint, History
from morphsim.encoder.config import TrainingConfig
from morphsim.encoder.curves import write_curves
from morphsim.encoder.cvae import CVAE, build_cvae
from morphsim.encoder.data import DeviceFrames, epoch_generator
from morphsim.encoder.encoder import Encoder
from morphsim.encoder.evaluation import evaluate
from morphsim.encoder.folder import load_encoder
from morphsim.encoder.objective import kl_divergence, reconstruction_loss, sample_latents
from morphsim.encoder.provenance import hash_arrays
from morphsim.encoder.results import METRICS, is_finished, kept_epoch, shown_frames, write_results
from morphsim.errors import InputError
from morphsim.frames import FrameSet, read_frames, split_by_trajectory
from morphsim.progress import Advance, progress
from morphsim.resuming import make_run_folder, remove_leftovers

_IMAGES_PER_RUN = 10

# What the draws of an epoch's generator are for; the first weights have their own at epoch 0.
_TRAINING, _EVALUATION, _FIRST_WEIGHTS = 0, 1, 2


class TrainingDiverged(RuntimeError):  # noqa: N818
    """The loss became NaN or infinite. The checkpoint of the last good epoch is kept."""


_WRITTEN = ("checkpoint", "weights", "config", "metrics", "curves", "reconstructions")


def train_encoder(config: TrainingConfig, *, show_progress: bool = True) -> Encoder:
    """Train a convolutional variational autoencoder on a file of frames.

    The folder `config.out` gets `weights.safetensors`, `config.json`, `metrics.json`, `curves.csv`, pictures
    of reconstructions and curves, the TensorBoard log, and a checkpoint from which `resume` goes on; on a
    CPU it goes on bit for bit, since all that is random is drawn from the seed and the number of the epoch.
    If a finished run is resumed with more epochs, the fall of the learning rate moves with their number.

    Args:
        config: of the run.
        show_progress: whether to show a progress bar on stderr.

    Returns:
        The encoder, as `load_encoder(config.out)` gives it.

    Raises:
        InputError: the frames can't be used, the folder holds another run, or an option doesn't fit.
        TrainingDiverged: the loss became NaN or infinite.
    """
    device = resolve_device(config.device)
    _check_folder(config)
    frame_set = read_frames(config.frames)
    training, held_out = split_by_trajectory(
        frame_set.columns["trajectory"], held_out=config.held_out, seed=config.seed
    )
    if len(training) < 2:
        raise InputError(f"{config.frames} leaves {len(training)} frame for training; at least 2 are needed")
    threads = torch.get_num_threads()
    set_threads(config.threads)
    try:
        run = _Run(config, frame_set, (torch.from_numpy(training), torch.from_numpy(held_out)), device)
        run.train(show_progress)
    finally:
        torch.set_num_threads(threads)
    return load_encoder(config.out, device=config.device)


def _check_folder(config: TrainingConfig) -> None:
    if not config.resume and (config.out / CHECKPOINT).exists():
        raise InputError(f"{config.out} holds a training run; go on with --resume, or choose another --out")
    make_run_folder(config.out)


class _Run:
    """The state of one training run."""

    def __init__(
        self,
        config: TrainingConfig,
        frame_set: FrameSet,
        split: tuple[torch.Tensor, torch.Tensor],
        device: torch.device,
    ) -> None:
        self.config = config
        self.frame_set = frame_set
        self.training, self.held_out = split
        self.frames_sha256 = hash_arrays(
            {"frames": frame_set.frames, "trajectory": frame_set.columns["trajectory"]}
        )
        self.data = DeviceFrames(frame_set.frames, device)
        generator = epoch_generator(config.seed, 0, purpose=_FIRST_WEIGHTS)
        self.network: CVAE = build_cvae(config.network, frame_set.shape, generator=generator).to(device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate)
        self.roll = config.roll and frame_set.boundary == "periodic"
        self.history: History = []
        self.kept: dict[str, torch.Tensor] = {}
        if config.resume and (config.out / CHECKPOINT).exists():
            self._restore()

    def _restore(self) -> None:
        checkpoint = Checkpoint.load(self.config.out)
        checkpoint.check_continues(self.config, self.frames_sha256)
        checkpoint.restore(self.network, self.optimizer, self.config.out)
        self.history = checkpoint.history
        self.kept = checkpoint.kept

    def train(self, show_progress: bool) -> None:
        """Train the epochs that are left and write the results, unless all of it is done."""
        config = self.config
        done = len(self.history)
        if done == config.epochs and is_finished(config.out, config.epochs):
            return
        # Results of fewer epochs must not pass for those of this run.
        (config.out / METRICS).unlink(missing_ok=True)
        remove_leftovers(config.out, _WRITTEN)
        if show_progress and config.roll and not self.roll:
            print(  # noqa: T201
                f"{config.frames.name}: frames with a {self.frame_set.boundary} boundary are not rolled",
                file=sys.stderr,
            )
        board = Board(config.out / "tensorboard", first_epoch=done + 1, enabled=config.tensorboard)
        frames = len(self.training)
        try:
            with progress(
                "training",
                config.epochs * frames,
                unit="frames",
                done=done * frames,
                show=show_progress,
            ) as advance:
                for epoch in range(done, config.epochs):
                    self._epoch(epoch, advance)
                    if kept_epoch(self.history, config.keep) == epoch:
                        self.kept = {name: value.clone() for name, value in self.network.state_dict().items()}
                    self._log(board, epoch)
        finally:
            board.close()
        self.network.load_state_dict(self.kept)
        write_results(
            self.network,
            self.data,
            self.frame_set,
            (self.training, self.held_out),
            config=config,
            history=self.history,
            frames_sha256=self.frames_sha256,
        )

    def _epoch(self, epoch: int, advance: Advance) -> None:
        started = time.perf_counter()
        note = f"-ELBO {self.history[-1]['held_out_negative_elbo']:.6g} held out" if self.history else ""
        learning_rate = self.config.learning_rate_of(epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        reconstruction, kl = self._steps(epoch, advance, note)
        seconds = time.perf_counter() - started
        held_out = evaluate(
            self.network,
            self.data,
            self.held_out,
            generator=epoch_generator(self.config.seed, epoch, purpose=_EVALUATION),
        )
        if not held_out.negative_elbo < float("inf"):
            raise _diverged(epoch, "on held-out frames")
        self.history.append(
            {
                "epoch": epoch + 1,
                "learning_rate": learning_rate,
                "train_negative_elbo": reconstruction + kl,
                "train_reconstruction": reconstruction,
                "train_kl": kl,
                "held_out_negative_elbo": held_out.negative_elbo,
                "held_out_reconstruction": held_out.reconstruction,
                "held_out_kl": held_out.kl,
                "active_units": held_out.active_units,
                "seconds": seconds,
                "frames_per_second": len(self.training) / seconds,
            }
        )

    def _steps(self, epoch: int, advance: Advance, note: str) -> tuple[float, float]:
        """Go through the training frames once; return the mean reconstruction loss and KL divergence."""
        config = self.config
        generator = epoch_generator(config.seed, epoch, purpose=_TRAINING)
        sums: list[torch.Tensor] = []
        for frames in self.data.training_batches(
            self.training, config.batch_size, mirror=config.mirror, roll=self.roll, generator=generator
        ):
            means, log_variances = self.network.encode(frames)
            latents = sample_latents(means, log_variances, generator=generator)
            reconstruction = reconstruction_loss(self.network.decode(latents), frames).sum()
            kl = kl_divergence(means, log_variances).sum()
            loss = (reconstruction + config.beta * kl) / len(frames)
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
            self.optimizer.step()
            sums.append(torch.stack([reconstruction.detach(), kl.detach()]))
            advance(len(frames), note=note)
        # One look at all losses at the end, since each look waits for the device.
        losses = torch.stack(sums).double()
        good = losses.isfinite().all(dim=1)
        if not good.all():
            raise _diverged(epoch, f"at step {int((~good).nonzero()[0]) + 1} of {len(sums)}")
        reconstruction_mean, kl_mean = (losses.sum(dim=0) / len(self.training)).tolist()
        return reconstruction_mean, kl_mean

    def _log(self, board: Board, epoch: int) -> None:
        config = self.config
        board.scalars(self.history[-1])
        finished = epoch + 1
        if finished % max(1, config.epochs // _IMAGES_PER_RUN) == 0 or finished == config.epochs:
            self._log_images(board, finished)
        write_curves(config.out / "curves.csv", self.history)
        if finished % config.checkpoint_every == 0 or finished == config.epochs:
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

    def _log_images(self, board: Board, finished: int) -> None:
        if not self.config.tensorboard:
            return
        chosen = shown_frames(self.held_out)
        with torch.inference_mode():
            means, _ = self.network.encode(self.data.batch(torch.from_numpy(chosen)))
            probabilities = torch.sigmoid(self.network.decode(means)).cpu().numpy()
        board.reconstructions(finished, self.frame_set.frames[chosen], probabilities)


def _diverged(epoch: int, where: str) -> TrainingDiverged:
    return TrainingDiverged(
        f"the loss became NaN or infinite in epoch {epoch + 1}, {where}; the last checkpoint is kept: "
        "train anew with a smaller learning rate"
    )
