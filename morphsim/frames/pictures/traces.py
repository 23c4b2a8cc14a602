"""The knobs of a film against time, below its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from morphsim.frames.pictures.knobs import KnobTrace
from morphsim.frames.pictures.lengths import time_scale
from morphsim.look import BLUE, PALE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from morphsim.frames.pictures.film import FilmPictures


def draw_traces(
    figure: Figure,
    area: tuple[float, float, float, float],
    knobs: Sequence[KnobTrace],
    film: FilmPictures,
    shown: Sequence[int],
) -> None:
    """Draw knobs in physical units against time, with marks at the moments that pictures show.

    Args:
        figure: of the pictures.
        area: left, bottom, width and height of all panels together [inches].
        knobs: a panel for each.
        film: of the knobs; its stages are separated by lines with the names of their processes.
        shown: numbers of the moments that pictures show.
    """
    across, down = figure.get_size_inches()
    left, bottom, width, height = area
    each = height / len(knobs)
    end = max(float(film.time_s[-1]), max(float(knob.time_s[-1]) for knob in knobs))
    factor, unit = time_scale(end)
    moments = film.time_s[list(shown)]
    for place, knob in enumerate(knobs):
        last = place == len(knobs) - 1
        low = bottom + (len(knobs) - 1 - place) * each
        axes = figure.add_axes((left / across, low / down, width / across, 0.82 * each / down))
        for moment in moments:
            axes.axvline(moment * factor, color=PALE, lw=0.8, zorder=1)
        axes.plot(knob.time_s * factor, knob.values, color=BLUE, lw=1.5, zorder=2)
        marks = [knob.at(float(moment)) for moment in moments]
        axes.plot(moments * factor, marks, "o", ms=4, color=BLUE, zorder=3, clip_on=False)
        for number, (start, process) in enumerate(film.boundaries()):
            if number:
                axes.axvline(start * factor, color="black", lw=1.0, ls="--", zorder=2)
            if place == 0 and len(film.processes) > 1:
                name = f" {process}"
                axes.annotate(
                    name, (start * factor, 1.0), xycoords=("data", "axes fraction"), fontsize=8, va="bottom"
                )
        axes.set_xlim(0.0, end * factor)
        axes.margins(y=0.15)
        axes.locator_params(axis="y", nbins=3)
        axes.tick_params(labelbottom=last)
        name = f"{knob.name}\n[{knob.unit}]" if knob.unit else knob.name
        axes.set_ylabel(name, fontsize=8)
        if last:
            axes.set_xlabel(f"time [{unit}]")
