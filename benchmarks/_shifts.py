"""How far the mean latent of two groups of films lies apart, and how far it would by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.rewards.metric import LatentMetric

_PERMUTATIONS = 2000


@dataclass(frozen=True)
class Shift:
    """The distance between the mean latents of two groups, in the encoder's unit.

    Attributes:
        shift: of the groups.
        chance: median of groups that differ by chance alone: of the same films, each less the mean of its
            group, in random groups of the same sizes.
        rank: share of random groups of the same films whose means lie at least as far apart: small if
            chance hardly gives such a shift.
        scatter: mean distance of a film from the mean of its group.
    """

    shift: float
    chance: float
    rank: float
    scatter: float


def mean_shift(
    first: NDArray[np.float32], second: NDArray[np.float32], metric: LatentMetric, *, seed: int = 0
) -> Shift:
    """Compare the means of two groups of latents (N, D) and (M, D), of at least two films each."""
    groups: Any = [np.asarray(group, np.float64) for group in (first, second)]
    # Deviations from the mean of n films are too small by the square root of (n - 1)/n.
    centred = [(group - group.mean(axis=0)) * np.sqrt(len(group) / (len(group) - 1)) for group in groups]
    pooled, noise = np.concatenate(groups), np.concatenate(centred)
    shift = float(metric(groups[0].mean(axis=0), groups[1].mean(axis=0)))
    random = np.random.default_rng(seed)
    places = np.array([random.permutation(len(pooled)) for _ in range(_PERMUTATIONS)])
    left, right = places[:, : len(first)], places[:, len(first) :]
    permuted = metric(pooled[left].mean(axis=1), pooled[right].mean(axis=1))
    by_chance = metric(noise[left].mean(axis=1), noise[right].mean(axis=1))
    return Shift(
        shift=shift,
        chance=float(np.median(by_chance)),
        rank=float((permuted >= shift * (1.0 - 1e-6)).mean()),
        scatter=float(metric(noise, np.zeros(noise.shape[1])).mean()),
    )
