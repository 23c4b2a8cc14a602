"""Connected components, and which of them reach an electrode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.similarity.descriptors.frames import (
    Connectivity,
    Values,
    checked_connectivity,
    checked_frames,
    share,
)
from morphsim.types import Boundary

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Components:
    """Counts of connected components; the axes are phase (donor, acceptor) and electrode (top, bottom)."""

    pixels: Counts
    """(N, 2) pixels of each phase."""
    count: Counts
    """(N, 2) components of each phase."""
    connected_count: Counts
    """(N, 2, 2) components that reach the electrode."""
    connected_pixels: Counts
    """(N, 2, 2) pixels in components that reach the electrode."""
    connected_interface_pixels: Counts
    """(N, 2, 2) of those, the pixels that have a neighbour of the other phase."""
    interface_pairs: Counts
    """(N,) pairs of neighbouring pixels (side by side or above each other) of different phase."""
    complementary_pairs: Counts
    """(N, 2) pairs whose donor reaches the top and whose acceptor the bottom; pairs whose donor reaches the
    bottom and whose acceptor the top."""


def components(frames: ArrayLike, *, boundary: Boundary, connectivity: Connectivity = 4) -> Components:
    """Label the connected components of both phases and count those that reach the electrodes.

    Row 0 touches the top electrode, the last row the bottom one.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: "periodic" components continue across the seam.
        connectivity: 4, or 8 to make pixels that touch at a corner neighbours too, in both phases.

    Raises:
        InputError: invalid frames, an unknown boundary or connectivity.
    """
    from morphsim.similarity.descriptors.connectivity_kernels import count_components

    eight = checked_connectivity(connectivity)
    phases, pairs = count_components(checked_frames(frames, boundary), boundary == "periodic", eight)
    return Components(
        pixels=phases[:, :, 0],
        count=phases[:, :, 1],
        connected_count=phases[:, :, 2:4],
        connected_pixels=phases[:, :, 4:6],
        connected_interface_pixels=phases[:, :, 6:8],
        interface_pairs=pairs[:, 0],
        complementary_pairs=pairs[:, 1:],
    )


def connected_share(frames: ArrayLike, *, boundary: Boundary, connectivity: Connectivity = 4) -> Values:
    """Fraction of each phase that is connected to each electrode within the phase.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: "periodic" components continue across the seam.
        connectivity: 4, or 8 to make pixels that touch at a corner neighbours too, in both phases.

    Returns:
        (N, 4), columns as `PHASE_ELECTRODES`, 0 to 1; 0 if the phase is absent.

    Raises:
        InputError: invalid frames, an unknown boundary or connectivity.
    """
    found = components(frames, boundary=boundary, connectivity=connectivity)
    return share(found.connected_pixels, found.pixels[:, :, None]).reshape(-1, 4)
