"""Names of a package that are imported on first use, and deprecated names that still work."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module

REMOVED_IN = "0.3"


def lazy_names(
    package: str, places: Mapping[str, str], *, renamed: Mapping[str, str] | None = None
) -> Callable[[str], object]:
    """A module's `__getattr__` (PEP 562).

    Args:
        package: `__name__` of the module.
        places: the module of each name.
        renamed: the current name for each old one, in the same package; an old name gives a warning.
    """
    old = renamed or {}

    def get(name: str) -> object:
        if name in old:
            warn_of_old_name(f"{package}.{name}", f"{package}.{old[name]}")
            return getattr(import_module(package), old[name])
        if name in places:
            return getattr(import_module(places[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get


def warn_of_old_name(old: str, new: str) -> None:
    """Warn about an old name; the warning points to the caller's caller."""
    warnings.warn(
        f"{old} is now {new}; the old name goes with morphsim {REMOVED_IN}",
        DeprecationWarning,
        stacklevel=3,
    )
