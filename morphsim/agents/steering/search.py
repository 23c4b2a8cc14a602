"""Schedules found by CMA-ES in simulated films, each for one target on one known material."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from morphsim.agents.optimise.proposals import CMAES, Result
from morphsim.agents.seeds import reset_film
from morphsim.agents.steering.baselines import Replay
from morphsim.agents.steering.policy import Actions, Entrant, SteeringTarget
from morphsim.agents.steering.seeds import CONTEST, film_seed, search_seed
from morphsim.checks import check_whole
from morphsim.encoder import Encoder
from morphsim.processes import run_jobs
from morphsim.progress import progress
from morphsim.tasks import Film, Task
from morphsim.tasks.films import film_environment, make_film

_FINALISTS = 4
_REPEATS = 3
LEAST_FILMS = 16
"""Fewest films of a search: those of the finalists, and as many others."""
_MOST_SEARCH_FILMS = 10_000
_MOST_GROUPS = 64
_FAILED = 1e9


@dataclass(frozen=True, kw_only=True)
class ScheduleSearch:
    """A search for the schedule of one target on one material.

    Raises:
        InputError: a value is out of range.
    """

    films: int = 256
    """Number of films, in all."""
    groups: int = 4
    """Number of groups of steps, in each of which the knobs are constant."""

    def __post_init__(self) -> None:
        check_whole("films", self.films, LEAST_FILMS, _MOST_SEARCH_FILMS)
        check_whole("groups", self.groups, 1, _MOST_GROUPS)


@dataclass(frozen=True, eq=False, kw_only=True)
class SearchJob:
    """What a search is for."""

    number: int
    """From which its seeds follow."""
    latent: NDArray[np.float32] = field(repr=False)
    """(D,) of the target."""
    material: Mapping[str, Any]
    """Parameters of the films by name, in place of the recipe's."""


def search_schedules(
    task: Task,
    encoder: Encoder,
    jobs: Sequence[SearchJob],
    search: ScheduleSearch,
    *,
    workers: int = 1,
    show_progress: bool = True,
) -> list[Actions]:
    """Search for schedules with films without drafts; each film has noise of its own.

    The nearest candidates are made again with other noise and chosen by the mean of these distances alone,
    since the nearest of many noisy films is near by luck too.

    Args:
        task: of the films.
        encoder: of the latents, whose distance a search makes small.
        jobs: the searches.
        search: their size.
        workers: number of processes; no schedule depends on it.
        show_progress: whether to show a progress bar on stderr.

    Returns:
        Of each job the actions (T, K).

    Raises:
        InputError: the package `cmaes` isn't installed.
    """
    with progress("searches", len(jobs), unit="searches", show=show_progress) as advance:
        runner = _Searcher(task, encoder, search)
        found: list[Actions] = run_jobs(runner, jobs, workers=workers, done=lambda _: advance())
    return found


def nominal_search(
    task: Task,
    encoder: Encoder,
    targets: Sequence[SteeringTarget],
    search: ScheduleSearch,
    *,
    workers: int = 1,
    show_progress: bool = True,
) -> Entrant:
    """For each target a schedule found on the nominal material, replayed on the film's own.

    Args:
        task: of the films.
        encoder: of the latents.
        targets: to search for.
        search: size of each search.
        workers: number of processes.
        show_progress: whether to show a progress bar on stderr.
    """
    material = nominal_material(task)
    jobs = [
        SearchJob(number=number, latent=target.latent, material=material)
        for number, target in enumerate(targets)
    ]
    found = search_schedules(task, encoder, jobs, search, workers=workers, show_progress=show_progress)
    names = [target.name for target in targets]
    return Entrant(
        name="CMA-ES", policy=Replay(dict(zip(names, found, strict=True))), films_per_target=search.films
    )


