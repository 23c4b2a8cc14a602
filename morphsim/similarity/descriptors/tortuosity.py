"""Tortuosity of the paths to the electrodes."""

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
    """Shortest paths of each phase to each electrode; columns as `PHASE_ELECTRODES`."""

    tortuosity: Values
    """(N, 4) mean over the connected pixels of path / depth; NaN if no pixel is connected."""
    straight_share: Values
    """(N, 4) fraction of the connected pixels whose path is straight; NaN if no pixel is connected."""


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
    pixels; pixels of the row at the electrode have path 0 and tortuosity 1; the tortuosity of all others is
    the path divided by the number of rows to the electrode. With `connectivity` 4, a diagonal step needs one
    of the two pixels beside it to be of the phase as well, so that the same pixels are connected as for
    `connected_share`; with 8 it does not, as in GraSPI.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: "periodic" paths may cross the seam.
        connectivity: 4, or 8 to let a path pass between two pixels that touch at a corner.
        straight_within: a path counts as straight if its tortuosity is below 1 plus this; the default is
            1 / H, as in GraSPI.

    Raises:
        InputError: invalid frames, an unknown boundary or connectivity, or a tolerance that isn't positive.
    """
    from morphsim.similarity.descriptors.tortuosity_kernels import measure_paths

    checked = checked_frames(frames, boundary)
    eight = checked_connectivity(connectivity)
    tolerance = 1.0 / checked.shape[1] if straight_within is None else float(straight_within)
    if not tolerance > 0.0:
        raise InputError(f"straight_within is {straight_within!r}; it must be positive")
    total, straight, connected = measure_paths(checked, boundary == "periodic", eight, tolerance)
    with np.errstate(invalid="ignore"):
        return Paths(tortuosity=total / connected, straight_share=straight / connected)


def tortuosity(frames: ArrayLike, *, boundary: Boundary, connectivity: Connectivity = 4) -> Values:
    """Mean over the connected pixels of the shortest path to the electrode, divided by the depth.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: "periodic" paths may cross the seam.
        connectivity: see `shortest_paths`, which states the convention.

    Returns:
        (N, 4), 1 or more, columns as `PHASE_ELECTRODES`; NaN if no pixel is connected.

    Raises:
        InputError: invalid frames, an unknown boundary or connectivity.
    """
    return shortest_paths(frames, boundary=boundary, connectivity=connectivity).tortuosity


def path_lengths(
    frames: ArrayLike, *, boundary: Boundary, connectivity: Connectivity = 4
) -> NDArray[np.float64]:
    """Shortest path of every pixel through its own phase to the top and to the bottom electrode.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: "periodic" paths may cross the seam.
        connectivity: see `shortest_paths`, which states the convention.

    Returns:
        (N, 2, H, W) [pixel]; infinite for pixels that are not connected.

    Raises:
        InputError: invalid frames, an unknown boundary or connectivity.
    """
    from morphsim.similarity.descriptors.tortuosity_kernels import map_paths

    checked = checked_frames(frames, boundary)
    return map_paths(checked, boundary == "periodic", checked_connectivity(connectivity))
