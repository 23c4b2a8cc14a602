"""Compiled kernels of `exciton`: chamfer sweeps until nothing changes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.compiled import inlined, loop
from morphsim.similarity.descriptors.frames import Frames

_DIAGONAL = 2.0**0.5


@inlined
def _start(frame: Any, periodic: Any, distance: Any) -> Any:
    height, width = frame.shape
    for row in range(height):
        for column in range(width):
            best = np.inf
            for down in range(-1, 2):
                other_row = row + down
                if other_row < 0 or other_row >= height:
                    continue
                for right in range(-1, 2):
                    other_column = column + right
                    if other_column < 0 or other_column >= width:
                        if not periodic:
                            continue
                        other_column = (other_column + width) % width
                    if frame[other_row, other_column] != frame[row, column]:
                        step = 0.5 * _DIAGONAL if down != 0 and right != 0 else 0.5
                        best = min(best, step)
            distance[row, column] = best


@inlined
def _sweep(frame: Any, periodic: Any, distance: Any, backwards: Any) -> Any:
    """Propagate distances row by row: from the row before, then within the row in both directions."""
    height, width = frame.shape
    changed = False
    for line in range(height):
        row = height - 1 - line if backwards else line
        if line > 0:
            before = row + 1 if backwards else row - 1
            for column in range(width):
                best = distance[row, column]
                phase = frame[row, column]
                if frame[before, column] == phase:
                    best = min(best, distance[before, column] + 1.0)
                for side in range(-1, 2, 2):
                    beside = column + side
                    if beside < 0 or beside >= width:
                        if not periodic:
                            continue
                        beside = (beside + width) % width
                    if frame[before, beside] == phase:
                        best = min(best, distance[before, beside] + _DIAGONAL)
                if best < distance[row, column]:
                    distance[row, column] = best
                    changed = True
        # In a periodic row, a second pass propagates the distances that crossed the seam.
        for _ in range(2 if periodic else 1):
            for step in range(width):
                column = step
                beside = column - 1 if column > 0 else (width - 1 if periodic else 0)
                there = distance[row, beside] + 1.0
                if there < distance[row, column] and frame[row, beside] == frame[row, column]:
                    distance[row, column] = there
                    changed = True
            for step in range(width):
                column = width - 1 - step
                beside = column + 1 if column < width - 1 else (0 if periodic else width - 1)
                there = distance[row, beside] + 1.0
                if there < distance[row, column] and frame[row, beside] == frame[row, column]:
                    distance[row, column] = there
                    changed = True
    return changed


@loop
def _map(frames: Any, periodic: Any, distances: Any) -> Any:
    for n in range(len(frames)):
        _start(frames[n], periodic, distances[n])
        turn = 0
        # Paths may turn back: distances are final when neither sweep direction improves any.
        unchanged = 0
        while unchanged < 2:
            # A flag that starts as a constant would be compiled twice.
            if _sweep(frames[n], periodic, distances[n], turn % 2):
                unchanged = 0
            else:
                unchanged += 1
            turn += 1


def map_distances(frames: Frames, periodic: bool) -> NDArray[np.float64]:
    """Return the graph distance to the interface, (N, H, W)."""
    distances: NDArray[np.float64] = np.empty(frames.shape, np.float64)
    _map(frames, periodic, distances)
    return distances
