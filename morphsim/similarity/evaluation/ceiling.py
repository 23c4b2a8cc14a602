"""The ceiling: the score of a classifier that was trained on the evaluated recipes themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.lazy import renamed_argument
from morphsim.similarity.evaluation.bootstrap import BootstrapMean, bootstrap_mean
from morphsim.similarity.evaluation.frames import EvaluationFrames, Moments, halves, has_both_phases
from morphsim.similarity.evaluation.projection import Standardisation, Vectors, checked_vectors
from morphsim.similarity.evaluation.triplets import Negative, grouped_shares

_SHRINKAGES = (0.1, 0.01, 0.5)


@dataclass(frozen=True, eq=False)
class FisherScaling:
    """Fisher's discriminants, each scaled by the fraction of its variance that is due to the class.

    Within classes every discriminant has variance 1. A discriminant with variance b between the class means
    is multiplied by (b / (1 + b))^(1/2), or by 0 if b is no larger than chance allows, that is, than the
    largest eigenvalue of a random covariance matrix (Marchenko and Pastur, Math. USSR Sbornik 1 (1967) 457,
    doi 10.1070/SM1967v001n04ABEH001994). The largest discriminant is always kept.

    Attributes:
        standardisation: of the features.
        directions: (D, K).
    """

    standardisation: Standardisation
    directions: Vectors

    @classmethod
    def fit(
        cls, features: ArrayLike, classes: NDArray[Any], groups: NDArray[Any], *, shrinkage: float
    ) -> FisherScaling:
        """Find the discriminants of the classes within each group.

        Args:
            features: (N, D).
            classes: (N,), each class inside one group.
            groups: (N,); differences between groups are ignored.
            shrinkage: weight of the identity, times the mean variance, in the covariance within classes,
                which few frames determine badly.
        """
        standardisation = Standardisation.fit(features)
        scaled = standardisation(features)
        means, sizes = _means(scaled, classes)
        _, group = np.unique(groups, return_inverse=True)
        _, member = np.unique(classes, return_inverse=True)
        deviations = scaled - means[member]
        freedom = max(1, len(scaled) - len(means))
        within = deviations.T @ deviations / freedom
        features_count = within.shape[0]
        within = (1.0 - shrinkage) * within + shrinkage * np.eye(features_count) * max(
            float(np.trace(within)) / features_count, 1e-12
        )
        group_means, _ = _means(scaled, groups)
        apart = means[member] - group_means[group]
        between = apart.T @ apart / len(scaled)
        sizes_w, vectors_w = np.linalg.eigh(within)
        whitening = vectors_w / np.sqrt(sizes_w)
        sizes_b, vectors_b = np.linalg.eigh(whitening.T @ between @ whitening)
        # Sample means differ even if classes are the same, by up to this much in the worst direction.
        freedom_between = max(1, len(means) - len(np.unique(groups)))
        chance = (1.0 + np.sqrt(features_count / freedom_between)) ** 2 / float(sizes.mean())
        true = np.where(sizes_b > min(chance, 0.999 * float(sizes_b[-1])), sizes_b, 0.0)
        return cls(standardisation, whitening @ vectors_b * np.sqrt(true / (1.0 + true)))

    def __call__(self, features: ArrayLike) -> Vectors:
        """Map (N, D) to (N, K)."""
        return np.asarray(self.standardisation(features) @ self.directions)


@renamed_argument("judged", "labelled")
def triplet_ceiling(
    features: Mapping[str, ArrayLike],
    labelled: EvaluationFrames,
    *,
    negative: Negative = "recipe",
    moments: Moments = "all",
) -> BootstrapMean:
    """Estimate the share of triplets that the best possible metric would order correctly.

    Films of one recipe differ by chance, so no metric can reach 1. Fisher's discriminants of the evaluated
    recipes are fitted to half of the films of each recipe and order the triplets of the other half; then the
    halves are swapped. The features (each kind alone or all together), the shrinkage of their covariance, and
    whether all moments (or recipes) share one scaling are selected within the training half. The result is an
    estimate: few films and a linear rule bias it downward, and an embedding that holds more information than
    the features may exceed it.

    Args:
        features: kinds of features (N, D) by name.
        labelled: the frames.
        negative: as in `recipe_triplets`.
        moments: as in `recipe_triplets`.

    Raises:
        InputError: features that do not fit the frames.
    """
    asked = labelled.last if moments == "last" else np.ones(len(labelled), bool)
    used = asked & has_both_phases(labelled.frames)
    kinds = [_tamed(checked_vectors(each, count=len(labelled))[used]) for each in features.values()]
    if len(kinds) > 1:
        kinds.append(np.concatenate(kinds, axis=1))
    kept = labelled.select(used)
    task = _Task(
        label=kept.recipe if negative == "recipe" else kept.moment,
        group=kept.moment if negative == "recipe" else kept.recipe,
        film=kept.trajectory,
    )
    shares = np.full(len(kept), np.nan)
    comparisons = 0
    first, second = halves(kept)
    for known, other in ((first, second), (second, first)):
        if not known.any() or not other.any():
            continue
        rule = _best_rule(kinds, task, kept, known)
        shares[other], count = rule.order(kinds, task, known, other)
        comparisons += count
    return bootstrap_mean(
        shares, kept.recipe, comparisons=comparisons, left_out=int(asked.sum() - used.sum())
    )


@dataclass(frozen=True, eq=False)
class _Task:
    """Labels that define the triplets, each (N,)."""

    label: NDArray[np.int64]
    group: NDArray[np.int64]
    film: NDArray[np.int64]


@dataclass(frozen=True)
class _Rule:
    """A choice of features, shrinkage and scaling."""

    kind: int
    shrinkage: float
    separate: bool

    def order(
        self,
        kinds: Sequence[Vectors],
        task: _Task,
        known: NDArray[np.bool_],
        asked: NDArray[np.bool_],
    ) -> tuple[NDArray[np.float64], int]:
        """Fit to the frames `known`; return the shares of the frames `asked` and the number of triplets."""
        values = kinds[self.kind]
        shares = np.full(len(values), np.nan)
        comparisons = 0
        for part in np.unique(task.group) if self.separate else [None]:
            inside = np.ones(len(values), bool) if part is None else task.group == part
            learnt, rest = inside & known, inside & asked
            pairs = np.stack([task.group[learnt], task.label[learnt]])
            classes = np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1)
            if not rest.any() or not len(classes) or classes.max() + 1 >= len(classes):
                continue
            scaling = FisherScaling.fit(values[learnt], classes, task.group[learnt], shrinkage=self.shrinkage)
            shares[rest], count = grouped_shares(
                scaling(values[rest]),
                task.label[rest],
                group=task.group[rest],
                positive_apart=task.film[rest],
            )
            comparisons += count
        return shares[asked], comparisons


def _best_rule(
    kinds: Sequence[Vectors], task: _Task, kept: EvaluationFrames, known: NDArray[np.bool_]
) -> _Rule:
    """Select the best rule by two-fold cross-validation within the known films."""
    rows = np.flatnonzero(known)
    parts = []
    for half in halves(kept.select(known)):
        mask = np.zeros(len(known), bool)
        mask[rows[half]] = True
        parts.append(mask)
    # Of equally good rules the first one is taken: all features, if half of the films are too few to tell.
    rules = [
        _Rule(kind, shrinkage, separate)
        for kind in reversed(range(len(kinds)))
        for shrinkage in _SHRINKAGES
        for separate in (False, True)
    ]
    return max(rules, key=lambda rule: _reached(rule, kinds, task, parts))


def _reached(rule: _Rule, kinds: Sequence[Vectors], task: _Task, parts: Sequence[NDArray[np.bool_]]) -> float:
    orders = [rule.order(kinds, task, one, other)[0] for one, other in (parts, parts[::-1])]
    shares = np.concatenate(orders)
    # Anchors that a rule can't score count as chance.
    return float(np.where(np.isfinite(shares), shares, 0.5).mean()) if len(shares) else 0.0


def _tamed(values: Vectors) -> Vectors:
    """Damp outliers: inverse hyperbolic sine of features in units of their interquartile range."""
    if not len(values):
        return values
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    spread = np.where(high > low, high - low, np.maximum(values.std(axis=0), 1e-300))
    return np.asarray(np.arcsinh((values - middle) / spread))


def _means(values: Vectors, classes: NDArray[Any]) -> tuple[Vectors, NDArray[np.int64]]:
    """Mean and number of vectors of each class, in the order of `np.unique`."""
    _, member, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, member, values)
    return sums / sizes[:, None], sizes
