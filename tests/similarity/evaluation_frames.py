"""Frames with known labels for tests of the evaluation of a metric."""

from __future__ import annotations

from typing import Any

import numpy as np
from encoders import blobs

from morphsim.frames import FrameSet
from morphsim.similarity.evaluation import EvaluationFrames

SHAPE = (32, 64)


def films(*, recipes: int = 4, replicas: int = 3, seed: int = 0) -> FrameSet:
    """Films whose recipe is the share of donor."""
    count = recipes * replicas * 2
    frames = blobs(count, SHAPE, seed=seed)
    recipe = np.repeat(np.arange(recipes), replicas * 2)
    for number in range(recipes):
        frames[recipe == number, : 4 * number + 2] = 1
    return FrameSet(
        frames=frames,
        columns={"trajectory": np.arange(count) // 2, "time": np.tile([1.0, 2.0], count // 2)},
        recipes={"chi": np.repeat(np.arange(float(recipes)), replicas)},
        boundary="periodic",
    )


def labelled_frames(
    *,
    recipes: int = 4,
    films: int = 3,
    moments: int = 3,
    shape: tuple[int, int] = (8, 12),
    boundary: Any = "periodic",
    seed: int = 0,
) -> EvaluationFrames:
    """Random frames, of which each holds both phases, and whose donor share tells the recipe."""
    random = np.random.default_rng(seed)
    recipe, film, moment = (
        each.ravel() for each in np.meshgrid(range(recipes), range(films), range(moments), indexing="ij")
    )
    share = (1 + recipe) / (recipes + 1)
    frames = (random.random((len(recipe), *shape)) < share[:, None, None]).astype(np.uint8)
    frames[:, 0, 0], frames[:, 0, 1] = 0, 1
    return EvaluationFrames(
        frames=frames,
        recipe=recipe,
        moment=moment,
        trajectory=recipe * films + film,
        boundary=boundary,
    )


def knowing(labelled: EvaluationFrames, *, noise: float = 0.0, seed: int = 0) -> np.ndarray[Any, Any]:
    """Vectors that tell recipe and moment."""
    random = np.random.default_rng(seed)
    return np.stack([labelled.recipe, 0.3 * labelled.moment], axis=1) + noise * random.standard_normal(
        (len(labelled), 2)
    )


def noise(labelled: EvaluationFrames, size: int = 5, seed: int = 1) -> np.ndarray[Any, Any]:
    """Vectors that tell nothing."""
    return np.random.default_rng(seed).standard_normal((len(labelled), size))
