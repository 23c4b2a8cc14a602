"""Which parts of a model are exactly those that the compiled loops repeat.

A loop holds the formula of one class. A subclass may compute something else, and so may an object or a class
whose methods were replaced; such parts are left to plain torch, which calls their methods.
"""

from __future__ import annotations

import inspect
from typing import TypeVar

_Kind = TypeVar("_Kind", bound=type)

_METHODS: dict[type, dict[str, object]] = {}


def shipped(kind: _Kind) -> _Kind:
    """Mark a class as one whose formulas may be repeated elsewhere; decorates the class."""
    _METHODS[kind] = dict(inspect.getmembers(kind, inspect.isfunction))
    return kind


def is_shipped(*parts: object) -> bool:
    """Whether all of `parts` are of marked classes, not of their subclasses, with no method replaced."""
    return all(map(_is_shipped, parts))


def _is_shipped(part: object) -> bool:
    kind = type(part)
    methods = _METHODS.get(kind)
    if methods is None or not methods.keys().isdisjoint(vars(part)):
        return False
    return all(getattr(kind, name) is method for name, method in methods.items())
