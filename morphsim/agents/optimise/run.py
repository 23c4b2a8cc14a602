"""A search for a recipe among simulated films; it can be killed at any moment and continued."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from morphsim.agents.comparison import AgentEvaluation
from morphsim.agents.optimise.config import OptimiseConfig
from morphsim.agents.optimise.contest import Row, check, choose, job_name, search_jobs
from morphsim.agents.optimise.films import FilmEnd, MakeFilms, film_maker
from morphsim.agents.optimise.output import write_results
from morphsim.agents.optimise.search import Candidate
from morphsim.agents.optimise.study import Study, open_study
from morphsim.errors import InputError
from morphsim.locks import claimed_folder
from morphsim.progress import progress


@dataclass(frozen=True, eq=False, kw_only=True)
class Optimum:
    """The recipe that a search found."""

    candidate: Candidate
    """The chosen candidate."""
    evaluation: AgentEvaluation
    """New films of it, of the untouched `recipe` and of `random` knobs."""
    rows: list[Row]
    """All films."""
    seconds: float
    """Wall-clock time of this run [s]."""
    study: Study
    """The search."""

    def to_dict(self) -> dict[str, Any]:
        """The result as values that JSON can hold."""
        config, space = self.study.config, self.study.space
        stages = [row.stage for row in self.rows]
        return {
            "target": config.target,
            "encoder": config.encoder,
            "encoder_hash": self.study.distance.encoder.hash,
            "process": space.base.recipe.process,
            "schedule": space.schedule,
            "over": space.over,
            "breakpoints": list(space.shares[1:]),
            "method": config.method,
            "seed": config.seed,
            "candidate": self.candidate.number,
            "settings": {name: list(values) for name, values in self.candidate.settings.items()},
            "films": {stage: stages.count(stage) for stage in ("search", "choice", "check")},
            "failed": {
                stage: sum(math.isnan(row.distance) for row in self.rows if row.stage == stage)
                for stage in ("search", "choice", "check")
            },
            "check": _without_verdict(self.evaluation),
            "seconds": self.seconds,
        }


def optimise_recipe(config: OptimiseConfig, *, show_progress: bool = True) -> Optimum:
    """Search the knobs whose films come nearest to a target, in latent distance of the last frame.

    A search is never scored by the films that it found: its nearest candidates are made again with new noise
    to choose one by their medians, and the chosen one is made again for the check, beside the untouched
    recipe and random knobs. Failed films (diverged, or not dry within the recipe's duration) count as the
    farthest one.

    The folder gets `recipe.toml`, from which `morphsim simulate` makes the first film of the check again, bit
    for bit on the same machine; `history.csv` with each film, `result.json` and `picture.png`. Every film is
    stored as soon as it is made, so the same configuration continues a search that was stopped, with the same
    result as without interruption. With several workers, a script must guard its entry with
    `if __name__ == "__main__":`, since each process imports it.

    Args:
        config: of the search.
        show_progress: whether to show progress on stderr.

    Raises:
        InputError: the target, the encoder or the recipe can't be used or don't fit together, a package is
            missing, the folder holds another search, or all films failed.
        MachineError: a worker was killed, another run writes to the folder, or the disk is full.
        KeyboardInterrupt: on Ctrl-C, with a message that says what is kept.
    """
    begun = time.perf_counter()
    with claimed_folder(config.out):
        study = open_study(config)
        try:
            optimum = _run(study, begun, show_progress)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                "stopped; the films that were made are kept, and the same command continues"
            ) from None
        write_results(study, optimum.candidate, optimum.evaluation, optimum.rows, optimum.to_dict())
    return optimum


def _run(study: Study, begun: float, show_progress: bool) -> Optimum:
    config, space = study.config, study.space
    finalists = min(config.finalists, max(config.candidates, len(study.search.candidates)))
    total = config.candidates * config.repeats + finalists * config.finalist_films + 3 * config.check
    with (
        film_maker(config.out, study.distance, workers=config.workers) as make,
        progress("optimising", total, unit="films", show=show_progress) as advance,
    ):

        def done(_: FilmEnd) -> None:
            best = study.search.best
            note = "" if best is None else f"nearest {study.search.value(best.number):.3f}"
            advance(note=note)

        rows = _search(study, make, done)
        ranked = study.search.ranked(config.finalists)
        if not ranked:
            raise InputError(
                f"all {len(rows)} films of the search failed, the first one because: {rows[0].reason}"
            )
        chosen, more = choose(space, ranked, make, seed=config.seed, films=config.finalist_films, done=done)
        rows += more
        evaluation, more = check(
            space,
            chosen,
            make,
            seed=config.seed,
            films=config.check,
            worst=study.search.worst,
            done=done,
        )
        rows += more
    seconds = time.perf_counter() - begun
    return Optimum(candidate=chosen, evaluation=evaluation, rows=rows, seconds=seconds, study=study)


def _search(study: Study, make: MakeFilms, done: Callable[[FilmEnd], None]) -> list[Row]:
    """Make films until there are enough candidates, and return those of all candidates."""
    config, search = study.config, study.search
    while True:
        if not search.pending:
            left = config.candidates - len(search.candidates)
            if left <= 0:
                break
            # Whole batches, so that a longer search has the candidates of a shorter one.
            batch = search.batch - len(search.candidates) % search.batch
            search.ask(min(batch, left))
            study.save()
        pending = search.pending
        jobs = [search_jobs(study.space, each, seed=config.seed, repeats=config.repeats) for each in pending]
        ends = make([job for group in jobs for job in group], done=done)
        for number, candidate in enumerate(pending):
            own = ends[number * config.repeats : (number + 1) * config.repeats]
            search.tell(candidate, distance=[end.distance for end in own])
        study.save()
    return _search_rows(study, make)


def _search_rows(study: Study, make: MakeFilms) -> list[Row]:
    """The films of all candidates; those of a laboratory have no seed."""
    config, rows = study.config, []
    for number, distances in sorted(study.search.told.items()):
        candidate = study.search.candidates[number]
        jobs = search_jobs(study.space, candidate, seed=config.seed, repeats=config.repeats)
        simulated = all(job.path(config.out).exists() for job in jobs)
        ends = make(jobs, done=lambda _: None) if simulated else []
        for place, distance in enumerate(distances):
            rows.append(
                Row(
                    stage="search",
                    name=job_name(candidate),
                    candidate=number,
                    position=candidate.position,
                    seed=jobs[place].seed if simulated else None,
                    distance=distance,
                    reason=ends[place].reason if simulated else "",
                )
            )
    return rows


def _without_verdict(evaluation: AgentEvaluation) -> dict[str, Any]:
    """The comparison without the regret, which needs the recipe of the target."""
    values = evaluation.to_dict()
    for policy in values["policies"].values():
        policy["failed"] = policy.pop("diverged")
        del policy["regret"], policy["wet"]
    return {
        "seeds": values["seeds"],
        "films": {
            name: policy | {"films": len(values["seeds"])} for name, policy in values["policies"].items()
        },
        "sign_tests": values["sign_tests"],
    }
