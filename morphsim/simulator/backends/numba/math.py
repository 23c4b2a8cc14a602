"""Logarithm, exponential and hash for compiled loops: short and free of branches, so that they vectorise."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numba import types
from numba.extending import overload

from morphsim.compiled import INLINED, inlined
from morphsim.simulator.core.energy import BARRIER_FLOORS


def logarithm(x: Any) -> Any:
    """ln(x) of a normal positive number: x = 2^e m, ln m = 2 artanh((m - 1)/(m + 1)) as a series."""
    raise NotImplementedError


@overload(logarithm, jit_options=cast(Any, INLINED))
def _logarithm(x: Any) -> Any:
    if x == types.float32:

        def single(x: Any) -> Any:
            bits = np.float32(x).view(np.int32)
            # Counted from sqrt(1/2), so that m lies in (0.707, 1.414).
            exponent = (bits - np.int32(0x3F3504F3)) >> np.int32(23)
            m = np.int32(bits - (exponent << np.int32(23))).view(np.float32)
            s = (m - np.float32(1.0)) / (m + np.float32(1.0))
            q = s * s
            series = np.float32(1.0 / 9.0) + q * np.float32(1.0 / 11.0)
            series = np.float32(1.0 / 7.0) + q * series
            series = np.float32(1.0 / 5.0) + q * series
            series = np.float32(1.0 / 3.0) + q * series
            series = np.float32(2.0) * s * (np.float32(1.0) + q * series)
            return np.float32(exponent) * np.float32(0.6931471805599453) + series

        return single

    def double(x: Any) -> Any:
        bits = np.float64(x).view(np.int64)
        exponent = (bits - np.int64(0x3FE6A09E667F3BCD)) >> np.int64(52)
        m = np.int64(bits - (exponent << np.int64(52))).view(np.float64)
        s = (m - 1.0) / (m + 1.0)
        q = s * s
        series = 1.0 / 23.0
        for term in (21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0):
            series = 1.0 / term + q * series
        return np.float64(exponent) * 0.6931471805599453 + 2.0 * s * series

    return double


def decay(x: Any) -> Any:
    """exp(-x) for x > -80: 2^-n times a Taylor series of the rest."""
    raise NotImplementedError


@overload(decay, jit_options=cast(Any, INLINED))
def _decay(x: Any) -> Any:
    if x == types.float32:

        def single(x: Any) -> Any:
            bounded = min(x, np.float32(80.0))
            n = np.int32(np.floor(bounded * np.float32(1.4426950408889634) + np.float32(0.5)))
            r = np.float32(n) * np.float32(0.693359375) - bounded
            r = r + np.float32(n) * np.float32(-2.1219444005469057e-4)
            series = np.float32(1.0 / 720.0) + r * np.float32(1.0 / 5040.0)
            series = np.float32(1.0 / 120.0) + r * series
            series = np.float32(1.0 / 24.0) + r * series
            series = np.float32(1.0 / 6.0) + r * series
            series = np.float32(0.5) + r * series
            series = np.float32(1.0) + r * (np.float32(1.0) + r * series)
            return series * np.int32((np.int32(127) - n) << np.int32(23)).view(np.float32)

        return single

    def double(x: Any) -> Any:
        bounded = min(x, 600.0)
        n = np.int64(bounded * 1.4426950408889634 + 0.5)
        r = np.float64(n) * 0.693145751953125 - bounded
        r = r + np.float64(n) * 1.4286068203094172e-6
        series = 1.0
        for divisor in (13.0, 12.0, 11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0):
            series = 1.0 + r / divisor * series
        return series * np.int64((np.int64(1023) - n) << np.int64(52)).view(np.float64)

    return double


@inlined
def extended_logarithm(x: Any, floor: Any) -> Any:
    """ln(x), continued below `floor` by its tangent."""
    inside = max(x, floor)
    return logarithm(inside) + (x - inside) / inside


@inlined
def barrier_floor(barrier: Any) -> Any:
    """The fraction below which b/x is continued, see `core.energy`."""
    real = type(barrier)
    found = real(0.1) * barrier ** real(1.0 / 3.0)
    return min(max(found, real(BARRIER_FLOORS[0])), real(BARRIER_FLOORS[1]))


@inlined
def barrier_slope(x: Any, floor: Any) -> Any:
    """-1/x², continued below `floor` by its tangent."""
    inside = max(x, floor)
    inverse = type(x)(1.0) / inside
    below = (x - inside) * inverse
    return (type(x)(2.0) * below - type(x)(1.0)) * inverse * inverse


@inlined
def scramble(counter: Any) -> Any:
    """64 random bits of a counter (uint64): the output function of SplitMix64.

    Steele, Lea and Flood, OOPSLA 2014, doi 10.1145/2660193.2660195.
    """
    z = (counter ^ (counter >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
