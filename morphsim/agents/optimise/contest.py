"""The choice of a candidate, and its check, by films that the search has not seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from morphsim.agents.comparison import RANDOM, RECIPE, AgentEvaluation, PolicyResult
from morphsim.agents.optimise.films import FilmEnd, FilmJob, MakeFilms
from morphsim.agents.optimise.proposals import seed_of
from morphsim.agents.optimise.search import Candidate
from morphsim.agents.optimise.space import KnobSpace
from morphsim.agents.seeds import evaluation_seeds, training_seed

OPTIMUM = "optimum"
"""Name of the chosen candidate among the `PolicyResult`s of a check, beside `recipe` and `random`."""

CHECK_SEEDS = 1_000_000
"""Seed of the first film of a check."""
_RANDOM_KNOBS = 0x52616E64

Done = Callable[[FilmEnd], None]


@dataclass(frozen=True, eq=False, kw_only=True)
class Row:
    """A film for `history.csv`."""

    stage: str
    """What it was made for: search, choice, or check."""
    name: str
    """`candidate-NNNN`, `recipe` or `random`."""
    candidate: int | None
    """Number of the candidate; None for other films."""
    position: tuple[float, ...] | None
    """(D,) from -1 to 1; None for the untouched recipe."""
    seed: int | None
    """Of its noise; None for a film of a laboratory."""
    distance: float
    """From the target; NaN if it failed."""
    reason: str = ""
    """Why it failed."""


def job_name(candidate: Candidate) -> str:
    """The name of a candidate's films."""
    return f"candidate-{candidate.number:04}"


def search_jobs(space: KnobSpace, candidate: Candidate, *, seed: int, repeats: int) -> list[FilmJob]:
    """The films of a candidate in a search of `seed`."""
    seeds = [training_seed(seed, candidate.number, repeat) for repeat in range(repeats)]
    return _jobs(space, candidate, seeds)


def choose(
    space: KnobSpace, finalists: Sequence[Candidate], make: MakeFilms, *, seed: int, films: int, done: Done
) -> tuple[Candidate, list[Row]]:
    """Make new films of the nearest candidates, with the same noise, and choose by their medians alone.

    The films of the search don't count: the nearest of many noisy films is near by luck too.

    Args:
        space: of the search.
        finalists: at least one.
        make: makes films.
        seed: of the search.
        films: of each finalist.
        done: called with each film.

    Returns:
        The candidate with the smallest median, the first of equally near ones, and all films.
    """
    # Numbers of repeats that the search does not reach.
    seeds = [training_seed(seed_of(seed, _RANDOM_KNOBS), 0, number) for number in range(films)]
    ends = make([job for each in finalists for job in _jobs(space, each, seeds)], done=done)
    rows: list[Row] = []
    medians = []
    for number, candidate in enumerate(finalists):
        own = ends[number * films : (number + 1) * films]
        rows += _rows("choice", job_name(candidate), candidate, [candidate.position] * films, seeds, own)
        medians.append(median(math.inf if math.isnan(end.distance) else end.distance for end in own))
    return finalists[int(np.argmin(medians))], rows


def check(
    space: KnobSpace, chosen: Candidate, make: MakeFilms, *, seed: int, films: int, worst: float, done: Done
) -> tuple[AgentEvaluation, list[Row]]:
    """Make new films of the chosen candidate, of the untouched recipe and of random knobs, on the same seeds.

    Args:
        space: of the search.
        chosen: candidate.
        make: makes films.
        seed: of the search.
        films: of each of the three.
        worst: distance that failed films have at least.
        done: called with each film.

    Returns:
        The comparison, `OPTIMUM` first, where failed films count as the farthest one; and all films.
    """
    seeds = list(evaluation_seeds(CHECK_SEEDS, films))
    draws = [np.random.default_rng([_RANDOM_KNOBS, seed, each]) for each in seeds]
    random = [tuple(draw.uniform(-1.0, 1.0, space.size).tolist()) for draw in draws]
    jobs = _jobs(space, chosen, seeds)
    jobs += [FilmJob(name=RECIPE, film=space.seeded(each)) for each in seeds]
    jobs += [
        FilmJob(name=RANDOM, film=space.film(position, seed=each))
        for position, each in zip(random, seeds, strict=True)
    ]
    ends = make(jobs, done=done)
    worst = max([worst, *(end.distance for end in ends if not math.isnan(end.distance))])
    parts = [ends[start : start + films] for start in range(0, 3 * films, films)]
    results = [
        _result(name, part, worst) for name, part in zip((OPTIMUM, RECIPE, RANDOM), parts, strict=True)
    ]
    rows = _rows("check", job_name(chosen), chosen, [chosen.position] * films, seeds, parts[0])
    rows += _rows("check", RECIPE, None, [None] * films, seeds, parts[1])
    rows += _rows("check", RANDOM, None, random, seeds, parts[2])
    return AgentEvaluation(seeds=tuple(seeds), results=tuple(results)), rows


def _result(name: str, ends: Sequence[FilmEnd], worst: float) -> PolicyResult:
    failed = np.array([math.isnan(end.distance) for end in ends])
    return PolicyResult(
        name=name,
        distances=np.array([worst if math.isnan(end.distance) else end.distance for end in ends]),
        diverged=failed,
        wet=np.zeros(len(ends), np.bool_),
        frames=np.stack([end.frame for end in ends]),
    )


def _jobs(space: KnobSpace, candidate: Candidate, seeds: Sequence[int]) -> list[FilmJob]:
    name = job_name(candidate)
    return [FilmJob(name=name, film=space.film(candidate.position, seed=seed)) for seed in seeds]


def _rows(
    stage: str,
    name: str,
    candidate: Candidate | None,
    positions: Sequence[tuple[float, ...] | None],
    seeds: Sequence[int],
    ends: Sequence[FilmEnd],
) -> list[Row]:
    number = None if candidate is None else candidate.number
    return [
        Row(
            stage=stage,
            name=name,
            candidate=number,
            position=position,
            seed=seed,
            distance=end.distance,
            reason=end.reason,
        )
        for position, seed, end in zip(positions, seeds, ends, strict=True)
    ]
