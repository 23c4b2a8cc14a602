"""Goals by name: of many targets those with the most of a property."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from morphsim.similarity.descriptors import composition_profile, interface_components
from morphsim.types import Boundary


def choose_goals(frames: NDArray[np.uint8], *, boundary: Boundary) -> dict[str, int]:
    """Choose five different frames, each the one with the most of a property.

    - `fine`: most interface;
    - `coarse`: least interface;
    - `columns`: most of its interface upright;
    - `layers`: least of its interface upright;
    - `graded`: donor share that differs most between the upper and the lower half.

    Args:
        frames: (N, H, W) 0/1, N of 5 or more, each with two phases.
        boundary: lateral boundary condition.

    Returns:
        The row of each goal.
    """
    across, along = interface_components(frames, boundary=boundary).T
    total = across + along
    upright = across / np.maximum(total, 1e-12)
    profile = composition_profile(frames, boundary=boundary, bins=2)
    scores = {
        "fine": total,
        "coarse": -total,
        "columns": upright,
        "layers": -upright,
        "graded": np.abs(profile[:, 0] - profile[:, 1]),
    }
    chosen: dict[str, int] = {}
    for name, score in scores.items():
        free = np.setdiff1d(np.arange(len(frames)), list(chosen.values()))
        chosen[name] = int(free[np.argmax(score[free])])
    return chosen
