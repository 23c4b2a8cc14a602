"""Columns, percolated network or layers: the pattern of a film by two things that are counted on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

COLUMNS, PERCOLATED, LAYERED, DISPERSED = "columns", "percolated", "layered", "dispersed"

MOSTLY = 2.0 / 3.0
"""Share of the interface above which it counts as upright (columns), or below the rest of which as flat."""
CONNECTED = 0.5
"""Share of a phase in domains from surface to substrate above which the phase counts as connected."""


@dataclass(frozen=True)
class Pattern:
    """What is counted on a film.

    Attributes:
        regime: `columns`, `percolated`, `layered` or `dispersed`.
        upright: share of the interface that runs through the film rather than along it; a half in a pattern
            without direction.
        donor_connected: share of the donor phase in domains that reach from surface to substrate.
        acceptor_connected: the same of the acceptor phase.
    """

    regime: str
    upright: float
    donor_connected: float
    acceptor_connected: float


def classify(share: np.ndarray[Any, np.dtype[Any]], *, cell: tuple[float, float]) -> Pattern:
    """Classify a film by its donor share (H, W), cut at a half; row 0 lies under the surface.

    A film has columns where most of the interface is upright and both phases are connected from surface to
    substrate, and layers where most of it is flat and at least one phase is not. What lies in between is
    percolated while a phase is connected, and dispersed otherwise.

    Args:
        share: donor share of the solids.
        cell: (height, width) of a cell, in one unit.
    """
    donor = np.asarray(share) > 0.5
    upright_length = np.count_nonzero(donor[:, 1:] != donor[:, :-1]) * cell[0]
    flat_length = np.count_nonzero(donor[1:] != donor[:-1]) * cell[1]
    total = upright_length + flat_length
    upright = upright_length / total if total else 0.5
    connected = (_connected(donor), _connected(~donor))
    if upright >= MOSTLY and min(connected) >= CONNECTED:
        regime = COLUMNS
    elif upright <= 1.0 - MOSTLY and min(connected) < CONNECTED:
        regime = LAYERED
    elif max(connected) >= CONNECTED:
        regime = PERCOLATED
    else:
        regime = DISPERSED
    return Pattern(regime, float(upright), *connected)


def _connected(phase: np.ndarray[Any, np.dtype[np.bool_]]) -> float:
    """Share of a phase (H, W) in domains that touch the first and the last row."""
    if not phase.any():
        return 0.0
    labels, _ = ndimage.label(phase)
    through = np.intersect1d(labels[0], labels[-1])
    return float(np.isin(labels, through[through > 0]).sum() / phase.sum())