def true_material_search(
    task: Task,
    encoder: Encoder,
    targets: Sequence[SteeringTarget],
    rows: NDArray[np.int64],
    search: ScheduleSearch,
    *,
    films: int = 3,
    workers: int = 1,
    show_progress: bool = True,
) -> Entrant:
    """For each film of a contest a schedule found on that film's material: a bound, since it is hidden.

    Args:
        task: of the films.
        encoder: of the latents.
        targets: (T,) to search for.
        rows: (T,) their numbers in the set of the task.
        search: size of each search.
        films: number of films of each target in the contest.
        workers: number of processes.
        show_progress: whether to show a progress bar on stderr.
    """
    env = film_environment(task)
    jobs: list[SearchJob] = []
    seeds: list[int] = []
    for target, row in zip(targets, rows.tolist(), strict=True):
        for number in range(films):
            seed = film_seed(CONTEST, row, number)
            reset_film(env, seed)
            material = {name: getattr(env.film_recipe, name) for name in task.hidden}
            # Numbers after those of the searches on the nominal material.
            jobs.append(SearchJob(number=len(targets) + len(jobs), latent=target.latent, material=material))
            seeds.append(seed)
    found = search_schedules(task, encoder, jobs, search, workers=workers, show_progress=show_progress)
    return Entrant(
        name="CMA-ES, true material",
        policy=Replay(dict(zip(seeds, found, strict=True))),
        films_per_target=films * search.films,
    )


def nominal_material(task: Task) -> dict[str, Any]:
    """The recipe's own values of the parameters that the task draws."""
    recipe = film_environment(task).recipe
    return {name: getattr(recipe, name) for name in task.hidden}


def grouped(position: NDArray[np.float64], *, groups: int, usual: int, steps: int) -> Actions:
    """The actions (T, K) at a position of a search.

    Args:
        position: (groups * K,) from -1 to 1, group by group.
        groups: number of groups, into which the usual steps are divided as evenly as can be.
        usual: number of steps of an episode without delay; later ones belong to the last group.
        steps: number T of actions.
    """
    group = np.minimum(np.arange(steps) * groups // usual, groups - 1)
    return np.asarray(position, np.float32).reshape(groups, -1)[group]


@dataclass(frozen=True, eq=False)
class _Searcher:
    """Makes the worker that searches; it builds one environment in each process."""

    task: Task
    encoder: Encoder
    search: ScheduleSearch

    def __call__(self) -> Callable[[SearchJob, Callable[[], bool]], Actions]:
        calm = dataclasses.replace(self.task, drafts=0.0)
        env = film_environment(calm)
        usual, knobs = env.settings.steps, len(env.panel)

        def run(job: SearchJob, stopped: Callable[[], bool]) -> Actions:
            method = CMAES(self.search.groups * knobs, seed=job.number)
            made = 0

            def distance(actions: Actions) -> float:
                nonlocal made
                seed = search_seed(job.number, made)
                made += 1
                film = make_film(
                    env, Film(seed=seed, noise=seed, actions=actions, options=job.material), calm
                )
                latent = self.encoder.encode(film.frames[-1:])[0]
                # Only ranks count, and a film that failed is the last.
                return _FAILED if film.diverged else float(np.linalg.norm(latent - job.latent))

            results: list[Result] = []
            candidates: list[Actions] = []
            total = self.search.films - _FINALISTS * _REPEATS
            while len(results) < total:
                first = len(results)
                numbers = range(first, min(first + method.batch, total))
                for position in method.propose(numbers, results):
                    candidates.append(
                        grouped(position, groups=self.search.groups, usual=usual, steps=self.task.steps)
                    )
                    results.append(Result(position.tolist(), distance(candidates[-1])))
            ranked = np.argsort([result.distance for result in results], kind="stable")[:_FINALISTS]
            again = [np.mean([distance(candidates[place]) for _ in range(_REPEATS)]) for place in ranked]
            return candidates[int(ranked[int(np.argmin(again))])]

        return run
