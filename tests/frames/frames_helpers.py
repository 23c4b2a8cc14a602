"""Helpers for tests of reading and importing."""

from __future__ import annotations

import numpy as np

FRAME = np.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0], [0, 0, 0, 1, 1]], np.uint8)


def text_of(frame: np.ndarray) -> str:
    """GraSPI's text; the donor is 1 in frames and 0 in it."""
    return "\n".join(" ".join(map(str, row)) for row in 1 - frame) + "\n"
