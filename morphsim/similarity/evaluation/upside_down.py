"""Films and the same films upside down, which only a metric that tells top from bottom can separate."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.lazy import renamed_argument
from morphsim.similarity.evaluation.bootstrap import BootstrapMean, bootstrap_mean
from morphsim.similarity.evaluation.frames import EvaluationFrames, has_both_phases
from morphsim.similarity.evaluation.projection import checked_vectors
from morphsim.similarity.evaluation.triplets import grouped_shares

_DEVIATIONS = 2.0


@renamed_argument("judged", "labelled")
def layered_films(labelled: EvaluationFrames) -> NDArray[np.int64]:
    """Find the last frames of recipes that put the same phase on the same side in all of their films.

    If a recipe layers its films either way at random, an upside-down film is as likely as the film itself,
    and no metric could separate them. A recipe counts as layered if the donor fraction in the upper half
    minus that in the lower half differs from zero by more than two standard deviations over its films.

    Returns:
        Numbers of the frames.
    """
    chosen = np.flatnonzero(labelled.last & has_both_phases(labelled.frames))
    height = labelled.shape[0]
    frames = labelled.frames[chosen]
    upper = frames[:, : height // 2].mean(axis=(1, 2), dtype=np.float64)
    lower = frames[:, height - height // 2 :].mean(axis=(1, 2), dtype=np.float64)
    uneven = upper - lower
    kept = np.zeros(len(chosen), bool)
    for recipe in np.unique(labelled.recipe[chosen]):
        films = labelled.recipe[chosen] == recipe
        spread = float(uneven[films].std())
        kept |= films & (films.sum() > 1) & (abs(float(uneven[films].mean())) > _DEVIATIONS * spread)
    return np.asarray(chosen[kept])


def upside_down_triplets(
    vectors: ArrayLike, turned: ArrayLike, recipe: NDArray[np.int64], film: NDArray[np.int64]
) -> BootstrapMean:
    """Share of triplets in which a film is nearer to a film of its recipe than to an upside-down one.

    Anchor, positive and negative are different films of one recipe; either the anchor and the positive or the
    negative is upside down. Area fraction, interface length and wavenumber do not change when a film is
    turned, so they score exactly one half.

    Args:
        vectors: (N, D) of the last frames of films.
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
    return bootstrap_mean(shares, np.tile(recipe, 2), comparisons=comparisons)
