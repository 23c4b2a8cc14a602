"""Policies that steer films to any target of a task, beside what a user would do without an agent.

    python benchmarks/steering.py [--task DryingUnknown-v1] [--policies recipe library ...]
        [--agent default] [--workers 2] [--json] [--quick]

Every policy steers three films to each of the 40 test targets, all with the same hidden materials and the
same noise. The regret is 0 for repeats of a target's own schedule on its own material and 1 for random
schedules; the table has its median over the targets with a 95 % interval, by the latent distance that
policies are rewarded by, and by the ruler, which none of them knows. A search is never measured by the films
that it made. `own` and `cma-es-true` know what is hidden from the others: they are bounds.

| policy | what it does |
|---|---|
| random | a random schedule for each film |
| recipe | the knobs at the values of the recipe |
| constant | the nearest of 40 constant recipes, simulated on the nominal material |
| library | the schedule of the nearest of 1000 films of random schedules on random materials |
| cma-es | a schedule found with 256 films on the nominal material, for each target |
| feedback | that schedule, with the evaporation corrected by the measured drying rate |
| own | the target's own schedule, on the film's material |
| cma-es-true | a schedule found with 256 films on the film's own material; only if named |

With `--agent` there are also `agent` and its mean schedule of eight other films, replayed blind. Targets
whose best constant recipe on their own material has a regret over 0.2 by the ruler need a schedule; they are
listed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from _contest_picture import draw_contest
from _harness import BenchmarkOptions, Outcome, Target, run, say, table

from morphsim.agents import SteeringAgent, load_agent
from morphsim.agents.steering.agent_policy import AgentPolicy, Predictor
from morphsim.agents.steering.baselines import (
    best_constant,
    blind_replay,
    nearest_in_library,
    own_schedules,
    random_schedules,
    untouched_recipe,
)
from morphsim.agents.steering.contest import MEASURES, Contest, ContestResult, Standing
from morphsim.agents.steering.feedback import rate_feedback
from morphsim.agents.steering.library import FilmLibrary, make_library
from morphsim.agents.steering.policy import Entrant, steering_targets
from morphsim.agents.steering.reach import constant_regret
from morphsim.agents.steering.search import ScheduleSearch, nominal_search, true_material_search
from morphsim.errors import InputError
from morphsim.similarity.regret import regret
from morphsim.tasks import find_task, load_targets

PolicyName = Literal["random", "recipe", "constant", "library", "cma-es", "feedback", "own", "cma-es-true"]
USUAL: tuple[PolicyName, ...] = ("random", "recipe", "constant", "library", "cma-es", "feedback", "own")
QUICK: tuple[PolicyName, ...] = ("recipe", "constant", "library")
AGENT = "agent"
MOST_REGRET = {"DryingUnknown-v1": 0.05, "DryingDisturbed-v1": 0.15}
"""What the agent has to reach by the ruler on these tasks; on others 0.2."""
OUT_OF_REACH = 0.2
"""Regret by the ruler over which a target is out of reach of constant recipes."""


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Compare policies that steer films to any target."""

    task: str = "DryingUnknown-v1"
    """Name of the task."""
    policies: tuple[PolicyName, ...] = USUAL
    """Baselines and bounds."""
    agent: str | None = None
    """Name of a shipped agent, or folder of an agent that observes what the task shows."""
    targets: int = 40
    """Number of test targets."""
    films: int = 3
    """Films of each policy and target."""
    own: int = 6
    """Repeats of each target's own schedule."""
    random: int = 64
    """Films by chance."""
    constants: int = 40
    """Constant recipes."""
    library: Path | None = None
    """File of a library of films, instead of one that is made."""
    library_films: int = 1000
    """Films of the library that is made."""
    search_films: int = 256
    """Films of each search."""
    workers: int = 1
    """Processes; no figure but the seconds depends on it."""
    reach: bool = True
    """Whether to find out which targets are out of reach of constant recipes."""
    picture: Path | None = None
    """Picture of the first eight targets and the first film that the agent steered to each."""


