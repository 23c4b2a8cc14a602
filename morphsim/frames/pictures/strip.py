"""The strip of a film's pictures, to scale, above a panel of its knobs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError
from morphsim.frames.pictures.film import FilmPictures
from morphsim.frames.pictures.lengths import length_text
from morphsim.frames.pictures.quantity import MIXED, SHADES, palette
from morphsim.frames.pictures.scale import Stretch, scale_bar, stretch_of
from morphsim.frames.pictures.size import LONGEST_SIDE, shrink
from morphsim.frames.pictures.traces import draw_traces
from morphsim.look import look, phase_patches, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 150
"""Pixels per inch of a strip."""

_MOST_SHOWN = 8
_WIDTH = 9.0
_MARGIN, _GAP = 0.2, 0.25
_TITLE, _BAND, _BELOW = 0.24, 0.1, 0.12
_FOOTER, _TRACE, _TRACE_AXIS, _CAPTION = 0.62, 0.8, 0.5, 0.3
# Width over height that a strip should have.
_PROPORTION = 1.5
_HIGHEST = LONGEST_SIDE / DOTS_PER_INCH - 8.0


@dataclass(frozen=True)
class StripLayout:
    """Places of the panels of a strip, in inches from its lower left corner.

    Attributes:
        size: width and height of the figure.
        panels: (P, 3) left and bottom of the film in each panel, and its width.
        per_nm: inches per nm along and across the film.
        stretch: of the film.
        bottom: of the panels; what explains them lies below.
    """

    size: tuple[float, float]
    panels: NDArray[np.float64]
    per_nm: tuple[float, float]
    stretch: Stretch
    bottom: float

    @classmethod
    def of(cls, film: FilmPictures, shown: Sequence[int], *, traces: int) -> StripLayout:
        """The layout for moments of a film above a number of traces."""
        thickness = film.thickness_nm[list(shown)]
        stretch = stretch_of(film.width_nm, float(thickness.max()))
        layouts = (_grid(film.width_nm, thickness, stretch, across) for across in range(1, len(shown) + 1))
        rows, across, per_nm = min(layouts, key=lambda found: _disproportion(found[0]))
        below = _FOOTER + _CAPTION + (traces * _TRACE + _TRACE_AXIS + 0.15 if traces else 0.0)
        height = below + sum(_TITLE + row + _BAND + _BELOW for row in rows)
        width = film.width_nm * per_nm[0]
        panels, top = [], height
        for number, row in enumerate(rows):
            top -= _TITLE + row
            count = min(across, len(shown) - number * across)
            panels += [(_MARGIN + column * (width + _GAP), top, width) for column in range(count)]
            top -= _BAND + _BELOW
        return cls((_WIDTH, height), np.array(panels), per_nm, stretch, below)


def draw_strip(path: str | Path, film: FilmPictures) -> None:
    """Draw up to eight moments of a film as a PNG: surface, substrate, scale bar, colour bar and knobs.

    All panels have one scale, the same along and across the film, unless it is so flat or so steep that one
    direction must be stretched, as the picture then says. Knobs that are turned are drawn against time, and
    the others named.

    Args:
        path: the PNG file.
        film: its pictures.

    Raises:
        InputError: another suffix.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if Path(path).suffix.lower() != ".png":
        raise InputError(f"{path} is not a PNG file; let its name end in .png")
    shown = shown_moments(len(film))
    turned = [knob for knob in film.knobs if not knob.is_constant]
    layout = StripLayout.of(film, shown, traces=len(turned))
    with look():
        figure = Figure(figsize=layout.size, dpi=DOTS_PER_INCH)
        FigureCanvasAgg(figure)
        titles = film.titles
        for panel, number in zip(layout.panels, shown, strict=True):
            _draw_panel(figure, film, layout, panel, number, titles[number])
        _draw_footer(figure, film, layout)
        if turned:
            area = (0.9, _CAPTION + _TRACE_AXIS, _WIDTH - 1.2, len(turned) * _TRACE)
            draw_traces(figure, area, turned, film, shown)
        held = [knob.text(knob.begins) for knob in film.knobs if knob.is_constant]
        caption = [*film.processes[:1], *held] if len(film.processes) == 1 else held
        _text(figure, _MARGIN, 0.5 * _CAPTION, ", ".join([*caption, film.substrate.text()]), color="0.35")
        save_figure(figure, path, dpi=DOTS_PER_INCH)


def shown_moments(count: int) -> list[int]:
    """Up to eight of `count` moments, evenly spread, with the first and the last."""
    return [int(number) for number in np.unique(np.linspace(0, count - 1, min(_MOST_SHOWN, count)).round())]


