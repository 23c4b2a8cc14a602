"""Warnings that point at the user's own line."""

from __future__ import annotations

import sys
import warnings

_SKIPPED = ("morphsim.", "gymnasium.")


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost call from outside this package and Gymnasium's wrappers."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and f"{frame.f_globals.get('__name__')}.".startswith(_SKIPPED):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
