"""Random schedules: actions that are constant over some pieces of an episode."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_PIECES = 5
VAPOUR, EVAPORATION = "ambient_vapour", "evaporation"
"""Where there are both, vapour is often off, since it holds up a film that dries."""
_VAPOUR_SHARE = 0.4
# Actions are multiples of this, so that a text holds them exactly.
_GRID = 1e-3


def random_schedule(
    generator: np.random.Generator, knobs: tuple[str, ...], steps: int
) -> NDArray[np.float32]:
    """Draw the actions of an episode: one to five pieces, in each of which the knobs are constant.

    A knob is drawn uniformly in the action. The vapour above a film that dries is off in six of ten pieces.

    Args:
        generator: random numbers.
        knobs: names of the knobs, in the order of the action.
        steps: number of steps T.

    Returns:
        (T, K) from -1 to 1, multiples of 0.001.
    """
    pieces = int(generator.integers(1, min(MOST_PIECES, steps) + 1))
    begins = np.sort(generator.choice(np.arange(1, steps), pieces - 1, replace=False))
    piece = np.searchsorted(begins, np.arange(steps), side="right")
    actions = generator.uniform(-1.0, 1.0, (pieces, len(knobs)))
    if VAPOUR in knobs and EVAPORATION in knobs:
        off = generator.random(pieces) >= _VAPOUR_SHARE
        actions[off, knobs.index(VAPOUR)] = -1.0
    return (np.round(actions / _GRID) * _GRID).astype(np.float32)[piece]
