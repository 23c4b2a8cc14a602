"""Rank correlation of an embedding's distances with differences of physical descriptors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.errors import InputError
from morphsim.similarity.descriptors import area_fraction, interface_length, mean_wavenumber
from morphsim.similarity.descriptors import two_point_statistics as two_point
from morphsim.similarity.evaluation.frames import has_both_phases
from morphsim.similarity.evaluation.nuisance import random_pairs
from morphsim.similarity.evaluation.projection import Vectors, checked_vectors
from morphsim.types import Boundary

PAIRS = 20_000


def rank_correlation(vectors: ArrayLike, differences: ArrayLike, pairs: NDArray[np.int64]) -> float:
    """Spearman's rank correlation of distances with differences, over pairs of frames.

    Args:
        vectors: (N, D).
        differences: (P,) of the pairs.
        pairs: (P, 2) frame numbers.

    Returns:
        -1 to 1; NaN if either does not vary.
    """
    from scipy.stats import rankdata

    checked = checked_vectors(vectors)
    if len(pairs) < 2:
        return float("nan")
    apart = np.linalg.norm(checked[pairs[:, 0]] - checked[pairs[:, 1]], axis=1)
    ranks = [rankdata(values) - (len(pairs) + 1) / 2 for values in (apart, np.asarray(differences))]
    sizes = [float(np.linalg.norm(values)) for values in ranks]
    if min(sizes) == 0.0:
        return float("nan")
    return float(ranks[0] @ ranks[1] / (sizes[0] * sizes[1]))


def known_features(frames: NDArray[np.uint8], *, boundary: Boundary) -> dict[str, Vectors]:
    """Compute the features that distances are correlated with, each (N, K).

    They are the two-point statistics and three descriptors.

    Interface length and domain size enter as logarithms. All frames must hold both phases.

    Raises:
        InputError: a frame of a single phase.
    """
    if not has_both_phases(frames).all():
        raise InputError("a frame holds a single phase and has no interface; leave such frames out")
    statistics = two_point(frames, boundary=boundary).reshape(len(frames), -1)
    return {
        "two_point_statistics": statistics,
        "interface_length": np.log(interface_length(frames, boundary=boundary))[:, None],
        "phase_fraction": area_fraction(frames, boundary=boundary)[:, None],
        "domain_size": -np.log(mean_wavenumber(frames, boundary=boundary))[:, None],
    }


def known_differences(
    features: Mapping[str, Vectors], *, seed: int = 0, pairs: int = PAIRS
) -> tuple[NDArray[np.int64], dict[str, Vectors]]:
    """Draw pairs of frames and compute the distance of each feature within each pair.

    Args:
        features: (N, K) each.
        seed: of the pairs.
        pairs: number of pairs, P.

    Returns:
        The pairs (P, 2), and by name the Euclidean distance of the features of each pair (P,).
    """
    count = len(next(iter(features.values())))
    drawn = random_pairs(count, pairs, np.random.default_rng(seed))
    return drawn, {
        name: np.linalg.norm(values[drawn[:, 0]] - values[drawn[:, 1]], axis=1)
        for name, values in features.items()
    }
