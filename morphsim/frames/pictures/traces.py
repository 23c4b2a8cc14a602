"""The knobs of a film against time, below its pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    place_of, ticks, label = _time_axis(film)
    moments = film.time_s[list(shown)]
    for number, knob in enumerate(knobs):
        last = number == len(knobs) - 1
        low = bottom + (len(knobs) - 1 - number) * each
        axes = figure.add_axes((left / across, low / down, width / across, 0.82 * each / down))
        for moment in moments:
            axes.axvline(float(place_of(moment)), color=PALE, lw=0.8, zorder=1)
        axes.plot(place_of(knob.time_s), knob.values, color=BLUE, lw=1.5, zorder=2)
        marks = [knob.at(float(moment)) for moment in moments]
        axes.plot(place_of(moments), marks, "o", ms=4, color=BLUE, zorder=3, clip_on=False)
        for stage, (start, process) in enumerate(film.boundaries()):
            if stage:
                axes.axvline(float(place_of(start)), color="black", lw=1.0, ls="--", zorder=2)
            if number == 0 and len(film.processes) > 1:
                where = (float(place_of(start)), 1.0)
                style: Any = {"xycoords": ("data", "axes fraction"), "fontsize": 8, "va": "bottom"}
                axes.annotate(f" {process}", where, **style)
        axes.set_xlim(0.0, float(place_of(film.time_s[-1])))
        axes.margins(y=0.15)
        axes.locator_params(axis="y", nbins=3)
        if ticks:
            axes.set_xticks([float(place_of(time)) for time in ticks], list(ticks.values()))
        axes.tick_params(labelbottom=last)
        axes.set_ylabel(f"{knob.name}\n[{knob.unit}]" if knob.unit else knob.name, fontsize=8)
        if last:
            axes.set_xlabel(label)


_Places = Callable[[ArrayLike], NDArray[np.float64]]


def _time_axis(film: FilmPictures) -> tuple[_Places, dict[float, str], str]:
    """Place of a time on the axis, ticks with their texts, and the axis's label.

    Stages may differ in duration by orders of magnitude, as drying and annealing do, so each has the same
    width; ticks then are where they begin and end.
    """
    end = float(film.time_s[-1])
    if len(film.processes) == 1:
        factor, unit = time_scale(end)
        return lambda time: np.asarray(time, np.float64) * factor, {}, f"time [{unit}]"
    bounds = [start for start, _ in film.boundaries()] + [end]
    ticks = {}
    for time in bounds:
        factor, unit = time_scale(time)
        ticks[time] = f"{time * factor:.3g} {unit}" if time > 0.0 else "0"
    places = np.arange(len(bounds), dtype=np.float64)

    def place_of(time: ArrayLike) -> NDArray[np.float64]:
        return np.asarray(np.interp(np.asarray(time, np.float64), bounds, places))

    return place_of, ticks, "time, stages of equal width"
