"""Three simple descriptors, the baseline of every learned metric."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from morphsim.similarity.descriptors.area import area_fraction
from morphsim.similarity.descriptors.frames import Values, checked_frames
from morphsim.similarity.descriptors.interface import interface_length
from morphsim.similarity.descriptors.wavenumber import fundamental_wavenumber, mean_wavenumber
from morphsim.types import Boundary

THREE_DESCRIPTORS = ("area_fraction", "log_interface_length", "log_mean_wavenumber")
"""The columns of `three_descriptors`."""


def three_descriptors(frames: ArrayLike, *, boundary: Boundary) -> Values:
    """Compute area fraction, logarithm of the interface length and logarithm of the mean wavenumber.

    A frame of one phase gets the smallest values that are possible at its shape: a single pair of pixels of
    different phase, and the smallest wavenumber.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: lateral boundary condition.

    Returns:
        (N, 3), finite; logarithms of values in 1/pixel and radian/pixel.

    Raises:
        InputError: invalid frames or an unknown boundary.
    """
    checked = checked_frames(frames, boundary)
    shape = (checked.shape[1], checked.shape[2])
    interface = interface_length(checked, boundary=boundary)
    wavenumber = mean_wavenumber(checked, boundary=boundary)
    least = fundamental_wavenumber(shape, boundary=boundary)
    return np.stack(
        [
            area_fraction(checked, boundary=boundary),
            np.log(np.maximum(interface, 1.0 / (shape[0] * shape[1]))),
            np.log(np.where(np.isnan(wavenumber), least, wavenumber)),
        ],
        axis=1,
    )
