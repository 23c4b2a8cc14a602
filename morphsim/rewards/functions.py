"""Rewards as functions of the distance to the target before and after a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

RewardName = Literal["distance", "squared", "progress"]


def distance(before: float, after: float) -> float:
    """-d: every step counts, so the agent should get near the target early and stay there."""
    return -after


def squared(before: float, after: float) -> float:
    """-d²: as `distance`, but far frames count more."""
    return -(after**2)


def progress(before: float, after: float) -> float:
    """The d before less the d after: over an episode the whole gain, so only the final frame counts."""
    return before - after


REWARDS: dict[str, Callable[[float, float], float]] = {
    "distance": distance,
    "squared": squared,
    "progress": progress,
}
