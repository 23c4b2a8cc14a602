"""Compiled kernels of `tortuosity`: Dijkstra's algorithm with Dial's buckets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.compiled import inlined, loop
from morphsim.similarity.descriptors.frames import Frames

_DIAGONAL = 2.0**0.5


@inlined
def _walk(frame: Any, bottom: Any, periodic: Any, eight: Any, distance: Any, bucket: Any, filled: Any) -> Any:
    """Fill `distance` (H, W) with the shortest paths of both phases at once.

    No step is shorter than 1, so pixels of one bucket (distances between two successive integers) can't
    improve each other and may be processed in any order. No step reaches further than two buckets ahead.
    """
    height, width = frame.shape
    distance[:] = np.inf
    start = height - 1 if bottom else 0
    filled[:] = 0
    for column in range(width):
        distance[start, column] = 0.0
        bucket[0, column] = start * width + column
    filled[0] = width
    level = 0
    while filled[0] + filled[1] + filled[2] > 0:
        now = level % 3
        for place in range(filled[now]):
            at = bucket[now, place]
            row = at // width
            column = at - row * width
            here = distance[row, column]
            # Pixels that were improved after they were put here have been processed in an earlier bucket.
            if int(here) != level:
                continue
            phase = frame[row, column]
            for right in range(-1, 2):
                other_column = column + right
                if other_column < 0 or other_column >= width:
                    if not periodic:
                        continue
                    other_column = (other_column + width) % width
                for down in range(-1, 2):
                    other_row = row + down
                    if other_row < 0 or other_row >= height or frame[other_row, other_column] != phase:
                        continue
                    slanted = right != 0 and down != 0
                    there = here + (_DIAGONAL if slanted else 1.0)
                    if there >= distance[other_row, other_column]:
                        continue
                    if (
                        slanted
                        and not eight
                        and frame[row, other_column] != phase
                        and frame[other_row, column] != phase
                    ):
                        continue
                    distance[other_row, other_column] = there
                    later = int(there) % 3
                    bucket[later, filled[later]] = other_row * width + other_column
                    filled[later] += 1
        filled[now] = 0
        level += 1


@loop
def _map(frames: Any, periodic: Any, eight: Any, lengths: Any) -> Any:
    count, height, width = frames.shape
    # Each of its 8 neighbours puts a pixel into a bucket at most once.
    bucket = np.empty((3, 8 * height * width + width), np.int32)
    filled = np.zeros(3, np.int64)
    for n in range(count):
        for bottom in range(2):
            _walk(frames[n], bottom == 1, periodic, eight, lengths[n, bottom], bucket, filled)


@loop
def _measure(
    frames: Any, periodic: Any, eight: Any, tolerance: Any, total: Any, straight: Any, connected: Any
) -> Any:
    count, height, width = frames.shape
    bucket = np.empty((3, 8 * height * width + width), np.int32)
    filled = np.zeros(3, np.int64)
    distance = np.empty((height, width), np.float64)
    for n in range(count):
        for bottom in range(2):
            _walk(frames[n], bottom == 1, periodic, eight, distance, bucket, filled)
            for row in range(height):
                depth = height - 1 - row if bottom else row
                # Pixels of the row at the electrode have path 0.
                inverse = 1.0 / depth if depth else 0.0
                for column in range(width):
                    if distance[row, column] == np.inf:
                        continue
                    ratio = distance[row, column] * inverse if depth else 1.0
                    place = 2 * (1 - frames[n, row, column]) + bottom
                    total[n, place] += ratio
                    connected[n, place] += 1
                    if ratio - 1.0 < tolerance:
                        straight[n, place] += 1


def map_paths(frames: Frames, periodic: bool, eight: bool) -> NDArray[np.float64]:
    """Return the shortest paths to both electrodes, (N, 2, H, W)."""
    lengths: NDArray[np.float64] = np.empty((len(frames), 2, *frames.shape[1:]), np.float64)
    _map(frames, periodic, eight, lengths)
    return lengths


def measure_paths(
    frames: Frames, periodic: bool, eight: bool, tolerance: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return sums of tortuosities and counts of straight paths and of connected pixels, each (N, 4)."""
    total: NDArray[np.float64] = np.zeros((len(frames), 4), np.float64)
    straight: NDArray[np.int64] = np.zeros((len(frames), 4), np.int64)
    connected: NDArray[np.int64] = np.zeros((len(frames), 4), np.int64)
    _measure(frames, periodic, eight, tolerance, total, straight, connected)
    return total, straight, connected