def load_predictor(name: str) -> Predictor:
    """Load an agent of any kind."""
    agent = load_agent(name)
    return agent if isinstance(agent, SteeringAgent) else agent.model


def entrants(options: Options, contest: Contest) -> list[Entrant]:
    """The policies that are asked for, with their searches made."""
    task, encoder, rows = contest.task, contest.encoder, contest.rows
    targets = steering_targets(load_targets(task), rows, encoder)
    search = ScheduleSearch(films=options.search_films)
    workers = {"workers": options.workers}

    # Two policies share each of these.
    @cache
    def library() -> FilmLibrary:
        if options.library is None:
            return make_library(task, encoder, options.library_films, **workers)
        found = FilmLibrary.load(options.library)
        if (found.task, found.encoder) != (task.name, encoder.hash):
            raise InputError(f"{options.library} is a library of {found.task}, or of another encoder")
        return found

    @cache
    def searched() -> Entrant:
        return nominal_search(task, encoder, targets, search, **workers)

    makers: Mapping[PolicyName, Callable[[], Entrant]] = {
        "random": lambda: random_schedules(task),
        "recipe": lambda: untouched_recipe(task, targets),
        "constant": lambda: best_constant(task, encoder, targets, constants=options.constants, **workers),
        "library": lambda: nearest_in_library(library(), targets),
        "cma-es": searched,
        "feedback": lambda: rate_feedback(task, searched(), targets, library(), **workers),
        "own": lambda: own_schedules(load_targets(task), rows),
        "cma-es-true": lambda: true_material_search(
            task, encoder, targets, rows, search, films=options.films, **workers
        ),
    }
    found = []
    if options.agent is not None:
        # Before anything is made for it.
        predictor = load_predictor(options.agent)
        made = predictor.films if isinstance(predictor, SteeringAgent) else 0
        agent = Entrant(name=AGENT, policy=AgentPolicy(partial(load_predictor, options.agent)), films=made)
        say("agent, mean schedule")
        found += [agent, blind_replay(task, encoder, agent, rows, **workers)]
    for name in options.policies:
        say(name)
        found.append(replace(makers[name](), name=name))
    return found


def row_of(standing: Standing) -> dict[str, Any]:
    """What the JSON has of a policy."""
    films = standing.films
    return {
        "regret": {measure: standing.regret[measure].to_dict() for measure in MEASURES},
        "median_distance": {
            measure: float(np.median(getattr(standing.distances, measure))) for measure in MEASURES
        },
        "films_once": standing.entrant.films,
        "films_per_target": standing.entrant.films_per_target,
        "seconds": films.seconds,
        "films_per_second": films.count / films.seconds,
        "steps_per_second": films.steps / films.seconds,
        "wet": int(films.wet.sum()),
        "diverged": int(films.diverged.sum()),
    }


def differences(result: ContestResult) -> dict[str, Any]:
    """The agent's regret less that of each other policy, film by film."""
    others = [each.entrant.name for each in result.standings if each.entrant.name != AGENT]
    return {
        other: {measure: result.difference(AGENT, other, measure).to_dict() for measure in MEASURES}
        for other in others
    }


def targets_of(result: ContestResult, apart: Mapping[str, Any]) -> list[Target]:
    """What the agent has to reach; nothing without an agent."""
    if not apart:
        return []
    found, most = result[AGENT].regret, MOST_REGRET.get(result.task, 0.2)
    blind = next(name for name in apart if name.startswith(AGENT))
    return [
        Target("regret of the agent by the ruler, median", found["ruler"].value, "<=", most),
        Target("the same, upper end of its interval", found["ruler"].high, "<=", most + 0.1),
        Target("regret of the agent by the latent distance, median", found["latent"].value, "<=", most),
        Target(
            "regret of the agent less that of its mean schedule, ruler, upper end of the interval",
            apart[blind]["ruler"]["high"],
            "<=",
            0.0,
        ),
    ]


