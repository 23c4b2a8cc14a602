"""Power of a pattern against the wavenumber."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from morphsim.checks import whole_number
from morphsim.similarity.descriptors.frames import Values, checked_frames
from morphsim.similarity.descriptors.wavenumber import fundamental_wavenumber
from morphsim.simulator.analysis import structure_factor
from morphsim.types import Boundary

# A few megabytes of modes at once fit into the processor's cache.
_FRAMES_AT_ONCE = 8


def power_spectrum(frames: ArrayLike, *, boundary: Boundary, bins: int = 8) -> Values:
    """Share of the radially averaged structure factor in bins of equal width in the logarithm of k.

    The sum over rings Σ S(k) that belong to a bin, divided by that over all rings, as in the mean wavenumber
    Σ k S(k) / Σ S(k). The bins divide the wavenumbers from the smallest that the frame can hold to π
    radian/pixel, and the last one has no upper limit. A bin may hold no ring and is 0 then. The rings are
    those of `morphsim.simulator.analysis.structure_factor`, with square pixels.

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: lateral boundary condition.
        bins: number of bins.

    Returns:
        (N, bins), 0 to 1, with the sum 1; NaN for frames of one phase.

    Raises:
        InputError: invalid frames, an unknown boundary, or fewer than 1 or more than 1000 bins.
    """
    checked = checked_frames(frames, boundary)
    bins = whole_number("bins", bins, 1, 1000)
    height, width = checked.shape[1:]
    least = fundamental_wavenumber((height, width), boundary=boundary)
    found = np.empty((len(checked), bins))
    for start in range(0, len(checked), _FRAMES_AT_ONCE):
        some = slice(start, start + _FRAMES_AT_ONCE)
        rings = structure_factor(
            checked[some], width=float(width), thickness=float(height), boundary=boundary
        )
        # The first ring may lie below the fundamental by rounding.
        ratio = np.log(rings.wavenumber / least) / max(np.log(np.pi / least), np.finfo(float).tiny)
        place = np.clip((ratio * bins).astype(np.int64), 0, bins - 1)
        found[some] = rings.value @ np.eye(bins)[place]
    flat = checked.reshape(len(checked), height * width)
    one_phase = flat.min(axis=1, initial=1) == flat.max(axis=1, initial=0)
    found[one_phase] = np.nan
    return np.asarray(found / np.where(one_phase, 1.0, found.sum(axis=1))[:, None])
