"""Splits into training and held-out frames that share no film or no recipe."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.checks import check_fraction
from morphsim.errors import InputError
from morphsim.frames.frame_set import FrameSet
from morphsim.frames.labels import recipe_labels
from morphsim.lazy import renamed_argument


def split_by_trajectory(
    trajectory: ArrayLike, *, held_out: float = 0.2, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold out whole trajectories, since consecutive frames of one film are nearly equal.

    Args:
        trajectory: (N,) the film that each frame belongs to.
        held_out: share of the trajectories to hold out; at least one goes to each side.
        seed: of the random choice.

    Returns:
        Frame numbers for training and held-out frame numbers, both ascending.

    Raises:
        InputError: fewer than two trajectories, or a share outside (0, 1).
    """
    labels = np.asarray(trajectory)
    if labels.ndim != 1:
        raise InputError(f"trajectory has the shape {labels.shape}; it must be (N,)")
    return _split(labels, held_out=held_out, seed=seed, name="trajectory")


@renamed_argument("frameset", "frame_set")
def split_by_recipe(
    frame_set: FrameSet, *, held_out: float = 0.2, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold out whole recipes with all their replicas, so that held-out recipes are new to the metric.

    Args:
        frame_set: the frames; see `recipe_labels` for what counts as one recipe.
        held_out: share of the recipes to hold out; at least one goes to each side.
        seed: of the random choice.

    Returns:
        Frame numbers for training and held-out frame numbers, both ascending.

    Raises:
        InputError: frames of fewer than two recipes, or a share outside (0, 1).
    """
    labels = recipe_labels(frame_set)[frame_set.trajectory]
    return _split(labels, held_out=held_out, seed=seed, name="recipe")


def _split(
    labels: NDArray[np.int64], *, held_out: float, seed: int, name: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    check_fraction("held_out", held_out)
    groups = np.unique(labels)
    if len(groups) < 2:
        raise InputError(f"{len(groups)} {name} can't be split; at least 2 are needed")
    count = int(np.clip(round(held_out * len(groups)), 1, len(groups) - 1))
    chosen = np.random.default_rng(seed).choice(groups, size=count, replace=False)
    mask = np.isin(labels, chosen)
    return np.flatnonzero(~mask), np.flatnonzero(mask)
