"""Films of given recipes and tolerances, made by the version of the package that runs this file.

    python benchmarks/_step_films.py JOBS.json FILMS.npz

So run, it makes films in another interpreter or with another installation. It uses only what all versions
from 0.1.0 on have.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _elsewhere import answer_jobs, ask_elsewhere
from numpy.typing import NDArray

import morphsim
from morphsim.errors import InputError
from morphsim.simulator import DryingRecipe, Simulation, SimulationDiverged, recipe_from_dict

MOMENTS = (0.6, 1.0)
"""When films are looked at: dryness of a drying film, else share of the duration."""
_CONTROLS = ("morphsim.simulator.core.control", "morphsim.simulator.control")


@dataclass(frozen=True)
class FilmJob:
    """One film to make.

    Attributes:
        recipe: as `Recipe.to_dict` gives it.
        seed: of the film.
        cells: (h, w) of the solver.
        tolerance: of a step; None for the default of the version.
        thickness_change: largest one in a step [initial thickness]; None for that of the version.
    """

    recipe: Mapping[str, Any]
    seed: int
    cells: tuple[int, int]
    tolerance: float | None = None
    thickness_change: float | None = None


@dataclass(frozen=True)
class StepFilm:
    """A film that was made.

    Attributes:
        fields: (moments, C, h, w) volume fractions; None if the film diverged.
        steps: tried.
        refused: of these.
    """

    fields: NDArray[np.float32] | None
    steps: int
    refused: int


def make(job: FilmJob, stopped: Callable[[], bool]) -> StepFilm:
    """Make a film; it ends early once `stopped`."""
    recipe = recipe_from_dict(dict(job.recipe))
    chosen: dict[str, Any] = {} if job.tolerance is None else {"tolerance": job.tolerance}
    height, width = job.cells
    simulation = Simulation([recipe], seeds=[job.seed], shape=(height, width), **chosen)
    fields = []
    try:
        with _limited_to(job.thickness_change):
            for moment in MOMENTS:
                if isinstance(recipe, DryingRecipe):
                    simulation.advance_to_dryness(moment, time=recipe.duration)
                else:
                    simulation.advance(time=moment * recipe.duration)
                fields.append(simulation.fields()[0].float().cpu().numpy().copy())
                if stopped():
                    break
    except SimulationDiverged:
        fields = []
    whole = np.stack(fields) if len(fields) == len(MOMENTS) else None
    return StepFilm(whole, simulation.steps, simulation.rejected)


def make_worker() -> Callable[[FilmJob, Callable[[], bool]], StepFilm]:
    """What a worker process does with a job."""
    return make


def make_elsewhere(place: Path, jobs: Sequence[FilmJob]) -> tuple[str, list[StepFilm]]:
    """Make films with the version of the package that another interpreter or folder has.

    Args:
        place: a Python interpreter, or the folder that holds the package, run by this interpreter.
        jobs: the films.

    Returns:
        The version, and the films in the order of the jobs.

    Raises:
        InputError: there is no such package, or it can't make the films.
    """
    version, arrays = ask_elsewhere(place, Path(__file__), [asdict(job) for job in jobs])
    counts = zip(arrays["steps"].tolist(), arrays["refused"].tolist(), strict=True)
    return version, [StepFilm(arrays.get(f"film{number}"), *count) for number, count in enumerate(counts)]


@contextlib.contextmanager
def _limited_to(change: float | None) -> Iterator[None]:
    """Another limit on the change of thickness in a step; compiled loops of later versions don't see it."""
    if change is None:
        yield
        return
    control = _control()
    before = control.LARGEST_THICKNESS_CHANGE
    control.LARGEST_THICKNESS_CHANGE = change
    try:
        yield
    finally:
        control.LARGEST_THICKNESS_CHANGE = before


def _control() -> Any:
    # Only what the films use: with an editable installation, names that a version lacks are found in another.
    for name in _CONTROLS:
        if name in sys.modules:
            return sys.modules[name]
    raise InputError("this version of the package has no limit on the change of thickness in a step")


def answer(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Make the films of jobs as arrays."""
    films = []
    for number, job in enumerate(jobs):
        films.append(make(FilmJob(**job), lambda: False))
        say = f"{number + 1} of {len(jobs)} films with version {morphsim.__version__}"
        print(say, file=sys.stderr, flush=True)
    fields: dict[str, Any] = {
        f"film{number}": film.fields for number, film in enumerate(films) if film.fields is not None
    }
    return fields | {"steps": [film.steps for film in films], "refused": [film.refused for film in films]}


if __name__ == "__main__":
    sys.exit(answer_jobs(answer))
