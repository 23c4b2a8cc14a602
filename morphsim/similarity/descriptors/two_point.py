"""Two-point statistics of the donor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from morphsim.errors import InputError
from morphsim.similarity.descriptors.frames import Values, checked_frames
from morphsim.types import Boundary

_FRAMES_AT_ONCE = 8


def two_point_statistics(
    frames: ArrayLike, *, boundary: Boundary, largest_lag: tuple[int, int] = (32, 32)
) -> Values:
    """The probability S₂(lag) that both ends of a vector, placed at random in the frame, lie in the donor.

    Vectors wrap around along a periodic x; otherwise only vectors that lie entirely inside are counted, so
    nothing is assumed about the outside. A lag and its mirror image are averaged, so a film and its mirror
    image have the same statistics. S₂(0, 0) is the area fraction of the donor. The counts are integers, so
    rounding makes the result exact in spite of the Fourier transform (Niezgoda, Fullwood and Kalidindi, Acta
    Mater. 56 (2008) 5285, doi 10.1016/j.actamat.2008.07.005; Fullwood, Niezgoda and Kalidindi, Acta Mater. 56
    (2008) 942, doi 10.1016/j.actamat.2007.10.044).

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: lateral boundary condition.
        largest_lag: the largest lag in depth and along x [pixel]; limited to H - 1 and W - 1.

    Returns:
        (N, 1 + lags in depth, 1 + lags along x), 0 to 1.

    Raises:
        InputError: invalid frames, an unknown boundary, or a negative lag.
    """
    from scipy.fft import irfft2, next_fast_len, rfft2

    checked = checked_frames(frames, boundary)
    if min(largest_lag) < 0:
        raise InputError(f"largest_lag is {largest_lag}; both lags must be 0 or more")
    height, width = checked.shape[1:]
    deep, far = min(largest_lag[0], height - 1), min(largest_lag[1], width - 1)
    rows = next_fast_len(height + deep, real=True)
    columns = width if boundary == "periodic" else next_fast_len(width + far, real=True)
    fitting = np.full(far + 1, width) if boundary == "periodic" else width - np.arange(far + 1)
    places = 2 * (height - np.arange(deep + 1))[:, None] * fitting
    lags = np.arange(far + 1)
    found = np.empty((len(checked), deep + 1, far + 1))
    for start in range(0, len(checked), _FRAMES_AT_ONCE):
        some = slice(start, start + _FRAMES_AT_ONCE)
        spectrum = rfft2(checked[some].astype(np.float64), s=(rows, columns))
        power = spectrum.real**2 + spectrum.imag**2
        pairs = irfft2(power, s=(rows, columns), overwrite_x=True)[:, : deep + 1]
        found[some] = np.rint(pairs[..., lags]) + np.rint(pairs[..., -lags % columns])
    return np.asarray(found / places)
