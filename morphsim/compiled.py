"""Compilation of loops over arrays with numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

from morphsim.compiled_cache import cache_of

_Function = TypeVar("_Function", bound=Callable[..., Any])
# Sums may be reordered and fused; NaN keeps its meaning, so that a diverged film is noticed.
RULES: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz", "arcp"}}

INLINED: dict[str, Any] = {**RULES, "forceinline": True}


def loop(function: _Function) -> _Function:
    """Compile a function of arrays on its first call, and cache the machine code on disk."""
    return _compiled(function, RULES)


def inlined(function: _Function) -> _Function:
    """Compile a function into each loop that calls it.

    A loop must not call another loop. A process that compiles both would run the separate machine code of the
    inner loop, but a process that finds the outer loop on disk would run the copy within the outer one. The
    two may round differently, so the same film would differ between the processes.
    """
    return _compiled(function, INLINED)


def _compiled(function: _Function, rules: dict[str, Any]) -> _Function:
    compiled: Any = njit(nogil=True, **rules)(function)
    # Not `cache=True`, which fails if no folder is writable, the disk is full or a cache file is damaged.
    # With NUMBA_DISABLE_JIT it is the function itself.
    if compiled is not function:
        compiled._cache = cache_of(function)
    return cast(_Function, compiled)
