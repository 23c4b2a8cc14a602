"""How accurate films are, and how many steps they take, against the tolerance.

    python benchmarks/step_control.py [--recipe NAME ...] [--seeds 8] [--old PATH] [--json] [--quick]

Films of each recipe are made with the default tolerance and with its multiples, and compared with films of
the same seeds whose tolerance is 20 times finer. Each size of step draws other noise, so groups of films are
compared: `last` is the distance between the mean latents of their last frames, in the default encoder's unit
(1 is the median distance of random training frames), `last chance` what groups of equal films would show, and
`last rank` the share of random groups that lie as far apart, see `_shifts.py`. `middle` is the same at a
dryness of 0.6, or after 0.6 of the annealing. `same seed` is the mean distance of the last frames of one
seed: the error of a film without noise. Steps are all that were tried.

`reference` compares the finely stepped films of one recipe with films of half their tolerance: this much the
reference itself may be off. `--old` is a Python interpreter, or a folder, in which version 0.1.0 is
installed; it makes films of the same recipes and seeds on the same cells with its own default, and for some
recipes with its own finest steps (tolerance 0.0005, 0.001 of height in a step), from which `old last` is
its shift.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _harness import BenchmarkOptions, Outcome, Target, run, say, table
from _shifts import mean_shift
from _step_films import FilmJob, StepFilm, make_elsewhere, make_worker
from numpy.typing import NDArray

from morphsim import load_encoder
from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.frames import binarise
from morphsim.processes import run_jobs
from morphsim.rewards.metric import LatentMetric
from morphsim.simulator import AnnealingRecipe, DryingRecipe, Recipe, resample_fields
from morphsim.simulator.cells import solver_cells
from morphsim.simulator.core.control import TOLERANCE
from morphsim.simulator.simulation import donor_share

LARGEST_SHIFT = 0.1
LEAST_RATIO = 1.1
"""Of the steps at half the tolerance to those at the default."""
RECIPES: Mapping[str, Recipe] = {
    "default": DryingRecipe(),
    "slow": DryingRecipe(evaporation=0.06, blend_ratio=0.45),
    "short donor": DryingRecipe(evaporation=1.5, n_donor=5.0),
    "more donor": DryingRecipe(n_donor=5.0, blend_ratio=0.55),
    "substrate": DryingRecipe(evaporation=0.1, substrate_donor=0.2),
    "fast": DryingRecipe(evaporation=3.0, n_donor=10.0),
    "without noise": DryingRecipe(thermal_noise=0.0),
    "annealed": AnnealingRecipe(thermal_noise=3e-7),
}
# The finest steps of version 0.1.0, whose tolerance leaves the change of height in a step as it is.
OLD_TOLERANCE, OLD_CHANGE = 0.0005, 0.001
QUICK: Mapping[str, Any] = {
    "recipe": ("fast",),
    "cells": (10, 40),
    "seeds": 3,
    "factors": (4.0, 1.0, 0.5),
    "finer": 4.0,
    "old_fine": ("fast",),
}


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Films of several tolerances."""

    recipe: tuple[str, ...] = ()
    """Names of recipes (default: all)."""
    cells: tuple[int, int] | None = None
    """Height and width of the solver's grid (default: that of the process)."""
    seeds: int = 8
    """Films of each recipe and tolerance."""
    factors: tuple[float, ...] = (8.0, 2.0, 1.0, 0.5, 0.125)
    """Tolerances of the measured films, as multiples of the default; 1 and 0.5 among them."""
    finer: float = 20.0
    """How many times the reference's tolerance is finer than the default."""
    check: str = "default"
    """Recipe whose reference is compared with films of half its tolerance, if it is among the recipes;
    else the first one."""
    old: Path | None = None
    """A Python interpreter, or a folder, in which version 0.1.0 is installed."""
    old_fine: tuple[str, ...] = ("default",)
    """Recipes of which version 0.1.0 also makes finely stepped films."""
    workers: int = 1
    """Films side by side, each in its own process."""


@dataclass(frozen=True)
class Group:
    """Films of one recipe and tolerance: the latents of those that did not diverge, and their mean counts.

    Attributes:
        latents: (moments, N, D).
        steps: tried.
        refused: of these.
        diverged: number of films.
    """

    latents: NDArray[np.float32]
    steps: float
    refused: float
    diverged: int


