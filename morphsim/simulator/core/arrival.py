"""When a film has arrived at the time or the thickness that it was asked for."""

from __future__ import annotations

from morphsim.simulator.core.per_film import PerFilmArray

ARRIVED = 1e-12
"""A film has reached a time when no more than this share of it is left."""
THICKNESS_TOLERANCE = 1e-4
"""A film has reached a thickness when it is no further above it than this [h0]."""


def on_the_way(
    time: PerFilmArray, until: PerFilmArray, thickness: PerFilmArray, lowest: PerFilmArray
) -> PerFilmArray:
    """Whether a film has reached neither the time `until` nor the thickness `lowest`; numbers or arrays."""
    late = until - time > ARRIVED * abs(until) + ARRIVED**2
    return late & (thickness - lowest > THICKNESS_TOLERANCE)
