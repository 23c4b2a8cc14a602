"""What is raised when a film can't be stepped."""

from __future__ import annotations

from collections.abc import Mapping


class SimulationDiverged(RuntimeError):  # noqa: N818 - named for what happened, as StopIteration is
    """A film could not be advanced with any step; its fields were not handed out.

    Attributes:
        film: index of the film in its batch.
        time: simulated time that the film had reached [time units of its process].
        values: what was found there: `smallest` and `largest` volume fraction, `step` and `thickness`.
    """

    def __init__(self, film: int, time: float, values: Mapping[str, float]) -> None:
        self.film = film
        self.time = time
        self.values = dict(values)
        found = ", ".join(f"{name} {value:.4g}" for name, value in self.values.items())
        super().__init__(
            f"film {film} can't be advanced beyond time {time:.6g} ({found}); "
            "use a larger kappa or barrier, a finer grid, a smaller tolerance, or milder parameters"
        )

    def __reduce__(self) -> tuple[type[SimulationDiverged], tuple[int, float, dict[str, float]]]:
        """Survive the trip from a worker process."""
        return type(self), (self.film, self.time, self.values)
