"""What is remembered of the last step of films: where it began, and with which actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.errors import InputError

_ENTRIES = ("time", "thickness", "actions")


@dataclass(eq=False)
class LastStep:
    """The last step of B films; before the first one it begins at the start, with actions of 0.

    Attributes:
        time: at its beginning, (B,) [units of time].
        thickness: at its beginning, (B,) [h0].
        actions: -1 to 1, (B, K).
    """

    time: NDArray[np.float64]
    thickness: NDArray[np.float64]
    actions: NDArray[np.float32]

    @classmethod
    def of_none(cls, films: int, knobs: int) -> LastStep:
        """That of films that have not begun."""
        return cls(np.zeros(films), np.zeros(films), np.zeros((films, knobs), np.float32))

    def rows(self, films: Sequence[int]) -> LastStep:
        """A copy for some of the films, in this order."""
        chosen = list(films)
        return LastStep(self.time[chosen], self.thickness[chosen], self.actions[chosen])

    def begin(self, films: Sequence[int], time: NDArray[Any], thickness: NDArray[Any]) -> None:
        """Let the next step of some films begin here."""
        chosen = list(films)
        self.time[chosen], self.thickness[chosen] = time, thickness

    def per_time(self, change: NDArray[Any], time: NDArray[Any]) -> NDArray[np.float64]:
        """A change during the step per unit of time, (B,); 0 where no time has passed.

        Args:
            change: during the step, (B,).
            time: present, (B,).
        """
        passed = time - self.time
        return np.asarray(np.divide(change, passed, out=np.zeros_like(passed), where=passed > 0.0))

    def save(self, film: int) -> dict[str, Any]:
        """The entries of one film, for `load`."""
        return {
            "time": float(self.time[film]),
            "thickness": float(self.thickness[film]),
            "actions": self.actions[film].copy(),
        }

    @classmethod
    def load(cls, state: object, knobs: int) -> LastStep:
        """The last step of one film, from `save`.

        Raises:
            InputError: something else, or of other knobs.
        """
        try:
            assert isinstance(state, Mapping)
            time, thickness = (np.array([state[name]], np.float64) for name in _ENTRIES[:2])
            actions = np.array([state["actions"]], np.float32)
            finite = all(np.isfinite(values).all() for values in (time, thickness, actions))
            if time.shape != (1,) or thickness.shape != (1,) or actions.shape != (1, knobs) or not finite:
                raise ValueError("its numbers are not those of such a film")
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"what the state says of the last step can't be used ({error}); use what get_state returned"
            ) from error
        return cls(time, thickness, actions)
