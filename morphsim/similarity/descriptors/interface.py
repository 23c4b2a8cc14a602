"""Length and orientation of the interface between the phases."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from morphsim.similarity.descriptors.frames import Values, checked_frames
from morphsim.types import Boundary


def interface_components(frames: ArrayLike, *, boundary: Boundary) -> Values:
    """Pairs of neighbouring pixels of different phase, per pixel, along x and along the depth.

    Pairs are counted instead of lengths, since a frame holds neither its width nor its thickness; graph
    descriptors call them interface edges. `morphsim.simulator.analysis.interface_length` measures in physical
    units and without the staircase bias.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: with "periodic" the last and the first column are neighbours.

    Returns:
        (N, 2) [1/pixel]: pairs side by side (upright interfaces), pairs above each other (layers).

    Raises:
        InputError: invalid frames or an unknown boundary.
    """
    checked = checked_frames(frames, boundary)
    pixels = checked.shape[1] * checked.shape[2]
    beside = np.count_nonzero(checked[:, :, 1:] != checked[:, :, :-1], axis=(1, 2))
    if boundary == "periodic":
        beside = beside + np.count_nonzero(checked[:, :, 0] != checked[:, :, -1], axis=1)
    above = np.count_nonzero(checked[:, 1:] != checked[:, :-1], axis=(1, 2))
    return np.asarray(np.stack([beside, above], axis=1) / pixels)


def interface_length(frames: ArrayLike, *, boundary: Boundary) -> Values:
    """Pairs of neighbouring pixels of different phase, per pixel: the sum of `interface_components`.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: with "periodic" the last and the first column are neighbours.

    Returns:
        (N,) [1/pixel].

    Raises:
        InputError: invalid frames or an unknown boundary.
    """
    return np.asarray(interface_components(frames, boundary=boundary).sum(axis=1))
