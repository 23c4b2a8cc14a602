"""Real films and the same films upside down: only what knows the top from the bottom tells them apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.similarity.judging.judged import JudgedFrames, shows_something
from morphsim.similarity.judging.projection import checked_vectors
from morphsim.similarity.judging.shares import Share, mean_share
from morphsim.similarity.judging.triplets import grouped_shares

_DEVIATIONS = 2.0


def layered_films(judged: JudgedFrames) -> NDArray[np.int64]:
    """Numbers of the last frames of recipes that put one phase on one side in all of their films.

    Where layering is a toss of a coin a film is as likely to be made upside down, and nothing could tell. A
    recipe counts as layered where donor in the upper half less that in the lower half lies two standard
    deviations of its films away from zero.
    """
    chosen = np.flatnonzero(judged.last & shows_something(judged.frames))
    height = judged.shape[0]
    frames = judged.frames[chosen]
    upper = frames[:, : height // 2].mean(axis=(1, 2), dtype=np.float64)
    lower = frames[:, height - height // 2 :].mean(axis=(1, 2), dtype=np.float64)
    uneven = upper - lower
    kept = np.zeros(len(chosen), bool)
    for recipe in np.unique(judged.recipe[chosen]):
        films = judged.recipe[chosen] == recipe
        spread = float(uneven[films].std())
        kept |= films & (films.sum() > 1) & (abs(float(uneven[films].mean())) > _DEVIATIONS * spread)
    return np.asarray(chosen[kept])


def upside_down_triplets(
    vectors: ArrayLike, turned: ArrayLike, recipe: NDArray[np.int64], film: NDArray[np.int64]
) -> Share:
    """Share of triplets in which a film is nearer to one of its recipe than to one turned upside down.

    Anchor, positive and negative are different films of one recipe, the negative turned if the anchor is not
    and the other way round. Area fraction, interface length and wavenumber do not change when a film is
    turned, so that they score exactly one half.

    Args:
        vectors: (N, D) of last frames of films.
        turned: (N, D) of the same frames upside down.
        recipe: (N,).
        film: (N,).
    """
    own = checked_vectors(vectors, count=len(recipe))
    both = np.concatenate([own, checked_vectors(turned, count=len(recipe))])
    pose = np.repeat([0, 1], len(recipe))
    shares, comparisons = grouped_shares(
        both,
        pose,
        group=np.tile(recipe, 2),
        positive_apart=np.tile(film, 2),
        negative_apart=np.tile(film, 2),
    )
    return mean_share(shares, np.tile(recipe, 2), comparisons=comparisons)
