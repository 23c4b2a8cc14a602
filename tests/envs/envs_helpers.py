"""Helpers for tests of the environments."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

SMALL: dict[str, Any] = {"shape": (36, 64), "steps": 4}
"""Few cells and few steps; the smallest frames that CnnPolicy accepts."""
TINY: dict[str, Any] = {"shape": (16, 32), "steps": 3}
"""The smallest possible film."""
IDS = [
    "morphsim:morphsim/Drying-v0",
    "morphsim:morphsim/Annealing-v0",
    "morphsim:morphsim/VapourAnnealing-v0",
]


def assert_same(one: Any, other: Any, where: str = "", *, rounding: float = 0.0) -> None:
    """Two results of `reset` or `step` have equal keys, types and values, bit for bit or to a `rounding`.

    Between processes bits may differ: loops that one has just compiled and loops that another read from the
    cache may round otherwise.
    """
    assert type(one) is type(other), where
    if isinstance(one, dict):
        assert set(one) == set(other), where
        for key, value in one.items():
            assert_same(value, other[key], f"{where}/{key}", rounding=rounding)
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape), where
        if one.dtype == object:
            assert_same(list(one), list(other), where, rounding=rounding)
        else:
            close = rounding > 0 and one.dtype.kind == "f"
            equal = np.allclose(one, other, rtol=rounding) if close else np.array_equal(one, other)
            assert equal, where
    elif isinstance(one, tuple | list):
        assert len(one) == len(other), where
        for number, (each, its) in enumerate(zip(one, other, strict=True)):
            assert_same(each, its, f"{where}[{number}]", rounding=rounding)
    else:
        assert one == other, where


def break_film(env: Any, place: int = 0) -> None:
    """Put NaN into a film's previous rates, so that no further step is accepted."""
    simulation, row = env._batch._at(place)
    simulation.state.phi_before = simulation.state.phi_before.clone()
    simulation.state.phi_before[row] = torch.nan