def checked(options: Options) -> Options:
    """The options with the names of recipes filled in.

    Raises:
        InputError: an unknown recipe, or numbers that can't be used.
    """
    unknown = sorted({*options.recipe, *options.old_fine, options.check} - set(RECIPES))
    if unknown:
        raise InputError(f"there is no recipe {unknown[0]!r}; choose from {', '.join(RECIPES)}")
    if options.seeds < 2:
        raise InputError(f"seeds is {options.seeds}; it must be at least 2, since groups are compared")
    if not {1.0, 0.5} <= set(options.factors) or min(options.factors) <= 0.0:
        raise InputError(f"factors are {options.factors}; they must be above 0 and hold 1 and 0.5")
    if options.finer * min(options.factors) <= 1.0:
        raise InputError(
            f"finer is {options.finer:g}; it must exceed {1 / min(options.factors):g}, so that the reference "
            "is finer than all measured films"
        )
    names = options.recipe or tuple(RECIPES)
    return replace(
        options,
        recipe=names,
        check=options.check if options.check in names else names[0],
        old_fine=tuple(name for name in options.old_fine if name in names),
    )


def jobs_of(
    name: str,
    options: Options,
    frame: tuple[int, int],
    tolerance: float | None = None,
    thickness_change: float | None = None,
) -> list[FilmJob]:
    """The films of a recipe, one for each seed."""
    recipe = RECIPES[name]
    cells = solver_cells(recipe, frame, options.cells)
    seeds = range(options.seeds)
    return [FilmJob(recipe.to_dict(), seed, cells, tolerance, thickness_change) for seed in seeds]


def group_of(name: str, films: Sequence[StepFilm], encoder: Encoder) -> Group:
    """Encode the frames of the films of one recipe and tolerance.

    Raises:
        InputError: fewer than two films were finished.
    """
    whole = [film.fields for film in films if film.fields is not None]
    if len(whole) < 2:
        raise InputError(f"{len(films) - len(whole)} of {len(films)} films of {name!r} diverged")
    fields = torch.from_numpy(np.stack(whole, axis=1))
    moments = []
    for each in fields:
        shown = resample_fields(each, encoder.frame_shape, boundary=RECIPES[name].boundary)
        moments.append(encoder.encode(binarise(donor_share(shown).numpy())))
    return Group(
        np.stack(moments),
        float(np.mean([film.steps for film in films])),
        float(np.mean([film.refused for film in films])),
        len(films) - len(whole),
    )


def grouped(
    keys: Iterable[tuple[str, float]], films: Sequence[StepFilm], encoder: Encoder, seeds: int
) -> dict[tuple[str, float], Group]:
    """The films, in runs of `seeds`, as groups by recipe and tolerance."""
    return {
        key: group_of(key[0], films[number * seeds : (number + 1) * seeds], encoder)
        for number, key in enumerate(keys)
    }


def compared(measured: Group, reference: Group, metric: LatentMetric) -> dict[str, Any]:
    """Shifts of both moments, and the distance of films of the same seed."""
    found: dict[str, Any] = {"steps": measured.steps, "refused": measured.refused}
    for row, moment in ((1, "last"), (0, "middle")):
        shift = mean_shift(measured.latents[row], reference.latents[row], metric)
        found |= {moment: shift.shift, f"{moment} chance": shift.chance, f"{moment} rank": shift.rank}
    found["same seed"] = (
        None
        if measured.diverged or reference.diverged
        else float(metric(measured.latents[1], reference.latents[1]).mean())
    )
    return found | {"diverged": measured.diverged}


def measure_old(options: Options, encoder: Encoder, metric: LatentMetric) -> tuple[str, dict[str, Any]]:
    """Version, and for each recipe the steps and, where it was asked for, the shift of version 0.1.0."""
    assert options.old is not None
    keys = [(name, 1.0) for name in options.recipe] + [(name, 0.0) for name in options.old_fine]
    jobs = []
    for name, factor in keys:
        finest = (None, None) if factor else (OLD_TOLERANCE, OLD_CHANGE)
        jobs += jobs_of(name, options, encoder.frame_shape, *finest)
    version, films = make_elsewhere(options.old, jobs)
    groups = grouped(keys, films, encoder, options.seeds)
    found = {}
    for name in options.recipe:
        own = groups[name, 1.0]
        found[name] = {"old steps": own.steps, "old refused": own.refused}
        if (name, 0.0) in groups:
            shift = mean_shift(own.latents[1], groups[name, 0.0].latents[1], metric)
            found[name] |= {"old last": shift.shift, "old chance": shift.chance}
    return version, found


