"""What becomes of films whose recipe and knobs are drawn from the whole range that is allowed.

    python benchmarks/random_recipes.py [--films 500] [--json] [--quick]

Every parameter of a recipe is drawn from its range, evenly, or evenly in the logarithm where the range spans
two decades; then all knobs are turned twice while the film is made, again anywhere in their ranges. A film
must end as its recipe says, with its solutes conserved and its fields inside the simplex, or say that it
can't be advanced. Films that need longer than `--longest` are left there, listed, and counted as missed.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from _harness import BenchmarkOptions, Outcome, Target, number, run, say, table

from morphsim.device import set_threads
from morphsim.errors import InputError
from morphsim.simulator import (
    AnnealingRecipe,
    DryingRecipe,
    Recipe,
    Simulation,
    SimulationDiverged,
    find_process,
)

SHAPE = (32, 96)
PROCESSES: tuple[type[Recipe], ...] = (DryingRecipe, DryingRecipe, DryingRecipe, AnnealingRecipe)
"""Drying has more to go wrong, so it gets three films of four."""
LARGEST_DRIFT = 1e-6
OUTSIDE_BOUND = 1e-3
DIVERGED_BOUND = 0.01
_TURNS = (1.0 / 3.0, 2.0 / 3.0)


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Simulate films of random recipes."""

    films: int = 500
    """How many."""
    seed: int = 0
    """Of what is drawn."""
    workers: int = 2
    """Processes."""
    longest: float = 60.0
    """Seconds after which a film is left unfinished."""


@dataclass(frozen=True)
class Film:
    """How a film ended.

    Attributes:
        index: which one.
        process: of its recipe.
        end: "dry", "time", "unfinished" or "diverged".
        seconds: that it took.
        steps: that it took.
        rejected: steps that were taken again.
        drift: largest relative change of a solute's mass.
        outside: how far a volume fraction has lain outside [0, 1], of what was seen on the way.
        message: why it could not be advanced.
        recipe: its parameters.
    """

    index: int
    process: str
    end: str
    seconds: float
    steps: int
    rejected: int
    drift: float
    outside: float
    message: str
    recipe: dict[str, Any]


def draw(low: float, high: float, random: np.random.Generator) -> float:
    """A number from a range, in the logarithm where it spans two decades; a range from 0 has eight."""
    if low >= 0.0 and high >= 100.0 * low:
        if low == 0.0 and (high > 1e-2 or random.random() < 0.25):
            return float(random.uniform(low, high)) if high > 1e-2 else 0.0
        low = low or 1e-8 * high
        return float(min(high, np.exp(random.uniform(np.log(low), np.log(high)))))
    return float(random.uniform(low, high))


def random_recipe(kind: type[Recipe], random: np.random.Generator) -> tuple[Recipe, int]:
    """A recipe that is allowed, and how many draws were not."""
    refused = 0
    while True:
        values: dict[str, Any] = {}
        for entry in fields(kind):
            if "range" in entry.metadata:
                values[entry.name] = draw(*entry.metadata["range"], random)
            else:
                values[entry.name] = str(random.choice(entry.metadata["choices"]))
        # Stripes must divide the width.
        values["substrate_period"] = float(random.choice([0.0, values["width"] / random.integers(1, 9)]))
        try:
            recipe = kind(**values)
            Simulation([recipe], seeds=[0], shape=(2, 2))
        except InputError:
            refused += 1
            continue
        return recipe, refused


def make(task: tuple[int, int, float]) -> Film:
    """Make one film to its end, in so many seconds at most."""
    index, seed, longest = task
    set_threads(1)
    random = np.random.default_rng((seed, index))
    kind = PROCESSES[index % len(PROCESSES)]
    recipe, _ = random_recipe(kind, random)
    assert isinstance(recipe, AnnealingRecipe | DryingRecipe)
    simulation = Simulation([recipe], seeds=[index], shape=SHAPE)
    mass = simulation.solute_mass()
    started = time.perf_counter()
    message, outside = "", 0.0
    try:
        for turn in (*_TURNS, 1.0):
            for _ in _advance(simulation, recipe, turn, started + longest):
                outside = max(outside, _outside(simulation))
            if turn < 1.0:
                _turn(simulation, random)
        end = "dry" if kind is DryingRecipe and simulation.dry[0] else "time"
    except TimeoutError:
        end = "unfinished"
    except SimulationDiverged as error:
        end, message = "diverged", str(error)
    return Film(
        index=index,
        process=recipe.process,
        end=end,
        seconds=time.perf_counter() - started,
        steps=simulation.steps,
        rejected=simulation.rejected,
        drift=float(np.abs(_mass(simulation) / mass - 1.0).max()),
        outside=max(outside, _outside(simulation)),
        message=message,
        recipe=dict(recipe.to_dict()),
    )


