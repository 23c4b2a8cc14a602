"""A check that frames change: pictures read from the wrong place or thresholded wrongly never do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.rewards.source import FrameReader
from morphsim.warn import warn_user

FRAMES_BEFORE_WARNING = 20
"""Frames of each environment."""


class FrameWatch:
    """Warns once if every frame holds a single phase, or if all frames are equal."""

    def __init__(self) -> None:
        self._first: dict[int, NDArray[Any]] = {}
        self._counts: dict[int, int] = {}
        self._phases: set[int] = set()
        self._one_phase = self._constant = True

    @property
    def active(self) -> bool:
        """Whether a warning is still possible."""
        return self._one_phase or self._constant

    def update(self, frames: NDArray[Any], indices: Sequence[int], reader: FrameReader) -> None:
        """Take new frames into account.

        Args:
            frames: (M, H, W) or (M, C, H, W), after steps only, since frames at reset are often alike.
            indices: (M,) indices of their environments.
            reader: reader of these frames.

        Warns:
            UserWarning: after `FRAMES_BEFORE_WARNING` frames of each environment.
        """
        if not len(frames) or not self.active:
            return
        if self._one_phase:
            corners = frames[..., :1, :1]
            self._one_phase = bool((frames == corners).all())
            self._phases |= set(np.unique(corners).tolist())
        for frame, index in zip(frames, indices, strict=True):
            first = self._first.setdefault(index, frame)
            self._constant = self._constant and bool(np.array_equal(frame, first))
            self._counts[index] = self._counts.get(index, 0) + 1
        if self.active and min(self._counts.values()) >= FRAMES_BEFORE_WARNING:
            self._warn(sum(self._counts.values()), reader)
            self._one_phase = self._constant = False
            self._first.clear()

    def _warn(self, count: int, reader: FrameReader) -> None:
        finding = f"the first {count} frames are all the same"
        if self._one_phase:
            phase = "one phase" if len(self._phases) > 1 else "donor" if 1 in self._phases else "acceptor"
            finding = f"every one of the first {count} frames is all {phase}"
        picture, made = reader.picture, reader.binarisation
        low, high = (picture.min(), picture.max()) if picture.size else (0, 0)
        warn_user(
            f"{finding}, so the latents carry no information: the last picture's values run from {low} to "
            f"{high}, and pictures are binarised with frame_threshold={made.threshold:g} and "
            f"invert={made.invert}; set these to suit the pictures, or name another source of frames with "
            "frame="
        )
