"""How crooked the ways to the electrodes are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.errors import InputError
from morphsim.similarity.descriptors.frames import (
    Connectivity,
    Values,
    checked_connectivity,
    checked_frames,
)
from morphsim.types import Boundary


@dataclass(frozen=True, eq=False, kw_only=True)
class Paths:
    """What the shortest paths of each phase to each electrode are like; columns as `PHASE_ELECTRODES`."""

    tortuosity: Values
    """(N, 4) mean over the connected pixels of path / depth; NaN where nothing is connected."""
    straight_share: Values
    """(N, 4) share of the connected pixels whose path is straight; NaN where nothing is connected."""


def shortest_paths(
    frames: ArrayLike,
    *,
    boundary: Boundary,
    connectivity: Connectivity = 4,
    straight_within: float | None = None,
) -> Paths:
    """Measure the shortest path of every pixel through its own phase to each electrode.

    The convention is that of GraSPI (Wodo, Tirthapura, Chaudhary and Ganapathysubramanian, Org. Electron. 13
    (2012) 1105, doi 10.1016/j.orgel.2012.03.007): steps to the 8 neighbours cost their length, 1 or √2
    pixels; pixels of the row at the electrode are there already, with path 0 and tortuosity 1;
    all others have their path over the number of rows to go. With `connectivity` 4 a diagonal step needs one
    of the two pixels beside it to be of the phase as well, so that what is connected is the same as for
    `connected_share`; with 8 it does not, as in GraSPI.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: with "periodic" paths go on through the seam.
        connectivity: 4, or 8, where a path may slip through a corner.
        straight_within: a path is straight whose tortuosity is less than this above 1; by default 1 / H,
            as in GraSPI.

    Raises:
        InputError: other frames, an unknown boundary or connectivity, or a tolerance that isn't positive.
    """
    from morphsim.similarity.descriptors.path_loops import measure_paths

    checked = checked_frames(frames, boundary)
    eight = checked_connectivity(connectivity)
    tolerance = 1.0 / checked.shape[1] if straight_within is None else float(straight_within)
    if not tolerance > 0.0:
        raise InputError(f"straight_within is {straight_within!r}; it must be positive")
    total, straight, connected = measure_paths(checked, boundary == "periodic", eight, tolerance)
    with np.errstate(invalid="ignore"):
        return Paths(tortuosity=total / connected, straight_share=straight / connected)


def tortuosity(frames: ArrayLike, *, boundary: Boundary, connectivity: Connectivity = 4) -> Values:
    """Mean over the connected pixels of the shortest path to the electrode over the straight way in depth.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: with "periodic" paths go on through the seam.
        connectivity: see `shortest_paths`, which states the convention.

    Returns:
        (N, 4), 1 or more, columns as `PHASE_ELECTRODES`; NaN where nothing is connected.

    Raises:
        InputError: other frames, an unknown boundary or connectivity.
    """
    return shortest_paths(frames, boundary=boundary, connectivity=connectivity).tortuosity


def path_lengths(
    frames: ArrayLike, *, boundary: Boundary, connectivity: Connectivity = 4
) -> NDArray[np.float64]:
    """Shortest path of every pixel through its own phase to the top and to the bottom electrode.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: with "periodic" paths go on through the seam.
        connectivity: see `shortest_paths`, which states the convention.

    Returns:
        (N, 2, H, W) [pixel]; infinite where the pixel is not connected.

    Raises:
        InputError: other frames, an unknown boundary or connectivity.
    """
    from morphsim.similarity.descriptors.path_loops import map_paths

    checked = checked_frames(frames, boundary)
    return map_paths(checked, boundary == "periodic", checked_connectivity(connectivity))