def _advance(
    simulation: Simulation, recipe: AnnealingRecipe | DryingRecipe, share: float, latest: float
) -> Iterator[None]:
    """Advance a film piece by piece to a share of its duration, or of its dryness if that comes first."""
    end = share * recipe.duration
    # Pieces that grow with the film's own age, since its steps do.
    while float(simulation.time[0]) < end * (1.0 - 1e-9):
        steps, until = simulation.steps, float(simulation.time[0])
        piece = min(end, max(until + 200.0 * float(simulation.state.last_step[0]), 1e-9 * end))
        if simulation.steps == 0:
            piece = 1e-9 * end
        if isinstance(recipe, DryingRecipe):
            simulation.advance_to_dryness(share, time=piece)
            if float(simulation.time[0]) < piece * (1.0 - 1e-9):
                yield
                return
        else:
            simulation.advance(time=piece)
        yield
        if simulation.steps == steps:
            return
        if time.perf_counter() > latest and float(simulation.time[0]) < end * (1.0 - 1e-9):
            raise TimeoutError


def _outside(simulation: Simulation) -> float:
    """How far a volume fraction lies outside [0, 1]."""
    phi = simulation.fields().double()
    return max(float(-phi.min()), float(phi.sum(dim=1).max()) - 1.0, 0.0)


def _mass(simulation: Simulation) -> np.ndarray[Any, Any]:
    """Solute masses from the fields themselves, not from what the scheme conserves."""
    mean = simulation.fields().double().mean(dim=(2, 3)).numpy()
    return np.asarray(mean * simulation.thickness[:, None])


def _turn(simulation: Simulation, random: np.random.Generator) -> None:
    """Turn all knobs anywhere in their ranges; a Biot number that is too large is drawn again."""
    kind = type(simulation.recipes[0])
    while True:
        values = {
            knob.name: draw(*kind.__dataclass_fields__[knob.name].metadata["range"], random)
            for knob in find_process(simulation.process).knobs
        }
        try:
            simulation.set_knobs(**values)
        except InputError:
            continue
        return


def measure(options: Options) -> Outcome:
    """Make the films, and count how they ended."""
    count = 8 if options.quick else options.films
    if count < 1:
        raise InputError(f"films is {count}; it must be at least 1")
    tasks = [(index, options.seed, options.longest) for index in range(count)]
    films: list[Film] = []
    with multiprocessing.get_context("spawn").Pool(max(1, options.workers)) as pool:
        for film in pool.imap_unordered(make, tasks):
            films.append(film)
            if (
                film.end == "diverged"
                or film.seconds > 30.0
                or film.drift > LARGEST_DRIFT
                or film.outside > 0.0
            ):
                say(
                    f"film {film.index} ({film.process}): {film.end}, {film.steps} steps, "
                    f"{film.seconds:.0f} s, drift {film.drift:.1e}, outside {film.outside:.1e} {film.message}"
                )
            if len(films) % 50 == 0:
                say(f"{len(films)} of {count} films")
    return _outcome(sorted(films, key=lambda film: film.index))


def _outcome(films: Sequence[Film]) -> Outcome:
    finished = [film for film in films if film.end not in {"diverged", "unfinished"}]
    ends = Counter((film.process, film.end) for film in films)
    seconds = np.array([film.seconds for film in finished])
    steps = np.array([film.steps for film in finished])
    worst = {
        "drift": max(film.drift for film in finished),
        "outside": max(film.outside for film in finished),
    }
    diverged = sum(film.end == "diverged" for film in films) / len(films)
    unfinished = sum(film.end == "unfinished" for film in films) / len(films)
    results = {
        "films": len(films),
        "shape": SHAPE,
        "ends": [{"process": p, "end": e, "films": n} for (p, e), n in sorted(ends.items())],
        "missed": [
            {"film": film.index, "end": film.end, "message": film.message, "recipe": film.recipe}
            for film in films
            if film not in finished
        ],
        "steps": _quantiles(steps),
        "seconds": _quantiles(seconds),
        "rejected_share": float(sum(f.rejected for f in finished) / max(1, steps.sum())),
        **worst,
    }
    rows = [(*key, count) for key, count in sorted(ends.items())]
    return Outcome(
        results=results,
        targets=[
            Target("films that can't be advanced [share]", diverged, "<=", DIVERGED_BOUND),
            Target("films not finished in time [share]", unfinished, "<=", DIVERGED_BOUND),
            Target("drift of a solute's mass, the worst film", worst["drift"], "<=", LARGEST_DRIFT),
            Target(
                "volume fraction outside the simplex, the worst film", worst["outside"], "<=", OUTSIDE_BOUND
            ),
        ],
        table="\n\n".join(
            (
                table(("process", "end", "films"), rows),
                f"Steps of a film: median {number(results['steps']['median'])}, "
                f"most {number(results['steps']['most'])}",
            )
        ),
    )


def _quantiles(values: np.ndarray[Any, Any]) -> dict[str, float]:
    return {
        "median": float(np.median(values)),
        "p90": float(np.quantile(values, 0.9)),
        "p99": float(np.quantile(values, 0.99)),
        "most": float(values.max()),
    }


if __name__ == "__main__":
    sys.exit(run("random_recipes", Options, measure))
