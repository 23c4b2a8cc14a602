"""Errors of a training whose input is good."""

from __future__ import annotations


class TrainingDiverged(RuntimeError):  # noqa: N818
    """The loss became NaN or infinite. The checkpoint of the last good epoch is kept."""
