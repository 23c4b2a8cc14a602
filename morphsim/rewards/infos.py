"""The infos of a step, one for each environment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray


class StepInfos(Sequence[Mapping[str, Any]]):
    """The infos of a step of B environments, as a sequence of dicts.

    Args:
        infos: B dicts.
    """

    def __init__(self, infos: Iterable[Mapping[str, Any]]) -> None:
        self._infos = list(infos)

    def __len__(self) -> int:
        return len(self._infos)

    @overload
    def __getitem__(self, row: int) -> Mapping[str, Any]: ...

    @overload
    def __getitem__(self, row: slice) -> list[Mapping[str, Any]]: ...

    def __getitem__(self, row: int | slice) -> Any:
        return self._infos[row]

    def numbers(self, key: str) -> NDArray[np.float64]:
        """The numbers (B,) under `key`; NaN where an info has none."""
        values = [info.get(key) for info in self]
        return np.array([float(value) if is_number(value) else np.nan for value in values], np.float64)  # type: ignore[arg-type]


def is_number(value: object) -> bool:
    """Whether a value of `info` is a single number, or a truth value."""
    return np.ndim(value) == 0 and np.asarray(value).dtype.kind in "biuf"  # type: ignore[arg-type]
