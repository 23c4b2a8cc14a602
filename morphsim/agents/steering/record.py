"""The record of a training: one row for each round."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from morphsim.errors import InputError
from morphsim.files import write_text

ROUNDS = "rounds.csv"
_COLUMNS = ("round", "films", "validation_distance", "seconds")


@dataclass(frozen=True, kw_only=True)
class Round:
    """What an agent reached after a round."""

    number: int
    """0 after the random films."""
    films: int
    """Films that it had learned from."""
    distance: float
    """Median distance from the validation targets, in units of the encoder."""
    seconds: float
    """Time since the run began, or since it went on [s]."""


def write_rounds(folder: Path, rounds: Sequence[Round]) -> None:
    """Write the rounds into a folder, atomically."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((each.number, each.films, each.distance, round(each.seconds, 1)) for each in rounds)
    write_text(folder / ROUNDS, text.getvalue())


def read_rounds(folder: Path) -> list[Round]:
    """Read the rounds that `write_rounds` wrote.

    Raises:
        InputError: the file is missing or was altered.
    """
    path = folder / ROUNDS
    try:
        head, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
        if tuple(head) != _COLUMNS:
            raise ValueError("not the table of a training")
        return [
            Round(number=int(number), films=int(films), distance=float(distance), seconds=float(seconds))
            for number, films, distance, seconds in rows
        ]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path} can't be read ({error}); --resume writes it again") from error
