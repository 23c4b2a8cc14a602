"""Drafts: what the air over a film does to its evaporation, unknown to whoever sets it."""

from __future__ import annotations

import math

import numpy as np

CORRELATION = 0.8
"""Correlation of the logarithms of the factors of two steps in a row."""
MOST = 4.0
"""Largest deviation of a draft [standard deviations]."""
EVAPORATION = "evaporation"
"""The knob on which drafts act."""

# Of the streams of random numbers that begin with a film's seed, the one of its drafts.
_STREAM = 1


def draft_factor(seed: int, step: int, size: float) -> float:
    """The factor of a film's draft on its evaporation during one step.

    Its logarithm follows a stationary Ornstein-Uhlenbeck process from step to step: x' = r x + √(1 - r²) ξ
    with normal ξ and the correlation r. It depends on the seed and the step alone, so a film that is restored
    has the drafts that it would have had.

    Args:
        seed: of the film.
        step: number of steps before this one.
        size: standard deviation of the logarithm.
    """
    draws = np.random.default_rng([seed, _STREAM]).standard_normal(step + 1).tolist()
    level = draws[0]
    for draw in draws[1:]:
        level = CORRELATION * level + math.sqrt(1.0 - CORRELATION**2) * draw
    return math.exp(size * min(max(level, -MOST), MOST))


def largest_factor(size: float) -> float:
    """The largest factor that drafts of a standard deviation may have."""
    return math.exp(size * MOST)
