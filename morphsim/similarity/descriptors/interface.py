"""How much interface between the phases a frame has, and which way it runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from morphsim.similarity.descriptors.frames import Values, checked_frames
from morphsim.types import Boundary


def interface_components(frames: ArrayLike, *, boundary: Boundary) -> Values:
    """Neighbouring pixels of different phase for each pixel of the frame, along x and along the depth.

    Pixels are counted, and not lengths: a frame alone knows neither its width nor its thickness, and the
    count is what graph descriptors call interface edges. `morphsim.simulator.analysis.interface_length`
    measures in physical units without the bias of stairs.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: with "periodic" the last column neighbours the first.

    Returns:
        (N, 2) [1/pixel]: pairs side by side (walls that stand upright), pairs above each other (layers).

    Raises:
        InputError: other frames or an unknown boundary.
    """
    checked = checked_frames(frames, boundary)
    pixels = checked.shape[1] * checked.shape[2]
    beside = np.count_nonzero(checked[:, :, 1:] != checked[:, :, :-1], axis=(1, 2))
    if boundary == "periodic":
        beside = beside + np.count_nonzero(checked[:, :, 0] != checked[:, :, -1], axis=1)
    above = np.count_nonzero(checked[:, 1:] != checked[:, :-1], axis=(1, 2))
    return np.asarray(np.stack([beside, above], axis=1) / pixels)


def interface_length(frames: ArrayLike, *, boundary: Boundary) -> Values:
    """Neighbouring pixels of different phase for each pixel of the frame.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: see `interface_components`, whose sum this is.

    Returns:
        (N,) [1/pixel].

    Raises:
        InputError: other frames or an unknown boundary.
    """
    return np.asarray(interface_components(frames, boundary=boundary).sum(axis=1))
