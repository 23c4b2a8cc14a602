"""The three plain descriptors that every learned metric is compared with."""

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
    """Area fraction, logarithm of the interface length, logarithm of the mean wavenumber.

    A frame of one phase counts as one with the least that a frame of its shape can have: a single pair
    of pixels of different phase, and the smallest wavenumber.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: what happens at the left and right end.

    Returns:
        (N, 3), finite; the logarithms are those of numbers in 1/pixel and radian/pixel.

    Raises:
        InputError: other frames or an unknown boundary.
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
