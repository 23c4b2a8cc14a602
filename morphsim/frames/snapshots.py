"""Frames from the snapshots of a simulated film."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from morphsim.frames.frame_set import FrameSet
from morphsim.frames.transforms import binarise
from morphsim.simulator import Recipe, Snapshot, process_of


def film_frames(recipe: Recipe, snapshots: Iterable[Snapshot], *, seed: int, threshold: float) -> FrameSet:
    """Binarise the snapshots of one film, and add its recipe and units.

    Args:
        recipe: of the film.
        snapshots: at least one, ordered by time; of an iterator only one is held in memory.
        seed: of the film's noise.
        threshold: smallest donor share of a donor pixel.
    """
    frames, moments, grids = [], [], set()
    for snapshot in snapshots:
        frames.append(binarise(snapshot.share, threshold=threshold))
        moments.append((snapshot.time, snapshot.dryness, snapshot.thickness))
        grids.add(snapshot.cells)
    time, dryness, thickness = np.array(moments, np.float64).T
    return FrameSet(
        frames=np.stack(frames),
        columns={
            "trajectory": np.zeros(len(frames), np.int64),
            "time": time.copy(),
            "dryness": dryness.copy(),
            "thickness": thickness.copy(),
            "seed": np.full(len(frames), seed, np.int64),
        },
        recipes={
            name: np.array([value])
            for name, value in recipe.to_dict().items()
            if name not in {"process", "boundary"}
        },
        process=recipe.process,
        boundary=recipe.boundary,
        threshold=threshold,
        units={"time": process_of(recipe).time_unit, "thickness": "h0"},
        cells=grids.pop() if len(grids) == 1 else None,
    )
