"""From the snapshots of a simulated film to a set of frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from morphsim.frames.frameset import FrameSet
from morphsim.frames.transforms import binarise
from morphsim.simulator import Recipe, Snapshot

UNITS = {
    "annealing": {"time": "h0^2/D", "thickness": "h0"},
    "drying": {"time": "h0^2/D_s", "thickness": "h0"},
}


def film_frames(recipe: Recipe, snapshots: Sequence[Snapshot], *, seed: int, threshold: float) -> FrameSet:
    """Binarise the snapshots of one film, with its recipe and units beside them.

    Args:
        recipe: of the film.
        snapshots: at least one, in the order of time.
        seed: of the film's noise.
        threshold: donor share from which on a pixel counts as donor.
    """
    return FrameSet(
        frames=np.stack([binarise(snapshot.share, threshold=threshold) for snapshot in snapshots]),
        columns={
            "trajectory": np.zeros(len(snapshots), np.int64),
            "time": np.array([snapshot.time for snapshot in snapshots], np.float64),
            "dryness": np.array([snapshot.dryness for snapshot in snapshots], np.float64),
            "thickness": np.array([snapshot.thickness for snapshot in snapshots], np.float64),
            "seed": np.full(len(snapshots), seed, np.int64),
        },
        recipes={
            name: np.array([value])
            for name, value in recipe.to_dict().items()
            if name not in {"process", "boundary"}
        },
        process=recipe.process,
        boundary=recipe.boundary,
        threshold=threshold,
        units=UNITS[recipe.process],
    )
