"""Mixed films as others begin them: with white noise, which the recipes of this package don't have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def noisy_fields(
    means: Sequence[float], noise: float, seeds: Sequence[int], shape: tuple[int, int]
) -> NDArray[Any]:
    """Volume fractions (B, C, H, W) with white noise of zero mean in every cell.

    Args:
        means: volume fraction of each field.
        noise: rms in a cell.
        seeds: one for each film.
        shape: (H, W) cells.
    """
    drawn = [np.random.default_rng(seed).standard_normal((len(means), *shape)) for seed in seeds]
    white = np.stack(drawn).clip(-5.0, 5.0)
    white -= white.mean(axis=(2, 3), keepdims=True)
    return np.array(means)[:, None, None] + noise * white
