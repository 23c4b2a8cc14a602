"""How far the last latents of films follow from their schedules, by a model measured on new films."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from morphsim.agents.steering.library import FilmLibrary
from morphsim.errors import InputError

Values = NDArray[np.float64]

EDGES = (0.0, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 1.0)
"""Drynesses between the windows; of films that don't dry, shares of the steps."""
FOLDS = 4
_TREES = 300
_RIDGE = 0.01
_SHORTEST = 1e-2
TIME = "time"


@dataclass(frozen=True, kw_only=True)
class Features:
    """What the films of a library went through."""

    values: Values
    """(N, F)."""
    groups: Mapping[str, NDArray[np.int64]]
    """Columns of each knob by name, and of `time`."""


@dataclass(frozen=True, kw_only=True)
class Steerability:
    """What schedules explain of the last latents, on films that the model has not seen."""

    explained: float
    """Share of the variance of the latents (R2)."""
    directions: tuple[float, ...]
    """R2 of each canonical direction, the best explained first, mean over the folds."""
    lost: Mapping[str, float]
    """By which the explained share falls if the features of a knob are permuted among the films."""


def import_sklearn() -> ModuleType:
    """Import scikit-learn.

    Raises:
        InputError: it isn't installed.
    """
    try:
        import sklearn.ensemble
        import sklearn.model_selection
    except ImportError as error:
        raise InputError(
            "the benchmark steerability needs scikit-learn; install it with pip install 'morphsim[bench]'"
        ) from error
    module: ModuleType = sklearn
    return module


def window_features(library: FilmLibrary, knobs: tuple[str, ...], duration: float) -> Features:
    """For each window of dryness the logarithm of the time spent there and the mean of each knob's position.

    A step that crosses windows is divided among them evenly in dryness.

    Args:
        library: the films.
        knobs: names of the knobs, in the order of the action; positions of logarithmic knobs are logarithms.
        duration: longest time of a film [units of time], by which the state has the time.
    """
    films, steps = library.actions.shape[:2]
    # The state has log(1 + t) / log(1 + duration).
    time = np.expm1(library.states[:, :, library.sensors.index("time")] * np.log1p(duration)).astype(
        np.float64
    )
    if "dryness" in library.sensors:
        place = library.states[:, :, library.sensors.index("dryness")].astype(np.float64)
    else:
        place = np.broadcast_to(np.arange(steps + 1) / steps, (films, steps + 1))
    spent = np.diff(time, axis=1)[:, :, None] * overlap(place[:, :-1], place[:, 1:])
    total = spent.sum(axis=1)
    means = np.einsum("ntw,ntk->nwk", spent, library.actions.astype(np.float64))
    means = np.divide(means, total[:, :, None], out=np.zeros_like(means), where=total[:, :, None] > 0.0)
    windows = len(EDGES) - 1
    columns = np.arange((1 + len(knobs)) * windows).reshape(-1, windows)
    return Features(
        values=np.concatenate([np.log(total + _SHORTEST * total.mean()), *np.moveaxis(means, 2, 0)], axis=1),
        groups=dict(zip((TIME, *knobs), columns, strict=True)),
    )


def overlap(begins: Values, ends: Values) -> Values:
    """The share of steps (N, T) in each window, (N, T, W); a step that goes back lies where it ends."""
    low, high = np.array(EDGES[:-1]), np.array(EDGES[1:])
    first, last = begins[:, :, None], np.minimum(ends, EDGES[-1])[:, :, None]
    inside = np.minimum(last, high) - np.maximum(first, low)
    length = last - first
    moved = length > 1e-9
    shares = np.divide(np.maximum(inside, 0.0), length, out=np.zeros_like(inside), where=moved)
    window = np.clip(np.searchsorted(EDGES, np.minimum(ends, EDGES[-1]), side="left") - 1, 0, len(low) - 1)
    still = np.arange(len(low)) == window[:, :, None]
    return np.where(moved, shares, still)


