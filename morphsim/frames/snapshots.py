"""From the snapshots of a simulated film to a set of frames."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from morphsim.frames.frame_set import FrameSet
from morphsim.frames.transforms import binarise
from morphsim.simulator import Recipe, Snapshot, process_of


def film_frames(recipe: Recipe, snapshots: Iterable[Snapshot], *, seed: int, threshold: float) -> FrameSet:
    """Binarise the snapshots of one film, with its recipe and units beside them.

    Args:
        recipe: of the film.
        snapshots: at least one, in the order of time; an iterator is followed with the memory of one.
        seed: of the film's noise.
        threshold: donor share from which on a pixel counts as donor.
    """
    frames, moments = [], []
    for snapshot in snapshots:
        frames.append(binarise(snapshot.share, threshold=threshold))
        moments.append((snapshot.time, snapshot.dryness, snapshot.thickness))
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
    )
