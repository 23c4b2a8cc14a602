"""The movie of a film, to scale: title and knobs above, substrate, scale bar and colour bar below."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.frames.pictures.film import FilmPictures
from morphsim.frames.pictures.lengths import length_text
from morphsim.frames.pictures.movie_files import check_movie, write_movie
from morphsim.frames.pictures.quantity import ACCEPTOR, BLACK, DONOR, MIXED, SHADES, WHITE, grey, palette
from morphsim.frames.pictures.scale import Stretch, scale_bar, stretch_of
from morphsim.frames.pictures.size import nearest
from morphsim.frames.pictures.title_bar import font_of

_WIDEST, _HIGHEST = 800, 560
_FONT_SIZE = 14
_MARGIN = 12
_SURFACE = 2
_HATCH = 6


@dataclass(frozen=True)
class MovieLayout:
    """Where the film lies in each picture of a movie.

    Attributes:
        rows: of the thickest film [pixels].
        columns: of the film [pixels].
        stretch: of the film.
        top: first row of the thickest film; the substrate starts at `top + rows`.
        left: first column of the film.
    """

    rows: int
    columns: int
    stretch: Stretch
    top: int
    left: int

    @classmethod
    def of(cls, film: FilmPictures) -> MovieLayout:
        """The layout for a film: about 800 pixels wide, with whole pixels in a cell if there are enough."""
        thickest = float(film.thickness_nm.max())
        stretch = stretch_of(film.width_nm, thickest)
        aspect = film.width_nm * stretch.along / (thickest * stretch.across)
        columns = min(_WIDEST, _HIGHEST * aspect)
        cells = film.indices.shape[2]
        if columns >= cells:
            columns = cells * (columns // cells)
        columns = max(1, round(columns))
        top = 2 * _line() + _MARGIN
        return cls(max(1, round(columns / aspect)), columns, stretch, top, _MARGIN)

    def bar(self, film: FilmPictures, nanometres: float) -> int:
        """Length of a scale bar along the film [pixels]."""
        return round(self.columns * nanometres / film.width_nm)

    def film_rows(self, film: FilmPictures, number: int) -> int:
        """Rows of the film at one moment."""
        return max(1, round(self.rows * float(film.thickness_nm[number] / film.thickness_nm.max())))


def draw_movie(path: str | Path, film: FilmPictures, *, fps: float = 10.0) -> None:
    """Write a film as a movie: GIF, or MP4 with the extra `movie` installed.

    Width and thickness have one scale, unless the film is so flat or so steep that one of them must be
    stretched, as the picture then says. A drying film shrinks below white air.

    Args:
        path: a name that ends in .gif or .mp4.
        film: its pictures.
        fps: pictures per second, above 0; a GIF shows at most 50.

    Raises:
        InputError: another suffix, a rate out of range, or no MP4 writer.
    """
    check_movie(path, fps)
    write_movie(_frames(film), palette(film.quantity), path, fps)


def _line() -> int:
    return round(1.5 * _FONT_SIZE)


def _frames(film: FilmPictures) -> Iterator[NDArray[np.uint8]]:
    from PIL import Image, ImageDraw

    layout = MovieLayout.of(film)
    font = font_of(_FONT_SIZE)
    titles = film.titles
    settings = [film.settings(number) for number in range(len(film))]
    widest = max(font.getlength(text) for text in (*titles, *settings))
    footer = _Footer(film, layout)
    columns = max(layout.columns, math.ceil(widest), footer.columns) + 2 * _MARGIN
    empty = Image.new("L", (columns, layout.top + layout.rows + footer.rows), WHITE)
    pen = ImageDraw.Draw(empty)
    footer.draw(pen, empty)
    across = nearest(layout.columns, film.indices.shape[2])
    film_columns = slice(layout.left, layout.left + layout.columns)
    for number, indices in enumerate(film.indices):
        image = empty.copy()
        pen = ImageDraw.Draw(image)
        # The greys of the palette are in order, so that smoothed text has the right colours.
        pen.text((_MARGIN, _line() * 0.6), titles[number], fill=BLACK, font=font, anchor="lm")
        pen.text((_MARGIN, _line() * 1.6), settings[number], fill=grey(90), font=font, anchor="lm")
        picture = np.array(image)
        bottom = layout.top + layout.rows
        first = bottom - layout.film_rows(film, number)
        picture[first:bottom, film_columns] = indices[np.ix_(nearest(bottom - first, len(indices)), across)]
        picture[first - _SURFACE : first, film_columns] = BLACK
        yield picture


class _Footer:
    """Substrate, scale bar and colour bar, the same in all pictures."""

    def __init__(self, film: FilmPictures, layout: MovieLayout) -> None:
        self._film, self._layout = film, layout
        self._font = font_of(_FONT_SIZE)
        self._bar_nm = scale_bar(film.width_nm)
        texts = [length_text(self._bar_nm), layout.stretch.text]
        self._bar_text = ", ".join(text for text in texts if text)
        self._bar = layout.bar(film, self._bar_nm)
        self._ramp = 8 * _FONT_SIZE
        self._legend_width = self._ramp if film.quantity.show != "frame" else 0
        if film.quantity.show == "frame":
            self._legend_width = sum(self._width(name) + 3 * _FONT_SIZE for name, _ in self._phases())
        else:
            self._legend_width += sum(self._width(end) + _FONT_SIZE for end in film.quantity.ends if end)
        scale_width = self._bar + _MARGIN + self._width(self._bar_text)
        label_width = self._width(film.quantity.label)
        self.columns = scale_width + 3 * _MARGIN + max(self._legend_width, label_width)
        self._band = max(8, min(16, layout.rows // 10))
        self.rows = self._band + _MARGIN + 3 * _line()

    def draw(self, pen: Any, image: Any) -> None:
        """Draw into the empty picture."""
        top = self._layout.top + self._layout.rows
        self._draw_substrate(pen, image, top)
        first = top + self._band + _MARGIN
        middle = first + _line() // 2
        left, length = self._layout.left, self._bar
        pen.rectangle((left, middle - 2, left + length - 1, middle + 2), fill=BLACK)
        pen.text((left + length + 8, middle), self._bar_text, fill=BLACK, font=self._font, anchor="lm")
        text = self._film.substrate.text()
        pen.text((left, first + 2.5 * _line()), text, fill=grey(90), font=self._font, anchor="lm")
        right = image.width - _MARGIN
        if self._film.quantity.show == "frame":
            self._draw_phases(pen, right - self._legend_width, middle)
        else:
            self._draw_ramp(pen, image, right, first)

    def _draw_substrate(self, pen: Any, image: Any, top: int) -> None:
        left, columns = self._layout.left, self._layout.columns
        colours = self._film.substrate.colours(columns)
        band = np.repeat(colours[None], self._band, axis=0)
        rows, across = np.mgrid[: self._band, :columns]
        # Hatched, so that nobody takes it for film.
        band[(rows + across) % _HATCH < 2] = grey(110)
        from PIL import Image

        image.paste(Image.fromarray(band), (left, top))
        pen.rectangle((left, top, left + columns - 1, top + 1), fill=BLACK)

    def _draw_ramp(self, pen: Any, image: Any, right: int, first: int) -> None:
        from PIL import Image

        quantity = self._film.quantity
        high = f"{self._film.largest:g}"
        ends = quantity.ends
        end = right - (self._width(ends[1]) + _FONT_SIZE // 2 if ends[1] else self._width(high) // 2)
        start = end - self._ramp
        ramp = np.rint(np.linspace(0, SHADES - 1, self._ramp)).astype(np.uint8)
        image.paste(Image.fromarray(np.repeat(ramp[None], _FONT_SIZE, axis=0)), (start, first))
        middle = first + _FONT_SIZE // 2
        gap = _FONT_SIZE // 2
        pen.text((start - gap, middle), ends[0], fill=BLACK, font=self._font, anchor="rm")
        pen.text((end + gap, middle), ends[1], fill=BLACK, font=self._font, anchor="lm")
        for share in (0.0, 0.5, 1.0):
            x = start + round(share * (self._ramp - 1))
            pen.rectangle((x, first + _FONT_SIZE, x, first + _FONT_SIZE + 3), fill=BLACK)
            number = f"{share * self._film.largest:g}"
            pen.text((x, first + 1.55 * _line()), number, fill=BLACK, font=self._font, anchor="mm")
        pen.text((right, first + 2.5 * _line()), quantity.label, fill=BLACK, font=self._font, anchor="rm")

    def _phases(self) -> list[tuple[str, int]]:
        phases = [("donor", DONOR), ("acceptor", ACCEPTOR)]
        return [*phases, ("mixed", MIXED)] if (self._film.indices == MIXED).any() else phases

    def _draw_phases(self, pen: Any, left: int, middle: int) -> None:
        for name, index in self._phases():
            half = _FONT_SIZE // 2
            pen.rectangle((left, middle - half, left + _FONT_SIZE, middle + half), fill=index)
            pen.text((left + 1.5 * _FONT_SIZE, middle), name, fill=BLACK, font=self._font, anchor="lm")
            left += self._width(name) + 3 * _FONT_SIZE

    def _width(self, text: str) -> int:
        return math.ceil(float(self._font.getlength(text)))
