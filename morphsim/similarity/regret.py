"""Regret: a distance from a target between repeats of the target's own recipe (0) and chance (1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
class BootstrapDifference:
    """The median over targets of the difference of two policies' regrets, with its 95 % interval."""

    value: float
    """The median over the targets that have a regret, below 0 if the first policy is better; NaN if none has.
    """
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    by_target: Values
    """(T,) difference of each target; NaN where repeats do not come nearer than chance."""

    def to_dict(self) -> dict[str, Any]:
        """Return the values for a report."""
        return {"value": self.value, "low": self.low, "high": self.high}


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
    judged, repeats, chance = _same_targets(distances=distances, own=own, random=random)
    by_target = _regret_of_medians(judged, repeats, chance)
    resampled = np.empty((RESAMPLES, len(judged)))
    for target, count, places, generator in _draws(len(judged), seed):
        medians = [_resampled_medians(each[target], count, generator) for each in (judged, repeats, chance)]
        resampled[places] = regret(*medians)
    low, high = percentile_interval(_median_of_finite(resampled))
    return BootstrapRegret(
        value=float(_median_of_finite(by_target[None])[0]), low=low, high=high, by_target=by_target
    )


def bootstrap_difference(
    first: Sequence[ArrayLike],
    second: Sequence[ArrayLike],
    own: Sequence[ArrayLike],
    random: Sequence[ArrayLike],
    *,
    seed: int = 0,
) -> BootstrapDifference:
    """Median over targets of the regret of a policy less that of another, with its interval.

    Both policies have the same targets, materials and noise, so a resample draws the same targets and the
    same films of both: what all films of a target share falls out of the difference.

    Args:
        first: for each of T targets, (n,) distances of films of the first policy.
        second: for each target, (n,) distances of films of the second policy, film by film as in `first`.
        own: for each target, (m,) distances of films made by its own recipe with other noise.
        random: for each target, (m,) distances of random films.
        seed: of the resampling.

    Raises:
        InputError: as for `bootstrap_regret`, or other numbers of films of both policies.
    """
    a, b, repeats, chance = _same_targets(first=first, second=second, own=own, random=random)
    for target, (of_first, of_second) in enumerate(zip(a, b, strict=True)):
        if len(of_first) != len(of_second):
            raise InputError(
                f"target {target} has {len(of_first)} films of the first policy and {len(of_second)} of the "
                "second; give films with the same materials and noise"
            )
    by_target = _regret_of_medians(a, repeats, chance) - _regret_of_medians(b, repeats, chance)
    resampled = np.empty((RESAMPLES, len(a)))
    for target, count, places, generator in _draws(len(a), seed):
        films = generator.integers(len(a[target]), size=(count, len(a[target])))
        near, far = (_resampled_medians(each[target], count, generator) for each in (repeats, chance))
        one, other = (np.median(each[target][films], axis=1) for each in (a, b))
        resampled[places] = regret(one, near, far) - regret(other, near, far)
    low, high = percentile_interval(_median_of_finite(resampled))
    return BootstrapDifference(
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


def _same_targets(**films: Sequence[ArrayLike]) -> list[list[Values]]:
    """The films of each kind, checked to be of the same targets."""
    parts = [_films(name, each) for name, each in films.items()]
    count = len(parts[0])
    if not count or any(len(each) != count for each in parts):
        numbers = ", ".join(str(len(each)) for each in parts)
        raise InputError(
            f"there are {numbers} targets; give films of all {len(parts)} kinds for the same targets"
        )
    return parts


def _regret_of_medians(*kinds: list[Values]) -> Values:
    return regret(*(np.array([np.median(part) for part in each]) for each in kinds))


def _draws(count: int, seed: int) -> Iterator[tuple[int, int, NDArray[np.bool_], np.random.Generator]]:
    """Draw targets: of each one its number, how often it is drawn, its places (RESAMPLES, T), a generator.

    Each time that a target is drawn, its films are drawn anew.
    """
    generator = np.random.default_rng((seed, count))
    drawn = generator.integers(count, size=(RESAMPLES, count))
    for target in range(count):
        places = drawn == target
        yield target, int(places.sum()), places, generator


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
