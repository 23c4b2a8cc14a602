"""Widths of the interfaces in a field of donor shares, in cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Interfaces that cross an axis at right angles have the steepest slopes along it; others are wider there.
_STEEP = 90.0
_FEWEST = 8


@dataclass(frozen=True)
class Widths:
    """Interfaces of one field.

    Attributes:
        contrast: median donor share of the donor phase less that of the acceptor phase.
        x: width along the film [cells]: the contrast over the steep slopes of the interfaces that cross it,
            as `morphsim.simulator.thermodynamics.interface` defines it; NaN where fewer than 8 do. About 1 is
            a jump between two cells, which resolves nothing.
        z: the same in depth [cells].
    """

    contrast: float
    x: float
    z: float


def interface_widths(share: NDArray[np.float64], *, periodic: bool) -> Widths:
    """Measure a field (H, W) of donor shares.

    Args:
        share: of the solids.
        periodic: whether the right end continues at the left.
    """
    donor = share >= 0.5
    if donor.all() or not donor.any():
        return Widths(0.0, np.nan, np.nan)
    contrast = float(np.median(share[donor]) - np.median(share[~donor]))
    along_x = np.concatenate([share, share[:, :1]], axis=1) if periodic else share
    return Widths(contrast, _width(along_x, contrast, 1), _width(share, contrast, 0))


def _width(share: NDArray[np.float64], contrast: float, axis: int) -> float:
    slopes = np.abs(np.diff(share, axis=axis))[np.diff(share >= 0.5, axis=axis)]
    return contrast / float(np.percentile(slopes, _STEEP)) if len(slopes) >= _FEWEST else np.nan
