"""Schedules of the learning rate over the epochs of a run."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["constant", "drop", "linear", "cosine"]


def learning_rate_factor(
    schedule: Schedule, epoch: int, epochs: int, *, drop_at: float = 0.4, drop_factor: float = 0.1
) -> float:
    """Return the factor of the first learning rate in an epoch.

    `linear` and `cosine` (Loshchilov and Hutter 2017, equation 5, https://doi.org/10.48550/arXiv.1608.03983)
    reach 0 only after the last epoch.

    Args:
        schedule: its name.
        epoch: from 0.
        epochs: of the whole run.
        drop_at: share of the epochs after which `drop` drops.
        drop_factor: the factor after that.
    """
    share = epoch / epochs
    if schedule == "drop":
        return drop_factor if epoch >= drop_at * epochs else 1.0
    if schedule == "linear":
        return 1.0 - share
    if schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * share))
    return 1.0
