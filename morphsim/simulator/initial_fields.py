"""Initial fields of freshly mixed films."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphsim.simulator.recipe import Recipe


def initial_fields(
    recipe: Recipe, seed: int, shape: tuple[int, int]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Initial fields (C, H, W) of a mixed film: uniform, with white noise of zero mean.

    The noise has the same spectrum on every grid: its variance per cell is inversely proportional to the
    cell's area.
    """
    random = np.random.default_rng(np.random.SeedSequence(seed))
    cell = recipe.width / shape[1] * recipe.initial_thickness / shape[0]
    amplitude = recipe.noise * 0.01 / np.sqrt(cell)
    means = list(recipe.composition)
    # Larger noise would leave the simplex.
    room = min(*means, 1.0 - sum(means)) if len(means) > 1 else min(means[0], 1.0 - means[0])
    amplitude = min(amplitude, room / 6.0)
    fields = []
    for mean in means:
        # Clipping keeps the noise within the simplex, and subtracting its mean keeps the blend ratio exact.
        noise = np.clip(random.standard_normal(shape), -5.0, 5.0)
        fields.append(mean + amplitude * (noise - noise.mean()))
    return np.stack(fields)
