"""The exception raised when the simulation of a film diverges."""

from __future__ import annotations

from collections.abc import Mapping


class SimulationDiverged(RuntimeError):  # noqa: N818 - named for what happened, as StopIteration is
    """No time step of a film gave an acceptable solution; its fields are not returned.

    Attributes:
        film: index of the film in its batch.
        time: simulated time of its last valid state [time units of its process].
        values: `smallest` and `largest` volume fraction, `step` and `thickness` at that time.
        stage: of a film that is made by several processes, from 1; None for a single process.
    """

    def __init__(self, film: int, time: float, values: Mapping[str, float], stage: int | None = None) -> None:
        self.film = film
        self.time = time
        self.values = dict(values)
        self.stage = stage
        found = ", ".join(f"{name} {value:.4g}" for name, value in self.values.items())
        super().__init__(
            ("" if stage is None else f"stage {stage}: ")
            + f"film {film} can't be advanced beyond time {time:.6g} ({found}); "
            "use a larger kappa or barrier, a finer grid, a smaller tolerance, or milder parameters"
        )

    def __reduce__(self) -> tuple[type[SimulationDiverged], tuple[int, float, dict[str, float], int | None]]:
        """Support pickling, so that worker processes can raise it."""
        return type(self), (self.film, self.time, self.values, self.stage)
