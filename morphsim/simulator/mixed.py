"""Films before anything happens: freshly mixed."""

from __future__ import annotations

from typing import Any

import numpy as np

from morphsim.simulator.recipe import Recipe


def initial_fields(
    recipe: Recipe, seed: int, shape: tuple[int, int]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Mixed fields (C, H, W) with white noise of zero mean: the film before anything happens.

    The noise has the same spectrum on every grid: its variance in a cell goes with one over the cell's area.
    """
    random = np.random.default_rng(np.random.SeedSequence(seed))
    cell = recipe.width / shape[1] * recipe.initial_thickness / shape[0]
    amplitude = recipe.noise * 0.01 / np.sqrt(cell)
    means = list(recipe.composition)
    # Noise larger than a fraction of what is there would leave the simplex.
    room = min(*means, 1.0 - sum(means)) if len(means) > 1 else min(means[0], 1.0 - means[0])
    amplitude = min(amplitude, room / 6.0)
    fields = []
    for mean in means:
        # Without its rarest values the noise stays within the room, and without its mean the blend is exact.
        noise = np.clip(random.standard_normal(shape), -5.0, 5.0)
        fields.append(mean + amplitude * (noise - noise.mean()))
    return np.stack(fields)
