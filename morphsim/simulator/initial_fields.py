"""Initial fields of freshly mixed films."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

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
    """Noise (H, W) times exp(-kappa k²/2) in its modes: cosines in depth, and along x between walls."""
    height, width = noise.shape
    k2_z = (np.pi / recipe.initial_thickness * np.arange(height)) ** 2
    modes: Any = scipy.fft.dct(noise, axis=0, norm="ortho") * np.exp(-0.5 * recipe.kappa * k2_z)[:, None]
    along = np.exp(-0.5 * recipe.kappa * (np.pi / recipe.width * np.arange(width + 1)) ** 2)
    if recipe.boundary == "periodic":
        # Waves fit into the width whole, cosines by halves.
        modes = scipy.fft.irfft(scipy.fft.rfft(modes, axis=1) * along[::2], n=width, axis=1)
    else:
        modes = scipy.fft.idct(scipy.fft.dct(modes, axis=1, norm="ortho") * along[:-1], axis=1, norm="ortho")
    return np.asarray(scipy.fft.idct(modes, axis=0, norm="ortho"))
