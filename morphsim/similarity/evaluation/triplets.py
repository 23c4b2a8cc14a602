"""Triplets: is a frame nearer to one of the same recipe with other noise than to one of another recipe?"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from morphsim.lazy import renamed_argument
from morphsim.similarity.evaluation.bootstrap import BootstrapMean, bootstrap_mean
from morphsim.similarity.evaluation.frames import EvaluationFrames, Moments, has_both_phases
from morphsim.similarity.evaluation.projection import Vectors, checked_vectors

Negative = Literal["recipe", "moment"]

# Latents are float32: distances that differ by less than the rounding of coordinates count as equal.
_TIE = 1e-6


@renamed_argument("judged", "labelled")
def recipe_triplets(
    vectors: ArrayLike, labelled: EvaluationFrames, *, negative: Negative = "recipe", moments: Moments = "all"
) -> BootstrapMean:
    """Share of all triplets in which the positive is nearer to the anchor than the negative.

    Anchor and positive are of one recipe and moment and of different films. The negative is of another recipe
    at the same moment (`recipe`), or of the same recipe at another moment, the anchor's own film included
    (`moment`). Nothing is sampled: all triplets of each anchor are counted, and anchors have equal weight.
    Equal distances count one half, so uninformative vectors score one half. Frames of a single phase are left
    out.

    Args:
        vectors: (N, D) of all frames.
        labelled: their labels.
        negative: how the negative differs from the anchor.
        moments: `last` for only the last frames of the films.

    Raises:
        InputError: vectors that do not fit the frames.
    """
    checked = checked_vectors(vectors, count=len(labelled))
    asked = labelled.last if moments == "last" else np.ones(len(labelled), bool)
    used = asked & has_both_phases(labelled.frames)
    alike = (labelled.moment if negative == "recipe" else labelled.recipe)[used]
    label = (labelled.recipe if negative == "recipe" else labelled.moment)[used]
    shares, comparisons = grouped_shares(
        checked[used], label, group=alike, positive_apart=labelled.trajectory[used]
    )
    return bootstrap_mean(
        shares,
        labelled.recipe[used],
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
    """For each anchor, the share of its triplets that hold; all frames of a triplet are of one group.

    Args:
        vectors: (N, D).
        label: (N,) equal for anchor and positive, different for the negative.
        group: (N,) equal for all three.
        positive_apart: (N,) different for anchor and positive.
        negative_apart: (N,) different for anchor and negative; None for no such condition.

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
