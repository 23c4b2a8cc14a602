"""The strip and the movie of one simulated film."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from morphsim.frames.frame_set import FrameSet
from morphsim.frames.render import animate, frame_strip
from morphsim.frames.transforms import resize
from morphsim.simulator import Recipe, Snapshot, Units, find_process

_STRIP_FRAMES = 8
_PREFIXES = {"": 1.0, "m": 1e3, "µ": 1e6, "n": 1e9}


def draw_movie(path: Path, snapshots: Sequence[Snapshot], recipe: Recipe, units: Units) -> None:
    """Write the donor shares of a film as a movie, to scale, with time and thickness above."""
    animate(
        np.stack([snapshot.share for snapshot in snapshots]),
        path,
        thickness=[snapshot.thickness for snapshot in snapshots],
        width=recipe.width,
        titles=film_titles(snapshots, recipe.process, units),
    )


def draw_strip(path: Path, frame_set: FrameSet, snapshots: Sequence[Snapshot], units: Units) -> None:
    """Draw up to eight binary frames of a film at their true thickness.

    Args:
        path: of the PNG.
        frame_set: the film's frames.
        snapshots: of the same moments.
        units: of the film.
    """
    chosen = np.unique(
        np.linspace(0, len(frame_set) - 1, min(_STRIP_FRAMES, len(frame_set))).round().astype(int)
    )
    height, width = frame_set.shape
    pictures = []
    for row in chosen:
        thickness = float(frame_set.columns["thickness"][row])
        pictures.append(resize(frame_set.frames[row], (max(1, round(thickness * height)), width)))
    titles = film_titles(snapshots, frame_set.process, units)
    frame_strip(pictures, path, titles=[titles[row] for row in chosen])


def film_titles(snapshots: Sequence[Snapshot], process: str, units: Units) -> list[str]:
    """Time and, if it changes, thickness of each snapshot, all with the unit prefix that suits the last."""
    end = snapshots[-1].time * units.time_s
    prefix, factor = next((pair for pair in _PREFIXES.items() if end * pair[1] >= 1.0), ("n", 1e9))
    titles = [f"{snapshot.time * units.time_s * factor:.3g} {prefix}s" for snapshot in snapshots]
    if not find_process(process).thickness_changes:
        return titles
    return [
        f"{title}, {snapshot.thickness * units.length_nm:.3g} nm"
        for title, snapshot in zip(titles, snapshots, strict=True)
    ]
