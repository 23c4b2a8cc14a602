"""Some films of a batch, as a batch of their own, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

_Part = TypeVar("_Part")


def take_films(whole: _Part, films: Sequence[int], *, batch: int) -> _Part:
    """The same dataclass with the tensors of some films only.

    Args:
        whole: a dataclass whose tensors have an axis of films first, or no such axis. Nested dataclasses are
            treated alike; anything else is kept.
        films: which, in this order; a film may occur several times.
        batch: how many there are.
    """
    assert dataclasses.is_dataclass(whole)
    taken: dict[str, object] = {}
    for entry in dataclasses.fields(whole):
        value = getattr(whole, entry.name)
        if isinstance(value, Tensor) and value.dim() > 0 and len(value) == batch:
            taken[entry.name] = value[torch.as_tensor(list(films), device=value.device)]
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            taken[entry.name] = take_films(value, films, batch=batch)
    return dataclasses.replace(whole, **taken)  # type: ignore[type-var]


def put_films(whole: _Part, films: Sequence[int], part: _Part) -> None:
    """Put the films of `part` into their places in `whole`, in place.

    Args:
        whole: a dataclass of tensors with an axis of films first.
        films: where each film of `part` belongs.
        part: of the same kind.
    """
    assert dataclasses.is_dataclass(whole)
    for entry in dataclasses.fields(whole):
        # Fresh films share tensors between their entries, so none may be written to.
        value = getattr(whole, entry.name).clone()
        value[torch.as_tensor(list(films), device=value.device)] = getattr(part, entry.name)
        setattr(whole, entry.name, value)


def join_films(parts: Sequence[_Part]) -> _Part:
    """One dataclass with the films of all `parts`, in their order; they hold tensors only."""
    first = parts[0]
    assert dataclasses.is_dataclass(first)
    joined = {
        entry.name: torch.cat([getattr(part, entry.name) for part in parts])
        for entry in dataclasses.fields(first)
    }
    return dataclasses.replace(first, **joined)  # type: ignore[type-var]
