"""When a film has reached the time or the thickness that it was to reach."""

from __future__ import annotations

from torch import Tensor

from morphsim.simulator.core.per_film import PerFilmArray, as_numpy_if_cpu, as_tensor
from morphsim.simulator.core.state import State

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


def under_way(state: State, until: Tensor, lowest: Tensor) -> Tensor:
    """Films (B,) that have not arrived, neither at the time `until` nor at the thickness `lowest` (B,)."""
    numbers = (state.time, until, state.thickness, lowest)
    return as_tensor(on_the_way(*[as_numpy_if_cpu(values) for values in numbers]))
