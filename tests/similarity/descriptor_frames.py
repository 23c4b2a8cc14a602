"""Frames for the tests of descriptors."""

from __future__ import annotations

from typing import Any

import hypothesis.extra.numpy as stnp
import hypothesis.strategies as st
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

frames = stnp.arrays(
    np.uint8, st.tuples(st.just(2), st.integers(1, 9), st.integers(1, 11)), elements=st.integers(0, 1)
)
boundaries = st.sampled_from(["periodic", "no-flux"])


def blobs(count: int, height: int, width: int, *, seed: int = 0, scale: float = 1.5) -> NDArray[np.uint8]:
    """Domains of some pixels, periodic along x."""
    noise = np.random.default_rng(seed).normal(size=(count, height, width))
    smooth = gaussian_filter(noise, (0.0, scale, scale), mode=("nearest", "nearest", "wrap"))
    return (smooth > 0.0).astype(np.uint8)


def neighbours(
    frame: NDArray[Any], row: int, column: int, *, periodic: bool, eight: bool
) -> list[tuple[int, int, float]]:
    """Places around a pixel and the length of the step there."""
    height, width = frame.shape
    found = []
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if (down, right) == (0, 0) or (not eight and down and right):
                continue
            there, beside = row + down, column + right
            if periodic:
                beside %= width
            if 0 <= there < height and 0 <= beside < width:
                found.append((there, beside, float(np.hypot(down, right))))
    return found
