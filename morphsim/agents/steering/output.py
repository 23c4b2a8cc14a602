"""The files of a steered film."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from morphsim.agents.steering.picture import draw_steered
from morphsim.agents.steering.steer import SteeredFilm
from morphsim.files import write_text

RECIPE, SCHEDULE, PICTURE = "film.toml", "schedule.csv", "picture.png"


def write_steered(folder: Path, film: SteeredFilm) -> None:
    """Write a film's recipe, its schedule as a table, and its picture into a folder, each atomically."""
    write_text(folder / RECIPE, film.recipe)
    write_text(folder / SCHEDULE, schedule_table(film))
    draw_steered(folder / PICTURE, film)


def schedule_table(film: SteeredFilm) -> str:
    """The schedule as CSV: a row for each step, with the settings that held in it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    knobs = [f"{knob.name} [{knob.unit}]" if knob.unit else knob.name for knob in film.knobs]
    dryness = [] if film.dryness is None else ["dryness at the end"]
    writer.writerow(["from [s]", "to [s]", *knobs, *dryness, "distance at the end"])
    for step in range(len(film.time_s) - 1):
        middle = 0.5 * (film.time_s[step] + film.time_s[step + 1])
        values = [f"{knob.at(middle):.6g}" for knob in film.knobs]
        dry = [] if film.dryness is None else [f"{film.dryness[step + 1]:.4f}"]
        ends = [f"{film.time_s[step]:.6g}", f"{film.time_s[step + 1]:.6g}"]
        writer.writerow([*ends, *values, *dry, f"{film.distances[step + 1]:.4f}"])
    return text.getvalue()
