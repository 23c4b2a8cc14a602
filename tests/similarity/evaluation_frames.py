"""Frames with known labels for tests of the evaluation of a metric."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphsim.similarity.evaluation import EvaluationFrames


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
