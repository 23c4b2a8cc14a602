"""Compiled loops: how numba turns functions of arrays into machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

from morphsim.compiled_cache import cache_of

_Function = TypeVar("_Function", bound=Callable[..., Any])
# Sums may be reordered and contracted; NaN is kept, since a diverged film must be noticed.
RULES: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract", "reassoc", "nsz", "arcp"}}

# Without the entries from Python and C, each of which would hold another copy of the whole function.
INLINED: dict[str, Any] = {**RULES, "forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def loop(function: _Function) -> _Function:
    """Compile a function of arrays at its first call, and cache the machine code on disk."""
    return _compiled(function, RULES)


def inlined(function: _Function) -> _Function:
    """Compile a function into each loop that calls it.

    A loop must not call another loop. The process that compiles both would run the inner one's own machine
    code; a process that finds the outer one on disk would run the copy inlined there. The two may round
    differently, and the same film would differ between processes.
    """
    return _compiled(function, INLINED)


def _compiled(function: _Function, rules: dict[str, Any]) -> _Function:
    compiled: Any = njit(nogil=True, **rules)(function)
    # Not `cache=True`, which fails without a writable folder, on a full disk, or at a damaged file.
    # With NUMBA_DISABLE_JIT, `compiled` is the function itself.
    if compiled is not function:
        compiled._cache = cache_of(function)
    return cast(_Function, compiled)
