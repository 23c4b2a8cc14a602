"""Warnings of frames that can be read but may not be what was meant."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import FrameWarning


def warn_of_frames(message: str) -> None:
    """Warn with `FrameWarning` that the frames being read may not be what was meant."""
    # The location in the reader would not help: the message names the file.
    warnings.warn(message, FrameWarning, stacklevel=3)


def warn_of_one_phase(frames: NDArray[np.uint8], *, name: str = "") -> None:
    """Warn if no frame shows a pattern.

    Args:
        frames: (..., H, W) 0/1.
        name: prefix of the message: the file with a colon and a space.
    """
    if not frames.size or frames.min() != frames.max():
        # Frame by frame only if the quick check does not decide.
        pixels = frames.reshape(-1, frames.shape[-2] * frames.shape[-1])
        if not frames.size or (pixels.min(axis=1) != pixels.max(axis=1)).any():
            return
        found = "each frame holds one phase alone"
    else:
        found = f"every pixel is {'donor' if frames.flat[0] else 'acceptor'}"
    warn_of_frames(
        f"{name}{found}; check that the right values are read, and cut at the right threshold (`morphsim "
        "import --threshold otsu` finds one)"
    )
