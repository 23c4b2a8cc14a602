"""Compiled loops: how numba turns functions of arrays into machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

from morphsim.compiled_cache import cache_of

_Function = TypeVar("_Function", bound=Callable[..., Any])
# Sums may be reordered and fused; NaN keeps its meaning, since a diverged film must be noticed.
RULES: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz", "arcp"}}

INLINED: dict[str, Any] = {**RULES, "forceinline": True}


def loop(function: _Function) -> _Function:
    """Compile a function of arrays when it is first called, and keep the machine code on disk."""
    return _compiled(function, RULES)


def inlined(function: _Function) -> _Function:
    """Compile a function into each loop that calls it.

    A loop must call no other loop: the process that compiles both would run the machine code of the inner one
    alone, and a process that finds the outer one on disk that within the outer one. They may round
    differently, and the same film would be another one in the second process.
    """
    return _compiled(function, INLINED)


def _compiled(function: _Function, rules: dict[str, Any]) -> _Function:
    compiled: Any = njit(nogil=True, **rules)(function)
    # Not `cache=True`, which fails where no place can be written to, the disk is full, or a file damaged.
    # With NUMBA_DISABLE_JIT it is the function itself.
    if compiled is not function:
        compiled._cache = cache_of(function)
    return cast(_Function, compiled)
