"""Whether frames ever change: a picture cut at the wrong grey value, or from the wrong place, never does."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.rewards.source import FrameReader

LEAST = 20
"""Frames of each environment before anything is said."""


class FrameWatch:
    """Warns once of environments whose frames hold one phase each, or are all the same."""

    def __init__(self) -> None:
        self._first: dict[int, NDArray[Any]] = {}
        self._seen: dict[int, int] = {}
        self._phases: set[int] = set()
        self._one_phase = self._constant = True

    @property
    def looks(self) -> bool:
        """Whether anything may still be said."""
        return self._one_phase or self._constant

    def see(self, frames: NDArray[Any], rows: Sequence[int], reader: FrameReader) -> None:
        """Look at frames.

        Args:
            frames: (M, H, W) or (M, C, H, W) that steps have led to; those that resets show are often alike.
            rows: (M,) numbers of their environments.
            reader: of these frames.

        Warns:
            UserWarning: after `LEAST` frames of each environment.
        """
        if not len(frames) or not self.looks:
            return
        if self._one_phase:
            corners = frames[..., :1, :1]
            self._one_phase = bool((frames == corners).all())
            self._phases |= set(np.unique(corners).tolist())
        for frame, row in zip(frames, rows, strict=True):
            first = self._first.setdefault(row, frame)
            self._constant = self._constant and bool(np.array_equal(frame, first))
            self._seen[row] = self._seen.get(row, 0) + 1
        if self.looks and min(self._seen.values()) >= LEAST:
            self._warn(sum(self._seen.values()), reader)
            self._one_phase = self._constant = False
            self._first.clear()

    def _warn(self, count: int, reader: FrameReader) -> None:
        what = f"the first {count} frames are all the same"
        if self._one_phase:
            phase = "one phase" if len(self._phases) > 1 else "donor" if 1 in self._phases else "acceptor"
            what = f"every one of the first {count} frames is all {phase}"
        picture, made = reader.picture, reader.binarisation
        low, high = (picture.min(), picture.max()) if picture.size else (0, 0)
        warnings.warn(
            f"{what}, so that the latents tell nothing: the last picture's values run from {low} to {high}, "
            f"and pictures are cut at frame_threshold={made.threshold:g} with invert={made.invert}; set "
            "these as the pictures need it, or name another source of frames with frame=",
            UserWarning,
            stacklevel=5,
        )
