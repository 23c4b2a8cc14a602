"""The curves of a training run as a table for any plotting tool."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from morphsim.files import write_text

COLUMNS = (
    "epoch",
    "learning_rate",
    "train_negative_elbo",
    "train_reconstruction",
    "train_kl",
    "held_out_negative_elbo",
    "held_out_reconstruction",
    "held_out_kl",
    "active_units",
    "seconds",
    "frames_per_second",
)


def write_curves(path: Path, history: Sequence[dict[str, float]]) -> None:
    """Write a row for each epoch as CSV, in one step.

    Losses are in nats a frame: on training frames the mean over the epoch as it went, with augmentation;
    on held-out frames after the epoch, without. Seconds and frames a second are of the training alone.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())
