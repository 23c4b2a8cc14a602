"""A share with the interval in which it lies, from resampling whole recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 2000
_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True, eq=False, kw_only=True)
class Share:
    """A mean over frames, and the 95 % interval of it when recipes are drawn anew (a bootstrap).

    Frames of one recipe are alike, so that what is uncertain is which recipes were judged, more than which
    frames of them (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.3).
    """

    value: float
    """The mean; NaN where nothing could be judged."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    judged: int
    """How many frames it is the mean of."""
    left_out: int = 0
    """How many frames were left out, since they show nothing or have nothing to be compared with."""
    comparisons: int = 0
    """How many single comparisons stand behind it."""
    sums: NDArray[np.float64]
    """(R,) sum over the frames of each recipe."""
    counts: NDArray[np.float64]
    """(R,) number of frames of each recipe."""

    def to_dict(self) -> dict[str, Any]:
        """Return what a report needs."""
        names = ("value", "low", "high", "judged", "left_out", "comparisons")
        return {name: getattr(self, name) for name in names}


def mean_share(
    values: NDArray[Any],
    groups: NDArray[np.int64],
    *,
    comparisons: int = 0,
    left_out: int = 0,
    seed: int = 0,
) -> Share:
    """Average values and tell how far the average can be trusted.

    Args:
        values: (N,); NaN where a frame could not be judged, which then counts as left out.
        groups: (N,) recipes, drawn anew as a whole.
        comparisons: see `Share`.
        left_out: frames that were left out before.
        seed: of the resampling.
    """
    good = np.isfinite(values)
    numbers, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, np.where(good, values, 0.0), minlength=len(numbers)).astype(np.float64)
    counts = np.bincount(group, good, minlength=len(numbers)).astype(np.float64)
    total = float(counts.sum())
    drawn = _weights(len(numbers), seed)
    low, high = _interval(_ratios(drawn, sums, counts))
    return Share(
        value=float(sums.sum() / total) if total else float("nan"),
        low=low,
        high=high,
        judged=int(total),
        left_out=left_out + int((~good).sum()),
        comparisons=comparisons,
        sums=sums,
        counts=counts,
    )


def difference(first: Share, second: Share, *, seed: int = 0) -> tuple[float, float, float]:
    """First less second on the same recipes, with its 95 % interval: both are resampled alike.

    Returns:
        The difference, and the lower and the upper end of its interval.
    """
    if len(first.counts) != len(second.counts):
        raise ValueError("shares of different recipes have no common interval")
    drawn = _weights(len(first.counts), seed)
    apart = _ratios(drawn, first.sums, first.counts) - _ratios(drawn, second.sums, second.counts)
    return (first.value - second.value, *_interval(apart))


def _weights(groups: int, seed: int) -> NDArray[np.int64]:
    """How often each group is drawn, (resamples, groups)."""
    if not groups:
        return np.zeros((0, 0), np.int64)
    generator = np.random.default_rng((seed, groups))
    return generator.multinomial(groups, np.full(groups, 1.0 / groups), size=_RESAMPLES)


def _ratios(
    drawn: NDArray[np.int64], sums: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    total = drawn @ counts
    return np.asarray(np.where(total > 0, drawn @ sums / np.maximum(total, 1e-300), np.nan))


def _interval(resampled: NDArray[np.float64]) -> tuple[float, float]:
    good = resampled[np.isfinite(resampled)]
    if not len(good):
        return float("nan"), float("nan")
    low, high = np.quantile(good, _INTERVAL)
    return float(low), float(high)
