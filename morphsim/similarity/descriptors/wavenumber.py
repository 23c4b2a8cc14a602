"""Mean wavenumber of a pattern."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from morphsim.similarity.descriptors.frames import Values, checked_frames
from morphsim.simulator.analysis import domain_size
from morphsim.types import Boundary

# A few megabytes of modes at once fit into the processor's cache.
_FRAMES_AT_ONCE = 8


def mean_wavenumber(frames: ArrayLike, *, boundary: Boundary) -> Values:
    """First moment of the radially averaged structure factor, k₁ = Σ k S(k) / Σ S(k), with square pixels.

    The modes are Fourier modes along a periodic x, and cosines between walls and in depth, as in
    `morphsim.simulator.analysis.domain_size`, which is 2π/k₁.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: lateral boundary condition.

    Returns:
        (N,) [radian/pixel]; NaN for frames of one phase.

    Raises:
        InputError: invalid frames or an unknown boundary.
    """
    checked = checked_frames(frames, boundary)
    height, width = checked.shape[1:]
    found = np.empty(len(checked))
    for start in range(0, len(checked), _FRAMES_AT_ONCE):
        some = slice(start, start + _FRAMES_AT_ONCE)
        size = domain_size(checked[some], width=float(width), thickness=float(height), boundary=boundary)
        found[some] = 2.0 * np.pi / size
    return found


def fundamental_wavenumber(shape: tuple[int, int], *, boundary: Boundary) -> float:
    """The smallest wavenumber that a frame (H, W) can hold [radian/pixel]."""
    height, width = shape
    return min((2.0 if boundary == "periodic" else 1.0) * math.pi / width, math.pi / height)
