"""Prediction of known properties of frames from their vectors, by neighbours and by ridge regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from morphsim.errors import InputError
from morphsim.similarity.evaluation.projection import Standardisation, Vectors, checked_vectors

Scale = Literal["each", "together"]
Method = Literal["neighbours", "ridge"]
METHODS: tuple[Method, ...] = ("neighbours", "ridge")
NEIGHBOURS = 5
RIDGE = 0.1


@dataclass(frozen=True)
class Prediction:
    """Accuracy of predictions for folds that were left out of the fit.

    Attributes:
        r2: of all frames together, 1 - squared errors / squared deviations from the overall mean.
        by_fold: the same of each fold alone, against the fold's own mean.
    """

    r2: float
    by_fold: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"r2": self.r2, "by_fold": dict(self.by_fold)}


def leave_one_out(
    vectors: ArrayLike,
    test_vectors: ArrayLike,
    values: ArrayLike,
    folds: NDArray[Any],
    *,
    method: Method,
    scale: Scale = "each",
) -> Prediction:
    """Predict the values of each fold from the other folds.

    Vectors are scaled by the mean and the standard deviation over the training folds. `neighbours` averages
    the five nearest; `ridge` is linear, with 0.1 times the squared coefficients added to the sum of squared
    errors.

    Args:
        vectors: (N, D) to fit to.
        test_vectors: (N, D) of the same frames, possibly transformed, to predict from.
        values: (N,) targets.
        folds: (N,) fold of each frame; a fold is left out as a whole.
        method: nearest neighbours or ridge regression.
        scale: standardise each feature, or divide all by one number, which keeps their proportions.

    Raises:
        InputError: shapes that do not fit, or fewer than two folds.
    """
    wanted = np.asarray(values, np.float64)
    own = checked_vectors(vectors, count=len(wanted))
    test = checked_vectors(test_vectors, count=len(wanted))
    names = np.unique(folds)
    if len(names) < 2:
        raise InputError(f"there is {len(names)} fold; leaving one out needs at least two")
    predicted = np.empty(len(wanted))
    rule = _neighbours if method == "neighbours" else _ridge
    for name in names:
        left_out = folds == name
        scaled = Standardisation.fit(own[~left_out])
        if scale == "together":
            scaled = Standardisation(scaled.mean, np.full_like(scaled.mean, own[~left_out].std()))
        predicted[left_out] = rule(scaled(own[~left_out]), wanted[~left_out], scaled(test[left_out]))
    return Prediction(
        r2=r_squared(wanted, predicted),
        by_fold={f"{name:g}": r_squared(wanted[folds == name], predicted[folds == name]) for name in names},
    )


def r_squared(values: NDArray[Any], predicted: NDArray[Any]) -> float:
    """1 - squared errors / squared deviations from the mean; NaN if the values do not vary."""
    spread = float(np.square(values - values.mean()).sum())
    return 1.0 - float(np.square(values - predicted).sum()) / spread if spread > 0.0 else float("nan")


def _neighbours(known: Vectors, values: Vectors, asked: Vectors) -> Vectors:
    nearest = np.argsort(cdist(asked, known), axis=1, kind="stable")[:, :NEIGHBOURS]
    return np.asarray(values[nearest].mean(axis=1))


def _ridge(known: Vectors, values: Vectors, asked: Vectors) -> Vectors:
    mean = values.mean()
    normal = known.T @ known + RIDGE * np.eye(known.shape[1])
    return np.asarray(asked @ np.linalg.solve(normal, known.T @ (values - mean)) + mean)
