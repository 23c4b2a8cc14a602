"""The films that a file of an import belongs to, and their recipes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

import numpy as np

from morphsim.errors import InputError
from morphsim.frames.aspect import Aspect, resize_parts, tiles
from morphsim.frames.frame_set import Column, FrameSet
from morphsim.frames.metadata import PIXEL_SIZE, Metadata
from morphsim.frames.names import NamedFilm, film_of
from morphsim.frames.readers import TEXT
from morphsim.simulator.processes import ProcessName
from morphsim.types import Boundary

# Margin in donor share by which frames must favour one reading of a name over the other.
_SHARE_MARGIN = 0.1
PIXEL = ("pixel_height", "pixel_width")
"""Frame columns with the sides of a pixel [nm]."""


@dataclass(frozen=True, kw_only=True)
class FilmOptions:
    """What an import does to the frames of a file and states about them; see `ImportConfig`."""

    invert: bool
    transpose: bool
    shape: tuple[int, int] | None
    aspect: Aspect
    pixel_size: float | None
    boundary: Boundary | None
    process: ProcessName | Literal["unknown"] | None
    metadata: Metadata | None


def films_in(
    frame_set: FrameSet, relative: PurePosixPath, row: int | None, *, several: bool, options: FilmOptions
) -> Iterator[tuple[str, FrameSet]]:
    """The films of one file: the name of each, and a frame set of one trajectory.

    Args:
        frame_set: as the file was read.
        relative: path of the file below the imported folder.
        row: of the file in the table of metadata.
        several: whether the file distinguishes films itself, even if it holds a single frame.
        options: of the import.
    """
    named = film_of(relative)
    alone = len(frame_set) == 1 and not several
    order = np.argsort(frame_set.trajectory, kind="stable")
    numbers, starts = np.unique(frame_set.trajectory[order], return_index=True)
    for trajectory, rows in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
        columns: dict[str, Column] = {name: values[rows] for name, values in frame_set.columns.items()}
        columns["trajectory"] = np.zeros(len(rows), np.int64)
        columns["source"] = np.full(len(rows), str(relative))
        if alone:
            columns["time"] = np.array([named.time])
        name = named.name if alone else str(relative)
        own = {key: values[trajectory : trajectory + 1] for key, values in frame_set.recipes.items()}
        recipes = {**_recipe(named), **own}
        table = options.metadata
        if table is not None and row is not None:
            name = table.film_of(row) or str(relative)
            recipes.pop("film", None)
            recipes |= table.recipe_of(row)
            columns |= table.others_of(row, len(rows))
        if frame_set.trajectories > 1:
            name = f"{name}#{trajectory}"
        if table is None:
            recipes["film"] = np.array([name])
        else:
            # A recipe column with a name of its own for each film would make each film a recipe.
            columns["film"] = np.full(len(rows), name)
        film = FrameSet(
            frames=frame_set.frames[rows],
            columns=columns,
            recipes=recipes,
            process=frame_set.process if options.process is None else options.process,
            boundary=frame_set.boundary if options.boundary is None else options.boundary,
            threshold=frame_set.threshold,
            units={**frame_set.units, **({} if table is None else table.units)},
            cells=frame_set.cells,
        )
        yield name, _resized(film, row, options)


def _resized(film: FrameSet, row: int | None, options: FilmOptions) -> FrameSet:
    """Transpose and resize the frames of a film, and state the size of their pixels."""
    frames, cells, columns = film.frames, film.cells, dict(film.columns)
    table = options.metadata
    size = options.pixel_size
    if table is not None and row is not None and PIXEL_SIZE in table.columns:
        size = float(table.columns[PIXEL_SIZE][row])
    if size is not None:
        columns |= {name: np.full(len(frames), size) for name in PIXEL}
    if options.transpose:
        frames = np.ascontiguousarray(frames.swapaxes(1, 2))
        cells = None if cells is None else cells[::-1]
        if set(PIXEL) <= columns.keys():
            columns |= {PIXEL[0]: columns[PIXEL[1]], PIXEL[1]: columns[PIXEL[0]]}
    if options.shape is not None:
        before = (int(frames.shape[1]), int(frames.shape[2]))
        parts = tiles(before, options.shape, options.aspect)
        kept = tuple(part.stop - part.start for part in parts[0])
        frames = resize_parts(frames, options.shape, options.aspect)
        columns = {name: np.repeat(values, len(parts)) for name, values in columns.items()}
        if len(parts) > 1:
            columns["tile"] = np.tile(np.arange(len(parts)), len(film))
        if kept != before:
            # The solver's grid covers the whole film.
            cells = None
        for name, old, new in zip(PIXEL, kept, options.shape, strict=True):
            if name in columns:
                columns[name] = columns[name] * (old / new)
    units = {**film.units, **{name: "nm" for name in PIXEL if name in columns}}
    return replace(film, frames=frames, columns=columns, cells=cells, units=units)


def joined(films: Iterable[tuple[str, FrameSet]], *, invert: bool) -> FrameSet:
    """Join the parts of films, as `films_in` returns them, in the order in which films appear.

    Raises:
        InputError: the parts of a film differ in their recipe.
    """
    parts: dict[str, list[FrameSet]] = {}
    for name, part in films:
        parts.setdefault(name, []).append(part)
    return FrameSet.concatenate([_one_film(name, found, invert=invert) for name, found in parts.items()])


def _one_film(name: str, parts: list[FrameSet], *, invert: bool) -> FrameSet:
    joined = FrameSet.concatenate(parts)
    _check_one_recipe(name, joined)
    # A stable sort with NaN last: frames of equal or unknown time stay ordered by name.
    order = np.argsort(joined.columns.get("time", np.zeros(len(joined))), kind="stable")
    columns = {key: values[order] for key, values in joined.columns.items()}
    recipes = {key: values[:1] for key, values in joined.recipes.items()}
    if "blend_ratio" in recipes and all(
        PurePosixPath(source).suffix.lower() in TEXT for source in columns["source"]
    ):
        share = _donor_share(float(recipes["blend_ratio"][0]), float(joined.frames.mean()), of_ones=invert)
        recipes["blend_ratio"] = np.array([share])
    return replace(
        joined,
        frames=joined.frames[order],
        columns={**columns, "trajectory": np.zeros(len(joined), np.int64)},
        recipes=recipes,
    )


def _check_one_recipe(name: str, film: FrameSet) -> None:
    for column, values in film.recipes.items():
        odd = next((value for value in values[1:] if not (value == values[0] or value != value)), None)
        if odd is not None:
            raise InputError(
                f"the film {name} has the {column} {values[0]} in one file and {odd} in another; a film has "
                "one recipe: correct the table, or give the files films of their own"
            )


def _recipe(named: NamedFilm) -> Mapping[str, Column]:
    known = {"blend_ratio": named.blend_ratio, "chi": named.chi}
    return {name: np.array([value]) for name, value in known.items() if not math.isnan(value)}


def _donor_share(named: float, found: float, *, of_ones: bool) -> float:
    """The donor share that the name of a text file gives.

    Published names give the share of the value 1. Other names may give that of the value 0. The frames
    decide, except near one half, where the published convention holds.

    Args:
        named: the number in the name.
        found: the donor share in the film's frames.
        of_ones: whether 1 is the donor.
    """
    other = round(1.0 - named, 12)
    share, odd = (named, other) if of_ones else (other, named)
    return odd if abs(found - odd) + _SHARE_MARGIN < abs(found - share) else share
