"""The curves of a training run: a row for each finished episode."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from morphsim.errors import InputError
from morphsim.files import write_text

CURVES = "curves.csv"


class Episode(NamedTuple):
    """One finished episode of training."""

    step: int
    """Steps of all environments up to its end."""
    total_reward: float
    """Undiscounted sum of its rewards."""
    final_distance: float
    """Distance of its last frame from the target, in units of the encoder's distance scale."""
    length: int
    """Number of steps."""


COLUMNS = ("episode", "step", "return", "final_distance", "length")


def write_curves(folder: Path, episodes: Sequence[Episode]) -> None:
    """Write a row for each episode as CSV, atomically."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((number, *episode) for number, episode in enumerate(episodes, start=1))
    write_text(folder / CURVES, text.getvalue())


def read_curves(folder: Path) -> list[Episode]:
    """Read the table that `write_curves` wrote.

    Raises:
        InputError: the file was altered.
    """
    path = folder / CURVES
    try:
        head, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
        if tuple(head) != COLUMNS or [int(row[0]) for row in rows] != list(range(1, len(rows) + 1)):
            raise ValueError("not the table of a training")
        return [
            Episode(int(step), float(total), float(distance), int(length))
            for _, step, total, distance, length in rows
        ]
    except (ValueError, IndexError, csv.Error) as error:
        raise InputError(f"{path} can't be read ({error}); --resume writes it again") from error
