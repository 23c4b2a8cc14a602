"""Volume fractions of a film that goes from one process to another with other components."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_EXACT = 1e-15
_MOST_TURNS = 60


def hand_over(phi: NDArray[np.float64], *, components: int, solvent: float) -> NDArray[np.float64]:
    """Fields of a film for a process with another number of components.

    Between processes with solvent the fields stay what they are. A film without solvent takes it up evenly.
    One that loses its solvent keeps the amounts of donor and acceptor, see `dried_share`.

    Args:
        phi: (C, H, W), the donor alone (C = 1), or donor and acceptor beside a solvent (C = 2).
        components: C of the process that follows.
        solvent: volume fraction that a film without solvent takes up.

    Returns:
        (components, H, W). Times the thicknesses `solids / (1 - solvent)` and `solids` of films with and
        without solvent, the means of donor and acceptor are the same before and after, to rounding.
    """
    if len(phi) == components:
        return phi
    if components == 1:
        return dried_share(phi)[None]
    return np.concatenate([phi, 1.0 - phi]) * (1.0 - solvent)


def dried_share(phi: NDArray[np.float64]) -> NDArray[np.float64]:
    """Donor share of the solids (H, W) in a film whose solvent is taken away, with the donor's amount kept.

    Where donor-rich cells hold more solvent than others, or less, they shrink more, or less. On a grid of
    equal cells this moves interfaces: the share s of a cell becomes s + c s (1 - s), with c such that the
    mean is that of donor over solids. Pure cells stay as they are, and no share leaves 0..1. (In a film that
    is pure in nearly all cells, as no simulated film is, the amounts would not be kept.)

    Args:
        phi: (2, H, W), volume fractions of donor and acceptor, whose sum is positive everywhere.
    """
    content = phi.sum(axis=0)
    share: NDArray[np.float64] = phi[0] / content
    wanted = float(phi[0].mean() / content.mean())
    for _ in range(_MOST_TURNS):
        missing = wanted - float(share.mean())
        spread = share * (1.0 - share)
        room = float(spread.mean())
        if abs(missing) <= _EXACT * abs(wanted) or room <= 0.0:
            break
        # A factor beyond 1 would lead out of 0..1.
        share = share + np.clip(missing / room, -1.0, 1.0) * spread
    return share
