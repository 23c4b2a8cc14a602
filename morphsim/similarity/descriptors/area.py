"""Area fraction of the donor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from morphsim.similarity.descriptors.frames import Values, checked_frames
from morphsim.types import Boundary


def area_fraction(frames: ArrayLike, *, boundary: Boundary) -> Values:
    """Fraction of the pixels that are donor.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: ignored; accepted for the same signature as other descriptors.

    Returns:
        (N,), 0 to 1.

    Raises:
        InputError: invalid frames or an unknown boundary.
    """
    checked = checked_frames(frames, boundary)
    return np.asarray(np.count_nonzero(checked, axis=(1, 2)) / (checked.shape[1] * checked.shape[2]))
