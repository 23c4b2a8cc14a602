"""Step control in compiled loops: the functions of `core.control`, compiled for single numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from numba.extending import overload, register_jitable

from morphsim.compiled import INLINED
from morphsim.simulator.core.arrival import on_the_way
from morphsim.simulator.core.control import (
    accept_step,
    faded,
    leaving,
    longest_without_lag,
    plan_step,
    seen_growth,
    step_weights,
)
from morphsim.simulator.core.elementwise import at_least, largest, least, where
from morphsim.simulator.core.stall import covers_too_little

_OPTIONS = cast(Any, INLINED)


@overload(where, jit_options=_OPTIONS, strict=False)
def _where(condition: Any, one: Any, other: Any) -> Callable[..., Any]:
    def chosen(condition: Any, one: Any, other: Any) -> Any:
        return one if condition else other

    return chosen


@overload(least, jit_options=_OPTIONS, strict=False)
def _least(one: Any, other: Any) -> Callable[..., Any]:
    def smaller(one: Any, other: Any) -> Any:
        return other if other < one or other != other else one

    return smaller


@overload(largest, jit_options=_OPTIONS, strict=False)
def _largest(one: Any, other: Any) -> Callable[..., Any]:
    def larger(one: Any, other: Any) -> Any:
        return other if other > one or other != other else one

    return larger


@overload(at_least, jit_options=_OPTIONS, strict=False)
def _at_least(one: Any, bound: Any) -> Callable[..., Any]:
    def bounded(one: Any, bound: Any) -> Any:
        return bound if one < bound else one

    return bounded


for _function in (
    step_weights,
    plan_step,
    leaving,
    accept_step,
    longest_without_lag,
    faded,
    seen_growth,
    on_the_way,
    covers_too_little,
):
    register_jitable(**INLINED)(_function)
