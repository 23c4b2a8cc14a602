"""SplitMix64: random bits as a hash of a counter, the same on every device.

Steele, Lea and Flood, OOPSLA 2014, doi 10.1145/2660193.2660195.
"""

from __future__ import annotations

from torch import Tensor

GOLDEN = 0x9E3779B97F4A7C15
"""The step from one counter to the next."""
_MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def scramble(counter: Tensor) -> Tensor:
    """64 random bits of each counter (int64): the output function of SplitMix64."""
    z = (counter ^ shifted(counter, 30)) * signed(_MIX[0])
    z = (z ^ shifted(z, 27)) * signed(_MIX[1])
    return z ^ shifted(z, 31)


def shifted(value: Tensor, bits: int) -> Tensor:
    """Shift to the right that fills up with zeros."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def signed(value: int) -> int:
    """The int64 with the bits of a uint64."""
    return value - 2**64 if value >= 2**63 else value
