"""The films between which a policy is placed: repeats of a target's own schedule, and chance."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from morphsim.agents.steering.distances import Distances, TargetDistances
from morphsim.agents.steering.seeds import OWN, RANDOM, film_seed
from morphsim.errors import InputError
from morphsim.tasks import Film, MadeFilm, Task, load_targets, make_films, random_schedule
from morphsim.tasks.films import film_environment


@dataclass(frozen=True, eq=False, kw_only=True)
class References:
    """Distances from T targets of films that are as near as can be, and of films by chance."""

    own: Distances = field(repr=False)
    """(T, F): repeats of each target's own schedule on its own material with new noise."""
    random: Distances = field(repr=False)
    """(T, M): films of random schedules on materials as the task draws them, the same for all targets."""


def make_references(
    task: Task,
    distances: TargetDistances,
    rows: NDArray[np.int64],
    *,
    own: int = 6,
    random: int = 64,
    workers: int = 1,
    show_progress: bool = True,
) -> References:
    """Make the films between which policies are placed.

    Repeats have no drafts, since targets are made without. All films of a drying task dry, since its last
    step finishes them.

    Args:
        task: of the films.
        distances: from the targets of `rows`.
        rows: (T,) numbers of targets in the set of the task.
        own: number F of repeats of each target.
        random: number M of films by chance.
        workers: number of processes.
        show_progress: whether to show a progress bar on stderr.

    Raises:
        InputError: a film could not be made.
    """
    calm = dataclasses.replace(task, drafts=0.0)
    repeats = make_films(calm, _own_films(task, rows, own), workers=workers, show_progress=show_progress)
    chance = make_films(task, _random_films(task, random), workers=workers, show_progress=show_progress)
    near, far = last_frames(repeats), distances(last_frames(chance))
    return References(
        own=distances.of_each(near.reshape(len(rows), own, *near.shape[1:])),
        random=Distances(latent=far.latent.T, ruler=far.ruler.T),
    )


def last_frames(films: list[MadeFilm]) -> NDArray[np.uint8]:
    """The last frames (N, H, W) of films.

    Raises:
        InputError: a film could not be made.
    """
    failed = sum(film.diverged for film in films)
    if failed:
        raise InputError(f"{failed} of {len(films)} films could not be made; choose other knobs or materials")
    return np.stack([film.frames[-1] for film in films])


def _own_films(task: Task, rows: NDArray[np.int64], count: int) -> list[Film]:
    targets = load_targets(task)
    seeds = [(int(row), film_seed(OWN, int(row), number)) for row in rows for number in range(count)]
    return [
        Film(seed=seed, actions=targets.actions[row], noise=seed, options=targets.materials[row])
        for row, seed in seeds
    ]


def _random_films(task: Task, count: int) -> list[Film]:
    knobs = tuple(knob.name for knob in film_environment(task).panel.knobs)
    return [
        Film(
            seed=seed,
            actions=random_schedule(np.random.default_rng(seed), knobs, task.steps),
            noise=seed,
        )
        for seed in range(RANDOM, RANDOM + count)
    ]
