"""The pace of an episode: where its steps end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

# Share of a step by which a film may miss its goal, since the thickness is met only to 1e-4.
_MISS = 1e-2


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Where the steps of an episode end. A process without a dryness has `steps` alone.

    Attributes:
        steps: number of steps of an episode without delay.
        limit: largest number of steps.
        longest: longest step [units of time]; None for a length that suits the recipe.
        stops: increasing drynesses at which steps end, the last 1, `steps` of them; None for steps even in
            dryness.
        finish: whether the last step that the limit allows ends where the film is finished.
    """

    steps: int
    limit: int
    longest: float | None = None
    stops: tuple[float, ...] | None = None
    finish: bool = False

    def next_dryness(self, dryness: Values, slack: Values) -> Values:
        """The dryness at which the next step ends, (B,), at most 1.

        Args:
            dryness: present, (B,); below 0 for a film that has swollen.
            slack: by which a film that has arrived may be short of a dryness, (B,).
        """
        if self.stops is None:
            goals = (np.floor(dryness * self.steps + _MISS) + 1.0) / self.steps
            return np.asarray(np.minimum(goals, 1.0))
        stops = np.array(self.stops)
        missed = np.maximum(_MISS * np.diff(stops, prepend=0.0), slack[:, None])
        passed = (dryness[:, None] >= stops - missed).sum(axis=1)
        return np.asarray(stops[np.minimum(passed, len(stops) - 1)])

    def finishes(self, done: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For which films the next step is the one that finishes them, (B,).

        Args:
            done: number of steps of each film so far, (B,).
        """
        last: NDArray[Any] = done == self.limit - 1
        return np.asarray(last & self.finish)
