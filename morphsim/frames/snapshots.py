"""Frames from the snapshots of a simulated film."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from morphsim.frames.film_file import schedule_text
from morphsim.frames.frame_set import SCHEDULE, FrameSet
from morphsim.frames.transforms import binarise
from morphsim.simulator import Recipe, Snapshot, process_of
from morphsim.simulator.recipe import parameter_unit
from morphsim.simulator.schedules import Schedule


def film_frames(
    recipe: Recipe,
    snapshots: Iterable[Snapshot],
    *,
    seed: int,
    threshold: float,
    knobs: bool = False,
    schedule: Schedule | None = None,
) -> FrameSet:
    """Binarise the snapshots of one film, and add its recipe and units.

    Args:
        recipe: of the film.
        snapshots: at least one, ordered by time; of an iterator only one is held in memory.
        seed: of the film's noise.
        threshold: smallest donor share of a donor pixel.
        knobs: whether each knob gets a column, since they change.
        schedule: of the knobs, which becomes a part of the recipe, so that films of different schedules are
            films of different recipes.
    """
    frames, moments, grids = [], [], set()
    settings: dict[str, list[float]] = {}
    for snapshot in snapshots:
        frames.append(binarise(snapshot.share, threshold=threshold))
        moments.append((snapshot.time, snapshot.dryness, snapshot.thickness))
        grids.add(snapshot.cells)
        for name, value in snapshot.knobs.items() if knobs else ():
            settings.setdefault(name, []).append(value)
    time, dryness, thickness = np.array(moments, np.float64).T
    return FrameSet(
        frames=np.stack(frames),
        columns={
            "trajectory": np.zeros(len(frames), np.int64),
            "time": time.copy(),
            "dryness": dryness.copy(),
            "thickness": thickness.copy(),
            "seed": np.full(len(frames), seed, np.int64),
            **{name: np.array(values) for name, values in settings.items()},
        },
        recipes={
            name: np.array([value])
            for name, value in recipe.to_dict().items()
            if name not in {"process", "boundary"}
        }
        | ({SCHEDULE: np.array([schedule_text(schedule)])} if schedule else {}),
        process=recipe.process,
        boundary=recipe.boundary,
        threshold=threshold,
        units={
            "time": process_of(recipe).time_unit,
            "thickness": "h0",
            **{name: unit for name in settings if (unit := parameter_unit(type(recipe), name))},
        },
        cells=grids.pop() if len(grids) == 1 else None,
    )