def summary_of(name: str, rows: Mapping[tuple[str, float], Any], groups: Any, metric: LatentMetric) -> Any:
    """What counts of one recipe."""
    own, half, coarsest = rows[name, 1.0], rows[name, 0.5], rows[name, max(key[1] for key in rows)]
    moved = mean_shift(groups[name, 1.0].latents[1], groups[name, 0.5].latents[1], metric)
    return {
        "recipe": name,
        "steps": own["steps"],
        "last": own["last"],
        "last chance": own["last chance"],
        "middle": own["middle"],
        "middle chance": own["middle chance"],
        "half: steps": half["steps"] / own["steps"],
        "half: moved by": moved.shift,
        "half: same seed": float(metric(groups[name, 1.0].latents[1], groups[name, 0.5].latents[1]).mean())
        if not own["diverged"] and not half["diverged"]
        else None,
        "coarsest: last": coarsest["last"],
    }


def measure(options: Options) -> Outcome:
    """Make the films of all recipes and tolerances and compare them."""
    if options.quick:
        options = replace(options, **QUICK)
    options = checked(options)
    encoder = load_encoder("default", device="cpu")
    metric = LatentMetric(encoder)
    reference, halved = 1.0 / options.finer, 0.5 / options.finer
    factors = (*sorted(options.factors, reverse=True), reference)
    keys = [(name, factor) for name in options.recipe for factor in factors] + [(options.check, halved)]
    jobs = [
        job
        for name, factor in keys
        for job in jobs_of(name, options, encoder.frame_shape, factor * TOLERANCE)
    ]
    films: list[StepFilm] = run_jobs(
        make_worker, jobs, workers=options.workers, done=partial(_say_done, total=len(jobs), done=[])
    )
    groups = grouped(keys, films, encoder, options.seeds)
    rows = {
        (name, factor): {"recipe": name, "tolerance": factor * TOLERANCE}
        | compared(groups[name, factor], groups[name, reference], metric)
        for name in options.recipe
        for factor in factors[:-1]
    }
    summaries = [summary_of(name, rows, groups, metric) for name in options.recipe]
    version = None
    if options.old is not None:
        version, old = measure_old(options, encoder, metric)
        summaries = [each | old[each["recipe"]] for each in summaries]
    finest = compared(groups[options.check, reference], groups[options.check, halved], metric)
    results = {
        "frames": list(encoder.frame_shape),
        "seeds": options.seeds,
        "default tolerance": TOLERANCE,
        "old version": version,
        "encoder": encoder.hash,
        "recipes": summaries,
        "by_tolerance": list(rows.values()),
        "reference": [
            {"recipe": options.check, "tolerance": reference * TOLERANCE, "halved": halved * TOLERANCE}
            | finest
        ],
    }
    return Outcome(results, targets_of(summaries), _tables(results))


def targets_of(summaries: Sequence[Mapping[str, Any]]) -> list[Target]:
    """Bounds on the shift and the steps of each recipe; those on steps need version 0.1.0."""
    targets = [
        Target(f"{each['recipe']}: shift of the last frame", each["last"], "<=", LARGEST_SHIFT)
        for each in summaries
    ]
    targets += [
        Target(f"{each['recipe']}: steps over those of 0.1.0", each["steps"] / each["old steps"], "<=", 1.0)
        for each in summaries
        if "old steps" in each
    ]
    least = min(each["half: steps"] for each in summaries)
    return [*targets, Target("steps at half the tolerance, the least growth", least, ">=", LEAST_RATIO)]


def _say_done(job: FilmJob, *, total: int, done: list[FilmJob]) -> None:
    done.append(job)
    if len(done) % 8 == 0 or len(done) == total:
        say(f"{len(done)} of {total} films")


def _tables(results: Mapping[str, Any]) -> str:
    parts = []
    for name in ("recipes", "by_tolerance", "reference"):
        columns = list(dict.fromkeys(key for row in results[name] for key in row))
        parts.append(table(columns, [[row.get(key) for key in columns] for row in results[name]]))
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(run("step_control", Options, measure))
