"""Checks that a checkpoint belongs to the run to resume."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from morphsim.errors import InputError


def check_same_run(old: Mapping[str, Any], new: Mapping[str, Any], *, prefix: str = "") -> None:
    """Check that a run is resumed with the options that it was started with.

    Raises:
        InputError: an option differs; the message names the first difference.
    """
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            check_same_run(before, after, prefix=f"{prefix}{name}.")
        elif before != after:
            raise InputError(
                f"{prefix}{name} is {after!r}, but this run was started with {before!r}; "
                "give that, or another --out"
            )


def damaged_checkpoint(path: Path) -> InputError:
    """Return the error for a checkpoint that can't be used."""
    return InputError(f"{path} is not a checkpoint of this version; train again with another --out")
