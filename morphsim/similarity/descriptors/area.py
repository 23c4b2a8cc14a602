"""The share of a frame that is donor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from morphsim.similarity.descriptors.frames import Values, checked_frames
from morphsim.types import Boundary


def area_fraction(frames: ArrayLike, *, boundary: Boundary) -> Values:
    """Share of the pixels that are donor.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: of the film; the share does not depend on it.

    Returns:
        (N,), 0 to 1.

    Raises:
        InputError: other frames or an unknown boundary.
    """
    checked = checked_frames(frames, boundary)
    return np.asarray(np.count_nonzero(checked, axis=(1, 2)) / (checked.shape[1] * checked.shape[2]))
