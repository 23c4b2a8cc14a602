"""Films whose steps have become too small for them ever to arrive."""

from __future__ import annotations

import torch
from torch import Tensor

from morphsim.simulator.core.per_film import PerFilmArray
from morphsim.simulator.core.state import State

WATCHED_TRIES = 1000
"""Progress is checked after so many tries."""
LEAST_PROGRESS = 1e-5
"""A film that covers less than this share of its way, in time and in thickness, has stalled: it would take a
hundred million tries. Films that are merely slow are a thousand times faster."""


def covers_too_little(
    covered: PerFilmArray, way: PerFilmArray, shrunk: PerFilmArray, to_shrink: PerFilmArray
) -> PerFilmArray:
    """Whether a film has stalled; numbers or arrays.

    Args:
        covered: time since the last check.
        way: time that was left then.
        shrunk: decrease of the thickness since the last check.
        to_shrink: how much of it was wanted then.
    """
    return (covered < LEAST_PROGRESS * way) & (shrunk < LEAST_PROGRESS * to_shrink)


class StallWatch:
    """Watches the films of a batch on their way to a time or a thickness.

    Args:
        state: the films at the start.
        until: (B,) wanted time.
        lowest: (B,) wanted thickness of a shrinking film.
    """

    def __init__(self, state: State, until: Tensor, lowest: Tensor) -> None:
        self._until, self._lowest = until, lowest
        self._tries = 0
        self._mark(state)

    def stalled(self, state: State, *, tries: int = 1) -> Tensor:
        """Films (B,) that have stalled, after so many more tries."""
        before = self._tries
        self._tries += tries
        if self._tries // WATCHED_TRIES == before // WATCHED_TRIES:
            return torch.zeros_like(self._time, dtype=torch.bool)
        stalled: Tensor = covers_too_little(
            state.time - self._time,
            self._until - self._time,
            self._thickness - state.thickness,
            self._thickness - self._lowest,
        )
        self._mark(state)
        return stalled

    def _mark(self, state: State) -> None:
        self._time, self._thickness = state.time, state.thickness
