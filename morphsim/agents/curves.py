"""The curves of a training run: a row for each finished episode."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from morphsim.files import write_text

CURVES = "curves.csv"


class Episode(NamedTuple):
    """One finished episode of training."""

    step: int
    """Steps of all environments until it had ended."""
    total_reward: float
    """Sum of its rewards, not discounted."""
    final_distance: float
    """Distance of its last frame from the target, in units of the encoder's distance scale."""
    length: int
    """Its steps."""


COLUMNS = ("episode", "step", "return", "final_distance", "length")


def write_curves(folder: Path, episodes: Sequence[Episode]) -> None:
    """Write a row for each episode as CSV, in one step."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((number, *episode) for number, episode in enumerate(episodes, start=1))
    write_text(folder / CURVES, text.getvalue())
