"""Choices of numbers that step control makes: for arrays, for tensors, and for numbers in compiled loops.

`morphsim.simulator.backends.numba.control` gives them their meaning in compiled loops.
"""

from __future__ import annotations

import numpy as np
import torch

from morphsim.simulator.core.per_film import PerFilmArray


def where(condition: PerFilmArray, one: PerFilmArray | float, other: PerFilmArray | float) -> PerFilmArray:
    """`one` where the condition holds, else `other`."""
    library = np if isinstance(condition, np.ndarray) else torch
    return library.where(condition, one, other)


def least(one: PerFilmArray, other: PerFilmArray) -> PerFilmArray:
    """The smaller of two; NaN if either is."""
    return np.minimum(one, other) if isinstance(one, np.ndarray) else torch.minimum(one, other)


def largest(one: PerFilmArray, other: PerFilmArray) -> PerFilmArray:
    """The larger of two; NaN if either is."""
    return np.maximum(one, other) if isinstance(one, np.ndarray) else torch.maximum(one, other)


def at_least(one: PerFilmArray, bound: float) -> PerFilmArray:
    """The value, or `bound` if that is larger; NaN stays."""
    return np.maximum(one, bound) if isinstance(one, np.ndarray) else one.clamp_min(bound)
