"""Compiled kernels of `connectivity`: union-find over the pixels of a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.compiled import inlined, loop
from morphsim.similarity.descriptors.frames import Frames


@inlined
def _root(parent: Any, pixel: Any) -> Any:
    while parent[pixel] != pixel:
        parent[pixel] = parent[parent[pixel]]
        pixel = parent[pixel]
    return pixel


@inlined
def _join(parent: Any, first: Any, second: Any) -> Any:
    a = _root(parent, first)
    b = _root(parent, second)
    # The smaller number becomes the root, so that a single ordered pass can label all components.
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@inlined
def _label(frame: Any, periodic: Any, eight: Any, parent: Any) -> Any:
    height, width = frame.shape
    for row in range(height):
        for column in range(width):
            at = row * width + column
            phase = frame[row, column]
            parent[at] = at
            if column > 0 and frame[row, column - 1] == phase:
                _join(parent, at - 1, at)
            if row > 0:
                if frame[row - 1, column] == phase:
                    _join(parent, at - width, at)
                if eight:
                    left = column - 1
                    if left < 0 and periodic:
                        left = width - 1
                    if left >= 0 and frame[row - 1, left] == phase:
                        _join(parent, (row - 1) * width + left, at)
                    right = column + 1
                    if right == width:
                        right = 0 if periodic else -1
                    if right >= 0 and frame[row - 1, right] == phase:
                        _join(parent, (row - 1) * width + right, at)
        if periodic and frame[row, 0] == frame[row, width - 1]:
            _join(parent, row * width, row * width + width - 1)
    for at in range(height * width):
        parent[at] = parent[parent[at]]


@inlined
def _at_interface(frame: Any, row: Any, column: Any, periodic: Any, eight: Any) -> Any:
    height, width = frame.shape
    phase = frame[row, column]
    for down in range(-1, 2):
        other = row + down
        if other < 0 or other >= height:
            continue
        for right in range(-1, 2):
            if not eight and down != 0 and right != 0:
                continue
            beside = column + right
            if beside < 0 or beside >= width:
                if not periodic:
                    continue
                beside = (beside + width) % width
            if frame[other, beside] != phase:
                return True
    return False


@loop
def _count(frames: Any, periodic: Any, eight: Any, phases: Any, pairs: Any) -> Any:
    count, height, width = frames.shape
    parent = np.empty(height * width, np.int32)
    reach = np.empty(height * width, np.uint8)
    for n in range(count):
        frame = frames[n]
        _label(frame, periodic, eight, parent)
        reach[:] = 0
        for column in range(width):
            reach[parent[column]] |= 1
            reach[parent[(height - 1) * width + column]] |= 2
        for row in range(height):
            for column in range(width):
                at = row * width + column
                reached = reach[parent[at]]
                found = phases[n, 1 - frame[row, column]]
                found[0] += 1
                if parent[at] == at:
                    found[1] += 1
                    found[2] += reached & 1
                    found[3] += reached >> 1
                found[4] += reached & 1
                found[5] += reached >> 1
                if reached and _at_interface(frame, row, column, periodic, eight):
                    found[6] += reached & 1
                    found[7] += reached >> 1
                for side in range(2):
                    other_row = row + 1 - side
                    other_column = column + side
                    if other_column == width:
                        other_column = 0 if periodic else -1
                    if other_row == height or other_column < 0:
                        continue
                    if frame[other_row, other_column] == frame[row, column]:
                        continue
                    other = reach[parent[other_row * width + other_column]]
                    donor, acceptor = (reached, other) if frame[row, column] == 1 else (other, reached)
                    pairs[n, 0] += 1
                    pairs[n, 1] += (donor & 1) & (acceptor >> 1)
                    pairs[n, 2] += (donor >> 1) & (acceptor & 1)


def count_components(
    frames: Frames, periodic: bool, eight: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count components, pixels and interface pixels, (N, 2, 8), and pairs at the interface, (N, 3)."""
    phases: NDArray[np.int64] = np.zeros((len(frames), 2, 8), np.int64)
    pairs: NDArray[np.int64] = np.zeros((len(frames), 3), np.int64)
    _count(frames, periodic, eight, phases, pairs)
    return phases, pairs
