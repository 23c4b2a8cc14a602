"""Names of a package that are imported when they are first used, and old names that still work."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")

REMOVED_IN = "0.3"


def lazy_names(
    package: str, places: Mapping[str, str], *, renamed: Mapping[str, str] | None = None
) -> Callable[[str], object]:
    """A module's `__getattr__` (PEP 562).

    Args:
        package: `__name__` of the module.
        places: the module that holds each name.
        renamed: the present name behind each old one, in the same package unless it names another module;
            using an old name warns.
    """
    old = renamed or {}

    def get(name: str) -> object:
        if name in old:
            module, _, new = (old[name] if "." in old[name] else f"{package}.{old[name]}").rpartition(".")
            warn_of_old_name(f"{package}.{name}", f"{module}.{new}")
            return getattr(import_module(module), new)
        if name in places:
            return getattr(import_module(places[name]), name)
        if not name.startswith("_") and find_spec(f"{package}.{name}") is not None:
            # As if the package had imported it, as packages that import all of themselves have.
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get


def renamed_argument(old: str, new: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a function so that its argument `new` may also be given by its `old` name, with a warning."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> T:
            if old in kwargs:
                name = f"{function.__module__}.{function.__qualname__}"
                warn_of_old_name(f"the argument {old} of {name}", new)
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return cast("Callable[P, T]", wrapper)

    return decorate


def warn_of_old_name(old: str, new: str, *, stacklevel: int = 3) -> None:
    """Tell whoever uses an old name, by default the caller's caller."""
    warnings.warn(
        f"{old} is now {new}; the old name goes with morphsim {REMOVED_IN}",
        DeprecationWarning,
        stacklevel=stacklevel,
    )