def measure_steerability(
    features: Features,
    latents: NDArray[np.floating[Any]],
    *,
    directions: int = 6,
    trees: int = _TREES,
    seed: int = 0,
) -> Steerability:
    """Explain latents by features in cross-validation with ensembles of extremely randomised trees.

    Geurts, Ernst and Wehenkel 2006, doi 10.1007/s10994-006-6226-1. Canonical directions are those in which
    predictions for films of the training folds, made in a cross-validation of their own, explain most of the
    variance; they are measured on the films of the other fold.

    Args:
        features: of N films.
        latents: (N, D).
        directions: number of canonical directions.
        trees: of an ensemble.
        seed: of folds, trees and permutations.

    Raises:
        InputError: too few films, or scikit-learn isn't installed.
    """
    sklearn = import_sklearn()
    x, z = features.values, np.asarray(latents, np.float64)
    if len(x) < 2 * FOLDS:
        raise InputError(f"there are {len(x)} films; make at least {2 * FOLDS}")

    def fitted(rows: NDArray[np.int64]) -> Any:
        # The directions of large spread count most, as they do in a latent distance.
        return sklearn.ensemble.ExtraTreesRegressor(
            trees, min_samples_leaf=2, max_features=0.5, random_state=seed, n_jobs=1
        ).fit(x[rows], z[rows])

    folds = sklearn.model_selection.KFold(FOLDS, shuffle=True, random_state=seed)
    inner = sklearn.model_selection.KFold(FOLDS, shuffle=True, random_state=seed + 1)
    generator = np.random.default_rng(seed)
    predicted = np.empty_like(z)
    permuted = {name: np.empty_like(z) for name in features.groups}
    by_direction = []
    for train, test in folds.split(x):
        model = fitted(train)
        predicted[test] = model.predict(x[test])
        for name, columns in features.groups.items():
            mixed = x[test].copy()
            mixed[:, columns] = x[generator.permutation(test)][:, columns]
            permuted[name][test] = model.predict(mixed)
        within = np.empty_like(z[train])
        for rows, others in inner.split(train):
            within[others] = fitted(train[rows]).predict(x[train[others]])
        axes = canonical_directions(within, z[train])[:, :directions]
        by_direction.append(explained(predicted[test] @ axes, z[test] @ axes))
    everything = share(predicted, z)
    return Steerability(
        explained=everything,
        directions=tuple(np.mean(by_direction, axis=0).tolist()),
        lost={name: everything - share(values, z) for name, values in permuted.items()},
    )


def canonical_directions(predicted: Values, true: Values) -> Values:
    """Directions (D, D) in which predictions explain most of the variance, as columns, the best first.

    They solve C(p, z) a = λ (C(z, z) + ridge) a with the symmetric part of the covariance of predictions p
    (N, D) and true values z (N, D): λ is the regression slope's share of the variance along a.
    """
    size = true.shape[1]
    p, z = predicted - predicted.mean(axis=0), true - true.mean(axis=0)
    cross, own = p.T @ z / len(z), z.T @ z / len(z)
    ridge = _RIDGE * np.trace(own) / size * np.eye(size)
    _, axes = eigh((cross + cross.T) / 2.0, own + ridge)
    return np.asarray(axes[:, ::-1])


def explained(predicted: Values, true: Values) -> Values:
    """R2 of each column (D,)."""
    return np.asarray(1.0 - ((true - predicted) ** 2).mean(axis=0) / true.var(axis=0))


def share(predicted: Values, true: Values) -> float:
    """R2 of all columns together."""
    return float(1.0 - ((true - predicted) ** 2).sum() / ((true - true.mean(axis=0)) ** 2).sum())


def ceiling(
    first: NDArray[np.floating[Any]], again: NDArray[np.floating[Any]], true: NDArray[np.floating[Any]]
) -> float:
    """The largest R2 that any model of schedule and material can have, from repeats with other noise.

    Args:
        first: (M, D) latents of films.
        again: (M, D) latents of their repeats.
        true: (N, D) latents of all films.
    """
    within = ((first.astype(np.float64) - again) ** 2).sum(axis=1).mean() / 2.0
    return float(1.0 - within / np.asarray(true, np.float64).var(axis=0).sum())
