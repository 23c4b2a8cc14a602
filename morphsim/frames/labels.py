"""Labels for metric learning: which films share a recipe, and which frames show the same moment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from morphsim.frames.frame_set import Column, FrameSet
from morphsim.lazy import renamed_argument
from morphsim.simulator.processes import PROCESSES, find_process


@renamed_argument("frameset", "frame_set")
def recipe_labels(frame_set: FrameSet) -> NDArray[np.int64]:
    """Number the recipes: trajectories whose recipe columns are all equal get the same number.

    Unknown values, NaN or empty text, equal each other. Without recipes each trajectory counts as a recipe of
    its own, as it does in an imported set, whose column `film` names every film.

    Args:
        frame_set: T trajectories.

    Returns:
        (T,), from 0 in the order in which recipes appear.
    """
    if not frame_set.recipes:
        return np.arange(frame_set.trajectories)
    codes = np.stack([_codes(values) for values in frame_set.recipes.values()], axis=1)
    return _codes_in_order(codes)


@renamed_argument("frameset", "frame_set")
def moment_labels(frame_set: FrameSet) -> NDArray[np.int64]:
    """Rank each frame among those of its own trajectory, from 0 for the earliest.

    Frames are ranked by the column `dryness` when drying, else by `time`. Without such a column, and between
    equal values, their order in the set decides; unknown values come last. Films recorded with the same
    number of frames, as in a generated data set, have the same moments. An integer column `moment`, which
    keeps the ranks of a set from which frames were removed, is returned unchanged.

    Args:
        frame_set: N frames.

    Returns:
        (N,) int64.
    """
    kept = frame_set.columns.get("moment")
    if kept is not None and kept.dtype.kind in "iu":
        return kept.astype(np.int64)
    order = np.lexsort((_moments(frame_set), frame_set.trajectory))
    ordered = frame_set.trajectory[order]
    place = np.arange(len(frame_set))
    ranks = np.empty(len(frame_set), np.int64)
    ranks[order] = place - np.searchsorted(ordered, ordered, side="left")
    return ranks


@renamed_argument("frameset", "frame_set")
def frame_labels(frame_set: FrameSet) -> NDArray[np.int64]:
    """Number the pairs of recipe and moment: frames of replicas at the same rank get the same number.

    Args:
        frame_set: N frames.

    Returns:
        (N,), from 0, ascending by recipe and then by moment; see `recipe_labels` and `moment_labels`.
    """
    pairs = np.stack([recipe_labels(frame_set)[frame_set.trajectory], moment_labels(frame_set)], axis=1)
    _, labels = np.unique(pairs, axis=0, return_inverse=True)
    return labels.reshape(-1).astype(np.int64)


def _moments(frame_set: FrameSet) -> Column:
    clock = find_process(frame_set.process).clock if frame_set.process in PROCESSES else "time"
    for name in (clock, "time"):
        column = frame_set.columns.get(name)
        if column is not None and column.dtype.kind != "U":
            return column
    return np.zeros(len(frame_set))


def _codes(values: Column) -> NDArray[np.int64]:
    _, codes = np.unique(values, return_inverse=True, equal_nan=True)
    return codes.reshape(-1).astype(np.int64)


def _codes_in_order(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first, codes = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    renumbered = np.empty(len(first), np.int64)
    renumbered[np.argsort(first)] = np.arange(len(first))
    return renumbered[codes.reshape(-1)]
