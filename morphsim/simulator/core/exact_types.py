"""Objects of exactly the registered classes, no method of which was replaced.

A compiled loop repeats the formula of one class. A subclass may compute something else, and so may an object
or a class whose methods were replaced. Such objects must not be handed to the loop of the class.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

_Kind = TypeVar("_Kind", bound=type)
_Value = TypeVar("_Value")


class _Methods(NamedTuple):
    """The methods of a class as they were defined."""

    names: frozenset[str]
    read: attrgetter[tuple[object, ...]]
    defined: tuple[object, ...]


_METHODS: dict[type, _Methods] = {}


class ExactTypes(Generic[_Value]):
    """Values that were registered for classes, and are found for objects of exactly these classes.

    >>> words = ExactTypes[str]()
    >>> words.register(dict, "a dict")
    >>> words.find({}), words.find([])
    ('a dict', None)
    """

    def __init__(self) -> None:
        self._values: dict[type, _Value] = {}

    def register(self, kind: type, value: _Value) -> None:
        """Register `value` for objects of the class `kind`, in place of an earlier one."""
        _remember(kind)
        self._values[kind] = value

    def find(self, part: object) -> _Value | None:
        """The value for `part`; None for a class that is not registered, or if a method was replaced."""
        value = self._values.get(type(part))
        return value if value is not None and _is_unchanged(part) else None


_BUILT_IN: ExactTypes[bool] = ExactTypes()


def built_in(kind: _Kind) -> _Kind:
    """Mark a class of this package, whose formulas may be repeated elsewhere; decorates the class."""
    _BUILT_IN.register(kind, True)
    return kind


def is_built_in(*parts: object) -> bool:
    """Whether all of `parts` are of marked classes, not of their subclasses, with no method replaced."""
    return all(map(_BUILT_IN.find, parts))


def _remember(kind: type) -> None:
    """Note the methods of a class, when it is registered for the first time."""
    if kind not in _METHODS:
        methods: Mapping[str, Any] = dict(inspect.getmembers(kind, inspect.isfunction))
        # Two names at least, since a getter of one name returns no tuple.
        read = attrgetter("__init__", "__repr__", *methods)
        _METHODS[kind] = _Methods(frozenset(methods), read, read(kind))


def _is_unchanged(part: object) -> bool:
    kind = type(part)
    methods = _METHODS[kind]
    # This is asked several times in each step: all methods are compared at once.
    return methods.read(kind) == methods.defined and methods.names.isdisjoint(getattr(part, "__dict__", ()))
