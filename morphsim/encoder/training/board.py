"""Training curves, reconstructions and a map of latents for TensorBoard."""

from __future__ import annotations

import contextlib
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from morphsim.encoder.training.figures import pictures
from morphsim.errors import MachineError
from morphsim.frames import to_rgb
from morphsim.frames.pictures.size import shrink
from morphsim.system_errors import explain

_THUMBNAIL = 64


class Board:
    """Writes a run to TensorBoard, or nothing if it is disabled.

    Attributes:
        MOST_POINTS: of a map of latents; more thumbnails would not fit into one picture.

    Args:
        folder: for the event files.
        first_epoch: the epoch (from 1) that is logged next; TensorBoard hides what an interrupted run logged
            from there on.
        enabled: whether to write.
    """

    MOST_POINTS: ClassVar[int] = 1000

    def __init__(self, folder: Path, *, first_epoch: int, enabled: bool) -> None:
        self._folder = folder
        self._writer: Any = None
        if enabled:
            with warnings.catch_warnings():
                # Importing it warns of deprecated calls of its own, which users can't fix.
                warnings.simplefilter("ignore", DeprecationWarning)
                from torch.utils.tensorboard import SummaryWriter
            _wait_for_next_second(folder)
            self._quiet = _QuietThreads()
            try:
                with self._explained():
                    self._writer = SummaryWriter(str(folder), purge_step=first_epoch)
            except MachineError:
                self._quiet.wait()
                self._quiet.end()
                raise

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors of the system into errors with an explanation."""
        try:
            yield
        except OSError as error:
            raise explain(error, self._folder) or error from error

    def scalars(self, record: dict[str, float]) -> None:
        """Log the record of an epoch; `train_...` and `held_out_...` have their own groups."""
        if self._writer is None:
            return
        for name, value in record.items():
            if name != "epoch":
                group = next((part for part in ("train", "held_out") if name.startswith(f"{part}_")), "run")
                with self._explained():
                    self._writer.add_scalar(
                        f"{group}/{name.removeprefix(f'{group}_')}", value, int(record["epoch"])
                    )

    def reconstructions(
        self, epoch: int, frames: NDArray[np.float32], probabilities: NDArray[np.float32]
    ) -> None:
        """Log frames (K, C, H, W), each above its reconstruction, in the colours of `to_rgb`."""
        if self._writer is None:
            return
        columns = [
            np.concatenate(pair) for pair in zip(pictures(frames), pictures(probabilities), strict=True)
        ]
        picture = shrink(to_rgb(np.concatenate(columns, axis=1)))
        with self._explained():
            self._writer.add_image("reconstructions", picture, epoch, dataformats="HWC")

    def map(
        self, epoch: int, latents: NDArray[np.float32], frames: NDArray[np.float32], titles: Sequence[str]
    ) -> None:
        """Log latents (K, D) for the projector, each with its frame (K, C, H, W) as a thumbnail."""
        if self._writer is None:
            return
        import torch
        from torch.nn import functional

        shown = torch.from_numpy(to_rgb(pictures(frames))).movedim(3, 1) / 255.0
        height, width = shown.shape[2:]
        scale = min(1.0, _THUMBNAIL / max(height, width))
        size = (max(1, round(scale * height)), max(1, round(scale * width)))
        thumbnails = functional.interpolate(shown, size, mode="area")
        # Torch makes one square picture as wide as a row of thumbnails, so none may be taller than wide.
        thumbnails = functional.pad(thumbnails, (0, max(0, size[0] - size[1])), value=1.0)
        with self._explained():
            self._writer.add_embedding(
                latents, metadata=list(titles), label_img=thumbnails, global_step=epoch, tag="latents"
            )

    def flush(self) -> None:
        """Write everything logged so far to disk."""
        if self._writer is not None:
            with self._explained():
                self._writer.flush()

    def close(self) -> None:
        """Flush and close the event file."""
        if self._writer is not None:
            try:
                with self._explained():
                    self._writer.close()
            except MachineError:
                self._quiet.wait()
                raise
            finally:
                self._quiet.end()


class _QuietThreads:
    """Keeps the thread that writes the log from printing a traceback if it can't write.

    The writer raises the same error at its next call.
    """

    def __init__(self) -> None:
        self._before = threading.excepthook
        threading.excepthook = self._hook

    def wait(self) -> None:
        """Wait a little for threads that have failed, since they report it when they end."""
        for thread in threading.enumerate():
            if _writes_log(thread):
                thread.join(1.0)

    def _hook(self, failed: threading.ExceptHookArgs) -> None:
        if not (_writes_log(failed.thread) and isinstance(failed.exc_value, OSError)):
            self._before(failed)

    def end(self) -> None:
        """Restore the hook that prints tracebacks of threads."""
        if threading.excepthook == self._hook:
            threading.excepthook = self._before


def _writes_log(thread: threading.Thread | None) -> bool:
    return type(thread).__module__.startswith("tensorboard.")


def _wait_for_next_second(folder: Path) -> None:
    """Wait until no event file in `folder` was begun in the current second.

    TensorBoard reads event files in the order of their names: second, machine, process and a count of the
    process's writers, in which "10" comes before "9". Of two files of one second, that of the resumed run may
    be read first, which would mix up the curves of both.
    """
    while any(folder.glob(f"events.out.tfevents.{int(time.time()):010d}.*")):
        time.sleep(0.05)
