"""Retrieval: are the nearest neighbours of a frame of the same recipe?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from morphsim.lazy import renamed_argument
from morphsim.similarity.evaluation.bootstrap import BootstrapMean, bootstrap_mean
from morphsim.similarity.evaluation.frames import EvaluationFrames, has_both_phases
from morphsim.similarity.evaluation.projection import checked_vectors

Relevant = Literal["recipe_and_moment", "recipe"]

_QUERIES_AT_ONCE = 256


@dataclass(frozen=True)
class Retrieval:
    """Retrieval accuracy.

    Attributes:
        precision_at_1: share of queries whose nearest frame is relevant.
        mean_average_precision: MAP@R; see `retrieval`.
    """

    precision_at_1: BootstrapMean
    mean_average_precision: BootstrapMean

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "precision_at_1": self.precision_at_1.to_dict(),
            "mean_average_precision_at_r": self.mean_average_precision.to_dict(),
        }


@renamed_argument("judged", "labelled")
def retrieval(
    vectors: ArrayLike, labelled: EvaluationFrames, *, relevant: Relevant = "recipe_and_moment", seed: int = 0
) -> Retrieval:
    """Search for every frame among the frames of all other films.

    With R relevant frames in the index, average precision at R is the mean over the first R places of
    (precision up to the place if the frame there is relevant, else 0); it is 1 only if all R come first
    (Musgrave, Belongie and Lim 2020, https://doi.org/10.1007/978-3-030-58595-2_41, equation 1). Frames at
    equal distances are ranked in random order. Frames of a single phase are neither queries nor in the index.

    Args:
        vectors: (N, D) of all frames.
        labelled: their labels.
        relevant: whether a relevant frame must share the query's moment too.
        seed: of the order of frames at equal distances.

    Raises:
        InputError: vectors that do not fit the frames.
    """
    used = has_both_phases(labelled.frames)
    own = checked_vectors(vectors, count=len(labelled))[used]
    recipe, moment, film = labelled.recipe[used], labelled.moment[used], labelled.trajectory[used]
    order = np.random.default_rng(seed).permutation(len(own))
    first, average = np.full(len(own), np.nan), np.full(len(own), np.nan)
    for start in range(0, len(own), _QUERIES_AT_ONCE):
        rows = np.arange(start, min(start + _QUERIES_AT_ONCE, len(own)))
        distances = cdist(own[rows], own[order])
        # The query's own film is ranked last.
        distances[film[rows][:, None] == film[order]] = np.inf
        wanted = recipe[rows][:, None] == recipe[order]
        if relevant == "recipe_and_moment":
            wanted &= moment[rows][:, None] == moment[order]
        wanted &= np.isfinite(distances)
        ranked = np.take_along_axis(wanted, np.argsort(distances, axis=1, kind="stable"), axis=1)
        first[rows], average[rows] = _precisions(ranked)
    left_out = int((~used).sum())
    return Retrieval(
        precision_at_1=bootstrap_mean(first, recipe, left_out=left_out),
        mean_average_precision=bootstrap_mean(average, recipe, left_out=left_out),
    )


def _precisions(ranked: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Precision at 1 and average precision at R of each row; NaN if no frame is relevant."""
    relevant = ranked.sum(axis=1)
    places = np.arange(1, ranked.shape[1] + 1)
    precision = np.cumsum(ranked, axis=1) / places
    counted = ranked & (places <= relevant[:, None])
    found = relevant > 0
    average = np.where(counted, precision, 0.0).sum(axis=1) / np.maximum(relevant, 1)
    return np.where(found, ranked[:, 0], np.nan), np.where(found, average, np.nan)
