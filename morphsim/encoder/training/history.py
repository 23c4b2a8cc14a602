"""The history of a training run: its records, their table, and the score that compares epochs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from morphsim.encoder.objective import TermName
from morphsim.files import write_text

History = list[dict[str, float]]


def curve_columns(terms: Sequence[TermName], *, triplets: bool) -> tuple[str, ...]:
    """Return the names of the columns of a run's curves.

    Args:
        terms: of the objective.
        triplets: whether there are held-out triplets.
    """
    variational = "kl" in terms
    return (
        "epoch",
        "learning_rate",
        "train_loss",
        *(["train_negative_elbo"] if variational else []),
        *(f"train_{term}" for term in terms),
        *(["held_out_negative_elbo"] if variational else []),
        "held_out_reconstruction",
        *(["held_out_kl"] if variational else []),
        *(["held_out_triplet_accuracy"] if triplets else []),
        "active_units",
        "seconds",
        "frames_per_second",
    )


def write_curves(path: Path, history: History, columns: Sequence[str]) -> None:
    """Write a row for each epoch as CSV, in one step.

    Losses are per frame: on training frames the mean over the steps of the epoch, with augmentation; on
    held-out frames after the epoch, without. Seconds and frames per second exclude the evaluation.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())


def score_name(record: dict[str, float]) -> str:
    """Return the column that epochs are compared by: -ELBO, or the reconstruction loss without noise."""
    name = "held_out_negative_elbo"
    return name if name in record else "held_out_reconstruction"


def kept_epoch(history: History, keep: Literal["best", "last", "triplet"]) -> int:
    """Return the epoch (from 0) whose weights become the encoder; the first of equally good ones."""
    if keep == "last":
        return len(history) - 1
    if keep == "triplet":
        return max(range(len(history)), key=lambda epoch: history[epoch]["held_out_triplet_accuracy"])
    name = score_name(history[0])
    return min(range(len(history)), key=lambda epoch: history[epoch][name])


def stops_early(history: History, keep: Literal["best", "last", "triplet"], patience: int) -> bool:
    """Return whether the last `patience` epochs brought no improvement; never with a patience of 0.

    Epochs are compared as by `keep`, or by the held-out score if it keeps the last one.
    """
    if not patience or not history:
        return False
    return len(history) - 1 - kept_epoch(history, "triplet" if keep == "triplet" else "best") >= patience


def training_record(terms: Sequence[TermName], means: Sequence[float]) -> dict[str, float]:
    """Return the means of an epoch by column, given those of its terms and then of the loss."""
    values = dict(zip(terms, means, strict=False))
    record = {"train_loss": means[-1], **{f"train_{name}": value for name, value in values.items()}}
    if "kl" in values:
        record["train_negative_elbo"] = values["reconstruction"] + values["kl"]
    return record


def progress_note(history: History) -> str:
    """Return a few words on how good the last epoch is."""
    if not history:
        return ""
    record = history[-1]
    name = score_name(record)
    label = "-ELBO" if "elbo" in name else "reconstruction"
    parts = [f"{label} {record[name]:.6g} held out"]
    if "held_out_kl" in record:
        parts.append(f"KL {record['held_out_kl']:.3g}")
    if "train_triplet" in record:
        parts.append(f"triplet loss {record['train_triplet']:.3g}")
    parts.append(f"{record['active_units']} active latents")
    if "held_out_triplet_accuracy" in record:
        parts.append(f"{100 * record['held_out_triplet_accuracy']:.1f} % of triplets right")
    return ", ".join(parts)
