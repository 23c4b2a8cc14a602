"""Means with confidence intervals from a bootstrap over whole recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
"""Number of resamples behind every interval."""

_INTERVAL = (0.025, 0.975)


@dataclass(frozen=True, eq=False, kw_only=True)
class BootstrapMean:
    """A mean over frames with its 95 % bootstrap interval; whole recipes are resampled.

    Frames of one recipe are correlated, so the recipes are the independent samples, not the frames (Efron
    and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.3).
    """

    value: float
    """The mean; NaN if no frame was evaluated."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    frames: int
    """Number of frames in the mean."""
    left_out: int = 0
    """Number of frames left out: those of a single phase, and those without anything to compare with."""
    comparisons: int = 0
    """Number of single comparisons behind the mean."""
    sums: NDArray[np.float64]
    """(R,) sum over the frames of each recipe."""
    counts: NDArray[np.float64]
    """(R,) number of frames of each recipe."""

    def to_dict(self) -> dict[str, Any]:
        """Return the values for a report; `frames` is called `judged` there."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "judged": self.frames,
            "left_out": self.left_out,
            "comparisons": self.comparisons,
        }


def bootstrap_mean(
    values: NDArray[Any],
    groups: NDArray[np.int64],
    *,
    comparisons: int = 0,
    left_out: int = 0,
    seed: int = 0,
) -> BootstrapMean:
    """Average values and resample whole groups for the interval.

    Args:
        values: (N,); NaN for a frame that could not be evaluated, which then counts as left out.
        groups: (N,) recipes, each resampled as a whole.
        comparisons: see `BootstrapMean`.
        left_out: number of frames left out before.
        seed: of the resampling.
    """
    good = np.isfinite(values)
    numbers, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, np.where(good, values, 0.0), minlength=len(numbers)).astype(np.float64)
    counts = np.bincount(group, good, minlength=len(numbers)).astype(np.float64)
    total = float(counts.sum())
    drawn = _weights(len(numbers), seed)
    low, high = percentile_interval(_ratios(drawn, sums, counts))
    return BootstrapMean(
        value=float(sums.sum() / total) if total else float("nan"),
        low=low,
        high=high,
        frames=int(total),
        left_out=left_out + int((~good).sum()),
        comparisons=comparisons,
        sums=sums,
        counts=counts,
    )


def bootstrap_difference(
    first: BootstrapMean, second: BootstrapMean, *, seed: int = 0
) -> tuple[float, float, float]:
    """Difference `first` - `second` on the same recipes, with its 95 % interval: a paired bootstrap.

    Returns:
        The difference, and the lower and the upper end of its interval.

    Raises:
        ValueError: means over different numbers of recipes.
    """
    if len(first.counts) != len(second.counts):
        raise ValueError("means over different recipes have no common interval")
    drawn = _weights(len(first.counts), seed)
    apart = _ratios(drawn, first.sums, first.counts) - _ratios(drawn, second.sums, second.counts)
    return (first.value - second.value, *percentile_interval(apart))


def _weights(groups: int, seed: int) -> NDArray[np.int64]:
    """How often each group is drawn in each resample, (resamples, groups)."""
    if not groups:
        return np.zeros((0, 0), np.int64)
    generator = np.random.default_rng((seed, groups))
    return generator.multinomial(groups, np.full(groups, 1.0 / groups), size=RESAMPLES)


def _ratios(
    drawn: NDArray[np.int64], sums: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    total = drawn @ counts
    return np.asarray(np.where(total > 0, drawn @ sums / np.maximum(total, 1e-300), np.nan))


def percentile_interval(resampled: NDArray[np.float64]) -> tuple[float, float]:
    """Ends of the 95 % interval of resampled values, those that are not finite left out; NaN without any."""
    good = resampled[np.isfinite(resampled)]
    if not len(good):
        return float("nan"), float("nan")
    low, high = np.quantile(good, _INTERVAL)
    return float(low), float(high)
