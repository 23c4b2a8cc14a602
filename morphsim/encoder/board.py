"""Training curves and reconstructions for TensorBoard."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Board:
    """Writes a run to TensorBoard, or nothing where it is switched off.

    Args:
        folder: for the event files.
        first_epoch: the epoch (from 1) that is logged next; what an interrupted run logged from there on is
            hidden by TensorBoard.
        enabled: whether to write.
    """

    def __init__(self, folder: Path, *, first_epoch: int, enabled: bool) -> None:
        self._writer: Any = None
        if enabled:
            with warnings.catch_warnings():
                # Its imports warn of their own deprecated calls, which no user of ours can mend.
                warnings.simplefilter("ignore", DeprecationWarning)
                from torch.utils.tensorboard import SummaryWriter
            self._writer = SummaryWriter(str(folder), purge_step=first_epoch)

    def scalars(self, record: dict[str, float]) -> None:
        """Log the record of an epoch, `train_...` and `held_out_...` in groups of their own."""
        if self._writer is None:
            return
        for name, value in record.items():
            if name != "epoch":
                group = next((part for part in ("train", "held_out") if name.startswith(f"{part}_")), "run")
                self._writer.add_scalar(
                    f"{group}/{name.removeprefix(f'{group}_')}", value, int(record["epoch"])
                )

    def reconstructions(
        self, epoch: int, frames: NDArray[np.uint8], probabilities: NDArray[np.float32]
    ) -> None:
        """Log frames (K, H, W), each above its reconstruction, donor in black."""
        if self._writer is None:
            return
        columns = [np.concatenate(pair) for pair in zip(frames, probabilities, strict=True)]
        self._writer.add_image("reconstructions", 1.0 - np.concatenate(columns, axis=1)[None], epoch)

    def flush(self) -> None:
        """Bring everything logged so far to disk."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Flush and close the event file."""
        if self._writer is not None:
            self._writer.close()
