"""Triplets: is a frame nearer to one that the same recipe made from other noise than to another recipe's?"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from morphsim.similarity.judging.judged import JudgedFrames, Moments, shows_something
from morphsim.similarity.judging.projection import Vectors, checked_vectors
from morphsim.similarity.judging.shares import Share, mean_share

Negative = Literal["recipe", "moment"]

# Latents are float32: distances that differ by less than rounding of the coordinates are equal.
_TIE = 1e-6


def recipe_triplets(
    vectors: ArrayLike, judged: JudgedFrames, *, negative: Negative = "recipe", moments: Moments = "all"
) -> Share:
    """Share of all triplets in which the positive lies nearer to the anchor than the negative.

    Anchor and positive are of one recipe and moment and of different films. The negative is of another recipe
    at the same moment (`recipe`), or of the same recipe at another moment, the anchor's own film included
    (`moment`). Nothing is drawn at random: for each anchor all its triplets are counted, and anchors count
    alike. Equal distances count one half, so that vectors that tell nothing score one half. Frames of a
    single phase are left out.

    Args:
        vectors: (N, D) of all frames.
        judged: their labels.
        negative: what the negative differs in.
        moments: `last` for the last frames of the films alone.

    Raises:
        InputError: vectors that do not fit the frames.
    """
    checked = checked_vectors(vectors, count=len(judged))
    asked = judged.last if moments == "last" else np.ones(len(judged), bool)
    used = asked & shows_something(judged.frames)
    alike = (judged.moment if negative == "recipe" else judged.recipe)[used]
    label = (judged.recipe if negative == "recipe" else judged.moment)[used]
    shares, comparisons = grouped_shares(
        checked[used], label, group=alike, positive_apart=judged.trajectory[used]
    )
    return mean_share(
        shares,
        judged.recipe[used],
        comparisons=comparisons,
        left_out=int(asked.sum() - used.sum()),
    )


def grouped_shares(
    vectors: Vectors,
    label: NDArray[Any],
    *,
    group: NDArray[Any],
    positive_apart: NDArray[Any],
    negative_apart: NDArray[Any] | None = None,
) -> tuple[NDArray[np.float64], int]:
    """For each anchor the share of its triplets that hold, all frames of a triplet from one group.

    Args:
        vectors: (N, D).
        label: (N,) equal for anchor and positive, another for the negative.
        group: (N,) equal for all three.
        positive_apart: (N,) different for anchor and positive.
        negative_apart: (N,) different for anchor and negative; None asks for nothing.

    Returns:
        (N,) shares, NaN for anchors without a positive or a negative, and the number of triplets.
    """
    shares = np.full(len(vectors), np.nan)
    tolerance = _TIE * float(np.abs(vectors).max(initial=0.0))
    comparisons = 0
    for each in np.unique(group):
        members = np.flatnonzero(group == each)
        distances = cdist(vectors[members], vectors[members])
        same = label[members][:, None] == label[members]
        positive = same & (positive_apart[members][:, None] != positive_apart[members])
        negative = ~same
        if negative_apart is not None:
            negative &= negative_apart[members][:, None] != negative_apart[members]
        for row, anchor in enumerate(members):
            near, far = distances[row, positive[row]], np.sort(distances[row, negative[row]])
            if len(near) and len(far):
                shares[anchor] = _share_below(near, far, tolerance)
                comparisons += len(near) * len(far)
    return shares, comparisons


def _share_below(near: NDArray[Any], far: NDArray[Any], tolerance: float) -> float:
    """Share of pairs with near < far, ties one half; `far` ascends."""
    above = len(far) - np.searchsorted(far, near + tolerance, side="right")
    below = np.searchsorted(far, near - tolerance, side="left")
    return float((len(far) + above - below).mean() / (2.0 * len(far)))
