"""The compiled loops of `chords`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.similarity.descriptors.frames import Frames
from morphsim.simulator.numba_math import loop


@loop
def _add_chord(pixels: Any, chords: Any, phase: Any, length: Any, bins: Any) -> Any:
    place = 0
    while place + 1 < bins and length >> (place + 1):
        place += 1
    pixels[1 - phase, place] += length
    chords[1 - phase] += 1


@loop
def _count_line(line: Any, periodic: Any, bins: Any, pixels: Any, chords: Any) -> Any:
    size = len(line)
    first = 0
    if periodic:
        # Starting where the phase changes, no run is cut by the seam.
        while first < size and line[first] == line[first - 1]:
            first += 1
        if first == size:
            first = 0
    length = 1
    before = line[first]
    for step in range(1, size):
        at = first + step
        if at >= size:
            at -= size
        if line[at] == before:
            length += 1
        else:
            _add_chord(pixels, chords, before, length, bins)
            before = line[at]
            length = 1
    _add_chord(pixels, chords, before, length, bins)


@loop
def _count(frames: Any, periodic: Any, bins: Any, pixels: Any, chords: Any) -> Any:
    count, height, width = frames.shape
    for n in range(count):
        for row in range(height):
            _count_line(frames[n, row, :], periodic, bins, pixels[n, 0], chords[n, 0])
        for column in range(width):
            _count_line(frames[n, :, column], False, bins, pixels[n, 1], chords[n, 1])


def count_chords(frames: Frames, periodic: bool, bins: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the pixels in chords of each bin, (N, 2, 2, bins), and the chords, (N, 2, 2)."""
    pixels: NDArray[np.int64] = np.zeros((len(frames), 2, 2, bins), np.int64)
    chords: NDArray[np.int64] = np.zeros((len(frames), 2, 2), np.int64)
    _count(frames, periodic, bins, pixels, chords)
    return pixels, chords