def results_table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The policies with their regrets and what they cost."""
    header = (
        "policy",
        "latent",
        "from",
        "to",
        "ruler",
        "from",
        "to",
        "films",
        "per target",
        "films/s",
        "steps/s",
    )
    lines = []
    for name, row in rows.items():
        regrets = [row["regret"][measure][end] for measure in MEASURES for end in ("value", "low", "high")]
        costs = ("films_once", "films_per_target", "films_per_second", "steps_per_second")
        lines.append((name, *regrets, *(row[cost] for cost in costs)))
    return table(header, lines)


def measure(options: Options) -> Outcome:
    """Run the contest."""
    if options.quick:
        options = replace(
            options,
            policies=QUICK if options.policies == USUAL else options.policies,
            targets=2,
            films=1,
            own=2,
            random=6,
            constants=3,
            # Gains of a feedback can't be fitted to fewer.
            library_films=40 if "feedback" in options.policies and options.policies != USUAL else 4,
            search_films=16,
        )
    unknown = [name for name in options.policies if name not in get_args(PolicyName)]
    if unknown or len(set(options.policies)) < len(options.policies):
        raise InputError(f"policies are {list(options.policies)}; name each once, of {get_args(PolicyName)}")
    if options.picture is not None and options.agent is None:
        raise InputError(f"there is no agent whose films {options.picture} could show; name one with --agent")
    task = find_task(options.task)
    say("references")
    contest = Contest(
        task,
        targets=options.targets,
        films=options.films,
        own=options.own,
        random=options.random,
        workers=options.workers,
    )
    result = contest.run(entrants(options, contest))
    constant: list[float] = []
    if options.reach:
        say("constant recipes on the targets' own materials")
        constant = constant_regret(contest, constants=options.constants).tolist()
    if options.picture is not None:
        _draw(options.picture, contest, result)
    return outcome(task.name, options, result, constant)


def _draw(path: Path, contest: Contest, result: ContestResult) -> None:
    standing = result[AGENT]
    own, random = (
        np.median(each.ruler, axis=1) for each in (contest.references.own, contest.references.random)
    )
    draw_contest(
        path,
        load_targets(contest.task).frames[contest.rows],
        list(result.targets),
        standing,
        regret(standing.distances.ruler[:, 0], own, random),
    )


def outcome(task: str, options: Options, result: ContestResult, constant: Sequence[float]) -> Outcome:
    """What is told of a contest.

    Args:
        task: name of the task.
        options: with which it was run.
        result: of the contest.
        constant: (T,) regret of the best constant recipe on each target's own material, by the ruler.
    """
    rows = {standing.entrant.name: row_of(standing) for standing in result.standings}
    apart = differences(result) if options.agent is not None else {}
    own, chance = result.references.own, result.references.random
    results: dict[str, Any] = {
        "task": task,
        "targets": len(result.targets),
        "films_per_target": options.films,
        "constants": options.constants,
        "distance": {
            measure: {
                "own": float(np.median(getattr(own, measure))),
                "random": float(np.median(getattr(chance, measure))),
            }
            for measure in MEASURES
        },
        "policies": rows,
        "agent_less": apart,
    }
    told = results_table(rows)
    if constant:
        by_target = dict(zip(result.targets, constant, strict=True))
        far = [name for name, value in by_target.items() if value > OUT_OF_REACH]
        results |= {
            "out_of_reach_of_constant_recipes": far,
            "number_out_of_reach": len(far),
            "regret_of_the_best_constant_recipe": by_target,
        }
        names = ", ".join(far) or "-"
        count = f"{len(far)} of {len(constant)}"
        told += f"\n\n{count} targets are out of reach of constant recipes: {names}"
    return Outcome(results, targets_of(result, apart), told)


if __name__ == "__main__":
    sys.exit(run("steering", Options, measure))
