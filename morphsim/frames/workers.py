"""Films made in parallel by worker processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from morphsim.frames.films import make_film
from morphsim.frames.plan import DatasetPlan
from morphsim.processes import run_jobs


def make_films(
    plan: DatasetPlan, films: Sequence[int], folder: Path, *, workers: int, made: Callable[[int], None]
) -> None:
    """Make some films of a plan: in this process for one worker, else in worker processes.

    Args:
        plan: of the data set.
        films: numbers of the films to make.
        folder: where they are stored.
        workers: number of processes.
        made: called in this process with the number of each completed film.

    Raises:
        MachineError: a worker was killed by the system; run again to resume.
    """
    run_jobs(_FilmMaker(plan, folder), films, workers=workers, done=made)


@dataclass(frozen=True)
class _FilmMaker:
    plan: DatasetPlan
    folder: Path

    def __call__(self) -> Callable[[int, Callable[[], bool]], None]:
        def make(film: int, stopped: Callable[[], bool]) -> None:
            make_film(self.plan, film, self.folder, stopped=stopped)

        return make
