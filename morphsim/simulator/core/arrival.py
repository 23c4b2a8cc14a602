"""When a film has reached the time or the thickness that it was to reach."""

from __future__ import annotations

from torch import Tensor

from morphsim.simulator.core.per_film import as_numpy_if_cpu, as_tensor
from morphsim.simulator.core.state import State

ARRIVED = 1e-12
"""A film has reached a time when no more than this share of it is left."""
THICKNESS_TOLERANCE = 1e-4
"""A film has reached a thickness when it is no further above it than this [h0]."""


def under_way(state: State, until: Tensor, lowest: Tensor) -> Tensor:
    """Films (B,) that have not arrived, neither at the time `until` nor at the thickness `lowest` (B,)."""
    time, end = as_numpy_if_cpu(state.time), as_numpy_if_cpu(until)
    above = as_numpy_if_cpu(state.thickness) - as_numpy_if_cpu(lowest)
    return as_tensor((end - time > ARRIVED * abs(end) + ARRIVED**2) & (above > THICKNESS_TOLERANCE))
