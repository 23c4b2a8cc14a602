"""Chord lengths: lengths of the segments of a line that lie in one phase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.checks import whole_number
from morphsim.similarity.descriptors.frames import Frames, Values, checked_frames
from morphsim.types import Boundary


@dataclass(frozen=True, eq=False, kw_only=True)
class ChordLengths:
    """Chords of each frame; axes are direction (along x, along the depth) and phase (donor, acceptor)."""

    share: Values
    """(N, 2, 2, B) fraction of the frame's pixels in chords of each bin; the sum over the bins is the
    fraction of the phase."""
    mean: Values
    """(N, 2, 2) mean length of the chords [pixel]; NaN if the phase is absent."""
    edges: NDArray[np.int64]
    """(B,) the smallest length in each bin [pixel]: 1, 2, 4, ...; the last bin has no upper limit."""


def chord_lengths(frames: ArrayLike, *, boundary: Boundary, bins: int = 10) -> ChordLengths:
    """Measure all chords, that is, runs of pixels of one phase, along x and along the depth.

    A chord across the seam of a periodic film is one chord, and a periodic row of one phase is a chord as
    long as the film. Chords end at walls and electrodes and are counted with the length inside the film. The
    histogram is weighted by length: it is the distribution of the chord on which a random pixel lies. The
    mean is that of the chords themselves (Torquato, Random Heterogeneous Materials (2002), section 2.5,
    doi 10.1007/978-1-4757-6355-3).

    Args:
        frames: (N, H, W) of 0 and 1.
        boundary: lateral boundary condition.
        bins: number of bins of the histogram, each twice as wide as the one before.

    Raises:
        InputError: invalid frames, an unknown boundary, or fewer than 1 or more than 31 bins.
    """
    checked = checked_frames(frames, boundary)
    bins = whole_number("bins", bins, 1, 31)
    along = (
        _count(checked, periodic=boundary == "periodic", bins=bins),
        _count(checked.swapaxes(1, 2), periodic=False, bins=bins),
    )
    pixels, chords = (np.stack(counts, axis=1) for counts in zip(*along, strict=True))
    with np.errstate(invalid="ignore"):
        mean = pixels.sum(axis=-1) / chords
    return ChordLengths(
        share=pixels / (checked.shape[1] * checked.shape[2]),
        mean=mean,
        edges=2 ** np.arange(bins, dtype=np.int64),
    )


def _count(frames: Frames, *, periodic: bool, bins: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the pixels in chords of each bin, (N, 2, bins), and the chords, (N, 2), along the last axis."""
    count, lines, size = frames.shape
    flat = frames.reshape(count * lines, size)
    begins = np.ones(flat.shape, bool)
    np.not_equal(flat[:, 1:], flat[:, :-1], out=begins[:, 1:])
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=flat.size)
    if periodic:
        # The last run of a line continues in its first one, unless they are the same run.
        first = np.searchsorted(starts, np.arange(len(flat)) * size)
        last = np.append(first[1:], len(starts)) - 1
        joined = (flat[:, 0] == flat[:, -1]) & (first != last)
        lengths[first[joined]] += lengths[last[joined]]
        kept = np.ones(len(starts), bool)
        kept[last[joined]] = False
        starts, lengths = starts[kept], lengths[kept]
    phase = 2 * (starts // (lines * size)) + 1 - flat.reshape(-1)[starts]
    place = np.minimum(np.frexp(lengths)[1] - 1, bins - 1)
    # Sums of integers in double precision are exact.
    pixels = np.bincount(phase * bins + place, weights=lengths, minlength=2 * count * bins)
    chords = np.bincount(phase, minlength=2 * count)
    return pixels.astype(np.int64).reshape(count, 2, bins), chords.reshape(count, 2)
