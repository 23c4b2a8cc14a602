"""Initial fields of freshly mixed films."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.simulator.core.grid import Grid
from morphsim.simulator.recipe import Recipe


def initial_fields(
    recipe: Recipe, seed: int, shape: tuple[int, int]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Initial fields (C, H, W) of a mixed film: uniform, with noise of zero mean.

    The noise has the same spectrum on every grid, white but for the factor exp(-kappa k²) by which thermal
    noise is cut off as well: no film fluctuates below the width of an interface.
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
        fields.append(mean + amplitude * _cut_off(noise - noise.mean(), recipe))
    return np.stack(fields)


def _cut_off(noise: NDArray[np.float64], recipe: Recipe) -> NDArray[np.float64]:
    """Noise (H, W) times exp(-kappa k²/2) in its modes."""
    grid = Grid(
        noise.shape,
        width=recipe.width,
        boundary=recipe.boundary,
        dtype=torch.float64,
        device=torch.device("cpu"),
    )
    k2 = grid.exact.at(torch.tensor([recipe.initial_thickness], dtype=torch.float64))[0, 0]
    modes = grid.forward(torch.from_numpy(noise)) * torch.exp(-0.5 * recipe.kappa * k2)
    return grid.inverse(modes).numpy()
