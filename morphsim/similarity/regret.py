"""Regret: a distance from a target between repeats of the target's own recipe (0) and chance (1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from morphsim.checks import check_number
from morphsim.errors import InputError
from morphsim.similarity.evaluation.bootstrap import RESAMPLES, percentile_interval

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class BootstrapRegret:
    """The median regret over targets with its 95 % bootstrap interval."""

    value: float
    """The median over the targets that have a regret; NaN if none has."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    by_target: Values
    """(T,) regret of each target; NaN where repeats do not come nearer than chance."""

    @property
    def targets(self) -> int:
        """Number of targets in the median."""
        return int(np.isfinite(self.by_target).sum())

    @property
    def undefined(self) -> int:
        """Number of targets left out of it, whose repeats do not come nearer than chance."""
        return len(self.by_target) - self.targets

    def to_dict(self) -> dict[str, Any]:
        """Return the values for a report."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "targets": self.targets,
            "undefined": self.undefined,
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class ScreenedTargets:
    """Which targets can be reproduced by their own recipe."""

    reproducible: NDArray[np.bool_]
    """(T,) whether repeats come near enough."""
    ratio: Values
    """(T,) median distance of repeats over that of random films; infinite if random films are at 0."""

    @property
    def kept(self) -> int:
        """Number of reproducible targets."""
        return int(self.reproducible.sum())

    @property
    def dropped(self) -> int:
        """Number of irreproducible targets."""
        return len(self.reproducible) - self.kept


def regret(distance: ArrayLike, own: ArrayLike, random: ArrayLike) -> Values:
    """Return (d - d_own) / (d_random - d_own).

    0 is as good as repeating the target's own recipe with other noise, 1 no better than chance; values below
    0 are better than that recipe, values above 1 worse than chance.

    Args:
        distance: (...) distance d from a target.
        own: (...) distance of films made by the target's own recipe.
        random: (...) distance of random films.

    Returns:
        (...), broadcast; NaN where repeats do not come nearer than chance (own >= random).

    Examples:
        >>> regret([3.0, 1.0, 2.0], 1.0, [3.0, 3.0, 0.5]).tolist()
        [1.0, 0.0, nan]
    """
    d, low, high = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in (distance, own, random)))
    defined = high > low
    return np.asarray(np.divide(d - low, high - low, out=np.full(d.shape, np.nan), where=defined))


def bootstrap_regret(
    distances: Sequence[ArrayLike],
    own: Sequence[ArrayLike],
    random: Sequence[ArrayLike],
    *,
    seed: int = 0,
) -> BootstrapRegret:
    """Median over targets of the regret of the medians over each target's films, with its interval.

    A resample draws targets and, within each, films of all three kinds, all with replacement: films of one
    target are correlated, and each target has few of them (Efron and Tibshirani, An Introduction to the
    Bootstrap, 1993, chapter 8). A target that has no regret in a resample is left out of it.

    Args:
        distances: for each of T targets, (n,) distances of films of the judged policy.
        own: for each target, (n,) distances of films made by its own recipe with other noise.
        random: for each target, (n,) distances of random films.
        seed: of the resampling.

    Raises:
        InputError: no target, other numbers of targets, or a target without a film or with distances that
            are not finite.
    """
    films = [
        _films(name, each) for name, each in (("distances", distances), ("own", own), ("random", random))
    ]
    count = len(films[0])
    if not count or any(len(each) != count for each in films):
        numbers = ", ".join(str(len(each)) for each in films)
        raise InputError(f"there are {numbers} targets; give films of all three kinds for the same targets")
    by_target = regret(*(np.array([np.median(part) for part in each]) for each in films))
    generator = np.random.default_rng((seed, count))
    drawn = generator.integers(count, size=(RESAMPLES, count))
    resampled = np.empty(drawn.shape)
    for target in range(count):
        places = drawn == target
        # Each time that a target is drawn, its films are drawn anew.
        medians = [_resampled_medians(each[target], int(places.sum()), generator) for each in films]
        resampled[places] = regret(*medians)
    low, high = percentile_interval(_median_of_finite(resampled))
    return BootstrapRegret(
        value=float(_median_of_finite(by_target[None])[0]), low=low, high=high, by_target=by_target
    )


def screen_targets(
    own: Sequence[ArrayLike], random: Sequence[ArrayLike], *, most: float = 0.5
) -> ScreenedTargets:
    """Find the targets that their own recipe does not reproduce.

    A target is irreproducible if the median distance of repeats of its own recipe is more than `most` of that
    of random films: chance decides such a film, and no policy can be judged by it.

    Args:
        own: for each of T targets, (n,) distances of films made by its own recipe with other noise.
        random: for each target, (n,) distances of random films.
        most: largest ratio of a reproducible target.

    Raises:
        InputError: other numbers of targets, a target without a film or with distances that are not finite,
            or a ratio that is not positive.
    """
    check_number("most", most, 0.0, np.inf, above=True)
    repeats, chance = _films("own", own), _films("random", random)
    if len(repeats) != len(chance):
        raise InputError(f"own has {len(repeats)} targets and random {len(chance)}; give the same targets")
    low = np.array([np.median(part) for part in repeats])
    high = np.array([np.median(part) for part in chance])
    ratio = np.divide(low, high, out=np.full(len(low), np.inf), where=high > 0.0)
    return ScreenedTargets(reproducible=ratio <= most, ratio=ratio)


def _films(name: str, values: Sequence[ArrayLike]) -> list[Values]:
    parts = [np.asarray(part, np.float64) for part in values]
    for number, part in enumerate(parts):
        if part.ndim != 1 or not len(part) or not np.isfinite(part).all():
            raise InputError(f"{name} of target {number} must be one finite distance for each film, (n,)")
    return parts


def _resampled_medians(values: Values, count: int, generator: np.random.Generator) -> Values:
    return np.asarray(np.median(values[generator.integers(len(values), size=(count, len(values)))], axis=1))


def _median_of_finite(rows: Values) -> Values:
    """Median of the finite values of each row; NaN where there are none."""
    found = np.full(len(rows), np.nan)
    some = np.isfinite(rows).any(axis=1)
    found[some] = np.nanmedian(rows[some], axis=1)
    return found
