"""The films of a search, each stored as soon as it is made."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.agents.optimise.distance import TargetDistance
from morphsim.errors import InputError
from morphsim.files import load_tree, save_tree
from morphsim.frames import binarise
from morphsim.frames.film import Film
from morphsim.processes import job_pool
from morphsim.simulator import SimulationDiverged

FILMS = "films"
"""Folder of the films in that of the search."""


@dataclass(frozen=True, eq=False, kw_only=True)
class FilmJob:
    """A film to be made."""

    name: str
    """Unique for its knobs, such as `candidate-0003`."""
    film: Film
    """With its seed."""

    @property
    def seed(self) -> int:
        """Of the film's noise."""
        return self.film.recording.seed

    def path(self, folder: Path) -> Path:
        """The file of its end in the folder of the search."""
        return folder / FILMS / f"{self.name}-seed-{self.seed}.safetensors"


@dataclass(frozen=True, eq=False, kw_only=True)
class FilmEnd:
    """The end of a film."""

    distance: float
    """Of its last frame from the target; NaN if the film failed."""
    frame: NDArray[np.uint8]
    """(H, W) 0/1, its last frame; zeros if it failed."""
    reason: str
    """Why it failed, or empty."""


class MakeFilms(Protocol):
    """Makes films that are not stored yet, and returns the ends of all in their order."""

    def __call__(self, jobs: Sequence[FilmJob], *, done: Callable[[FilmEnd], None]) -> list[FilmEnd]:
        """Make films; `done` is called with the end of each, stored ones too."""
        ...


@contextmanager
def film_maker(folder: Path, distance: TargetDistance, *, workers: int) -> Iterator[MakeFilms]:
    """Provide a function that makes films in worker processes and stores their ends.

    Args:
        folder: of the search.
        distance: from the target.
        workers: number of processes.

    Raises:
        MachineError: a worker was killed.
    """
    shape = distance.encoder.frame_shape
    with job_pool(_FilmWorker(folder, distance), workers=workers) as run:

        def make(jobs: Sequence[FilmJob], *, done: Callable[[FilmEnd], None]) -> list[FilmEnd]:
            missing = []
            for job in jobs:
                if job.path(folder).exists():
                    done(_read(job.path(folder), shape))
                else:
                    missing.append(job)
            if missing:
                run(missing, done=lambda job: done(_read(job.path(folder), shape)))
            return [_read(job.path(folder), shape) for job in jobs]

        yield make


@dataclass(frozen=True, eq=False)
class _FilmWorker:
    folder: Path
    distance: TargetDistance

    def __call__(self) -> Callable[[FilmJob, Callable[[], bool]], None]:
        def make(job: FilmJob, stopped: Callable[[], bool]) -> None:
            end = make_film(job.film, self.distance)
            bits = torch.from_numpy(np.packbits(end.frame))
            distance = None if math.isnan(end.distance) else end.distance
            save_tree(job.path(self.folder), {"distance": distance, "reason": end.reason, "frame": bits})

        return make


def make_film(film: Film, distance: TargetDistance) -> FilmEnd:
    """Make a film, and measure its last frame; a film that can't be made has none.

    Args:
        film: whose last snapshot counts.
        distance: from the target.
    """
    frame = np.zeros(film.recording.shape, np.uint8)
    try:
        for snapshot in film.snapshots():
            frame = binarise(snapshot.share, threshold=film.recording.threshold)
    except (SimulationDiverged, InputError) as error:
        return FilmEnd(distance=math.nan, frame=np.zeros_like(frame), reason=str(error))
    return FilmEnd(distance=float(distance(frame)[0]), frame=frame, reason="")


def _read(path: Path, shape: tuple[int, int]) -> FilmEnd:
    tree = load_tree(path)
    try:
        distance, reason, bits = tree["distance"], tree["reason"], tree["frame"]
        frame = np.unpackbits(bits.numpy(), count=shape[0] * shape[1]).reshape(shape)
        known = math.nan if distance is None else float(distance)
        return FilmEnd(distance=known, frame=frame, reason=str(reason))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is not a film of this search; delete it, and it is made again") from error