def _grid(
    width_nm: float, thickness: NDArray[np.float64], stretch: Stretch, across: int
) -> tuple[list[float], int, tuple[float, float]]:
    """Heights of the films in each row of panels [inches], panels in a row, and inches per nm."""
    width = (_WIDTH - 2 * _MARGIN - (across - 1) * _GAP) / across
    along = width / width_nm
    # A high film is narrower than its column.
    along = min(along, 3.0 * stretch.along / (float(thickness.max()) * stretch.across))
    per_nm = along, along / stretch.along * stretch.across
    rows = [
        float(thickness[first : first + across].max()) * per_nm[1]
        for first in range(0, len(thickness), across)
    ]
    return rows, across, per_nm


def _disproportion(rows: Sequence[float]) -> float:
    height = sum(_TITLE + row + _BAND + _BELOW for row in rows)
    return abs(math.log(_WIDTH / height / _PROPORTION)) if height < _HIGHEST else math.inf


def _axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Any:
    across, down = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / down, width / across, height / down))


def _text(figure: Figure, x: float, y: float, text: str, **options: Any) -> None:
    across, down = figure.get_size_inches()
    figure.text(x / across, y / down, text, va="center", **options)


def _draw_panel(
    figure: Figure,
    film: FilmPictures,
    layout: StripLayout,
    panel: NDArray[np.float64],
    number: int,
    title: str,
) -> None:
    left, bottom, width = panel
    thickness = float(film.thickness_nm[number]) * layout.per_nm[1]
    axes = _axes(figure, left, bottom, width, thickness)
    axes.set_axis_off()
    colours = palette(film.quantity)
    axes.imshow(
        shrink(colours[film.indices[number]]), interpolation="nearest", aspect="auto", extent=(0, 1, 0, 1)
    )
    # Air begins above this line.
    axes.plot([0, 1], [1, 1], color="black", lw=1.2, clip_on=False, solid_capstyle="butt", zorder=3)
    _text(figure, left, bottom + thickness + 0.5 * _TITLE, title)
    if film.mixed[number]:
        axes.text(0.5, 0.5, "mixed", ha="center", va="center", transform=axes.transAxes)
    band = _axes(figure, left, bottom - _BAND, width, _BAND)
    band.set_axis_off()
    places = film.substrate.colours(round(width * DOTS_PER_INCH))
    band.imshow(colours[places][None], interpolation="nearest", aspect="auto", extent=(0, 1, 0, 1))
    # Hatched, so that nobody takes it for film.
    lines = np.arange(-_BAND, width, 0.06)
    for start in lines:
        band.plot([start / width, (start + _BAND) / width], [0, 1], color="0.4", lw=0.6)
    band.set(xlim=(0, 1), ylim=(0, 1))
    band.plot([0, 1], [1, 1], color="black", lw=1.2, clip_on=False, solid_capstyle="butt", zorder=3)


def _draw_footer(figure: Figure, film: FilmPictures, layout: StripLayout) -> None:
    top = layout.bottom - 0.12
    length = scale_bar(film.width_nm)
    inches = length * layout.per_nm[0]
    bar = _axes(figure, _MARGIN, top - 0.13, inches, 0.05)
    bar.set_facecolor("black")
    bar.set(xticks=[], yticks=[])
    bar.spines[:].set_visible(False)
    texts = [text for text in (length_text(length), layout.stretch.text) if text]
    _text(figure, _MARGIN + inches + 0.1, top - 0.105, ", ".join(texts))
    if film.quantity.show == "frame":
        _draw_phases(figure, film, top - 0.105)
    else:
        _draw_colour_bar(figure, film, top)


def _draw_phases(figure: Figure, film: FilmPictures, y: float) -> None:
    figure.legend(
        handles=phase_patches(mixed=bool((film.indices == MIXED).any())),
        loc="center right",
        bbox_to_anchor=(1.0 - _MARGIN / _WIDTH, y / figure.get_size_inches()[1]),
        borderaxespad=0.0,
        ncol=3,
    )


def _draw_colour_bar(figure: Figure, film: FilmPictures, top: float) -> None:
    quantity, width = film.quantity, 2.2
    left = _WIDTH - _MARGIN - width - (0.55 if quantity.ends[1] else 0.15)
    axes = _axes(figure, left, top - 0.18, width, 0.15)
    axes.imshow(palette(quantity)[:SHADES][None], aspect="auto", extent=(0.0, film.largest, 0, 1))
    axes.set(yticks=[], xticks=np.linspace(0.0, film.largest, 3))
    axes.xaxis.set_major_formatter("{x:.3g}")
    axes.tick_params(axis="x", length=2.5, pad=1.5)
    axes.spines[:].set_visible(False)
    _text(figure, left - 0.07, top - 0.105, quantity.ends[0], ha="right")
    _text(figure, left + width + 0.07, top - 0.105, quantity.ends[1], ha="left")
    _text(figure, left + 0.5 * width, top - 0.44, quantity.label, ha="center")
