"""Whether the solver's cells resolve the films of every shipped recipe and material.

    python benchmarks/resolution.py [--case NAME ...] [--cells H W] [--refine 2 2] [--seeds 16] [--workers 2]

Films of each case are made on the cells of the process (or those of `--cells`) and on cells that are halved
in both directions, with frames of the same shape. Their noise can't be the same on two grids, so groups of
films are compared: the distance between the mean latents of their last frames, in the default encoder's unit
(1 is the median distance of random training frames), beside what chance alone gives, see `_shifts.py`; donor
area and interface length of the last frames; and the width of the interfaces on the solver's grid, at the
onset of demixing (the first moment with half of the last contrast, where domains are finest) and at the end,
see `_interfaces.py`. `theory` is the flat interface of the dry film at the end; `least across` is the number
by which films are checked, with twice that width, see `morphsim.simulator.resolution`. The `scatter` is the
mean distance of a film's latent from the mean of its group.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from _harness import BenchmarkOptions, Outcome, Target, run, say, table
from _interfaces import Widths, interface_widths
from _shifts import Shift, mean_shift
from numpy.typing import NDArray

from morphsim import load_encoder
from morphsim.errors import InputError
from morphsim.frames import binarise
from morphsim.processes import run_jobs
from morphsim.rewards.metric import LatentMetric
from morphsim.simulator import (
    AnnealingRecipe,
    DryingRecipe,
    Recipe,
    Simulation,
    SimulationDiverged,
    VapourAnnealingRecipe,
    find_process,
    resample_fields,
)
from morphsim.simulator.analysis import interface_length
from morphsim.simulator.cells import solver_cells
from morphsim.simulator.core.control import TOLERANCE
from morphsim.simulator.materials import MATERIALS
from morphsim.simulator.recipe import parse_settings
from morphsim.simulator.resolution import cells_across
from morphsim.simulator.resolve import name_and_value
from morphsim.simulator.schedules.drive import record
from morphsim.simulator.simulation import donor_share
from morphsim.simulator.thermodynamics import interface

LARGEST_SHIFT = 0.15
# The rarest and the sharpest films of the presets beside the defaults, and of materials all.
CASES: Mapping[str, Recipe] = {
    "drying": DryingRecipe(),
    "drying-slow": DryingRecipe(evaporation=0.03),
    "drying-fast": DryingRecipe(evaporation=3.0),
    "annealing": AnnealingRecipe(),
    "annealing-sharp": AnnealingRecipe(chi=4.1),
    "vapour-annealing": VapourAnnealingRecipe(),
    **{name: find_process(each.process).recipe_of(each, {}) for name, each in MATERIALS.items()},
}
QUICK: Mapping[str, Any] = {"case": ("drying-fast",), "cells": (24, 240), "seeds": 4, "moments": 5}


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Films on the default cells and on finer ones."""

    case: tuple[str, ...] = ()
    """Names of recipes and materials (default: all)."""
    set: tuple[str, ...] = ()
    """NAME=VALUE: parameters of all recipes that have them."""
    cells: tuple[int, int] | None = None
    """Height and width of the coarser grid (default: that of the process)."""
    refine: tuple[int, int] = (2, 2)
    """Finer cells in each coarser one, in depth and in width."""
    seeds: int = 16
    """Films of each case on each grid."""
    first_seed: int = 0
    """Seed of the first film."""
    moments: int = 20
    """Moments at which each film is looked at; the one in the middle is compared as the last is."""
    tolerance: float = TOLERANCE
    """Error of a step."""
    workers: int = 1
    """Films side by side, each in its own process."""


@dataclass(frozen=True)
class Job:
    """One film to make, and when to look at it."""

    case: str
    recipe: Recipe
    cells: tuple[int, int]
    shape: tuple[int, int]
    seed: int
    moments: int
    tolerance: float


@dataclass(frozen=True, kw_only=True)
class Film:
    """What was seen of a film; `failure` tells why it was not finished."""

    case: str
    cells: tuple[int, int]
    seed: int
    seconds: float
    steps: int
    failure: str = ""
    frames: NDArray[np.uint8] | None = None
    """(2, H, W): in the middle of the moments and at the end."""
    widths: tuple[Widths, ...] = ()
    """At each moment, on the solver's grid."""
    thickness: float = np.nan
    """At the end [h0]."""

    @property
    def onset(self) -> Widths:
        """At the first moment with half of the last contrast."""
        return next(each for each in self.widths if each.contrast >= 0.5 * self.widths[-1].contrast)


def make(job: Job, stopped: Callable[[], bool]) -> Film:
    """Make a film and look at it on the solver's grid and as frames."""
    simulation = Simulation([job.recipe], seeds=[job.seed], shape=job.cells, tolerance=job.tolerance)
    periodic = job.recipe.boundary == "periodic"
    widths: list[Widths] = []
    frames: list[NDArray[np.uint8]] = []
    started, failure = time.perf_counter(), ""
    try:
        for moment, _ in enumerate(record(simulation, job.moments)):
            share = simulation.donor_share()[0].double().cpu().numpy()
            widths.append(interface_widths(share, periodic=periodic))
            if moment in {job.moments // 2, job.moments - 1}:
                shown = resample_fields(simulation.fields(), job.shape, boundary=job.recipe.boundary)
                frames.append(binarise(donor_share(shown)[0].cpu().numpy()))
            if stopped():
                break
    except (SimulationDiverged, InputError) as error:
        failure = str(error)
    return Film(
        case=job.case,
        cells=job.cells,
        seed=job.seed,
        seconds=time.perf_counter() - started,
        steps=simulation.steps,
        failure=failure,
        frames=np.stack(frames) if len(frames) == 2 else None,
        widths=tuple(widths),
        thickness=float(simulation.thickness[0]),
    )


def make_worker() -> Callable[[Job, Callable[[], bool]], Film]:
    """What a worker process does with a job."""
    return make


def chosen_cases(options: Options) -> dict[str, Recipe]:
    """The recipes by name, with the parameters that the options set.

    Raises:
        InputError: an unknown case or parameter, or an invalid value.
    """
    unknown = sorted(set(options.case) - set(CASES))
    if unknown:
        raise InputError(f"there is no case {unknown[0]!r}; choose from {', '.join(CASES)}")
    given = dict(name_and_value(options.set, "NAME=VALUE"))
    chosen = {}
    for name in options.case or CASES:
        kind = type(CASES[name])
        own = {key: text for key, text in given.items() if key in kind.__dataclass_fields__}
        chosen[name] = replace(CASES[name], **parse_settings(kind, own))  # type: ignore[arg-type]
    return chosen


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard error of the values that are numbers."""
    known = np.array([value for value in values if np.isfinite(value)])
    if len(known) < 2:
        return (float(known.mean()) if len(known) else np.nan), np.nan
    return float(known.mean()), float(known.std(ddof=1) / np.sqrt(len(known)))


def group(films: Sequence[Film], recipe: Recipe) -> dict[str, Any]:
    """Figures of films of one case on one grid."""
    last = np.stack([film.frames[-1] for film in films if film.frames is not None])
    thickness = float(np.mean([film.thickness for film in films]))
    lengths = interface_length(last, width=recipe.width, thickness=thickness, boundary=recipe.boundary)
    area, area_error = mean_and_error(last.mean(axis=(1, 2)).tolist())
    length, length_error = mean_and_error(np.atleast_1d(lengths.total).tolist())
    flat = interface(recipe)
    height, width = films[0].cells
    return {
        "cells": [height, width],
        "least across [cells]": cells_across(recipe, (height, width)),
        "steps": float(np.mean([film.steps for film in films])),
        "seconds": float(np.mean([film.seconds for film in films])),
        "onset x [cells]": mean_and_error([film.onset.x for film in films])[0],
        "onset z [cells]": mean_and_error([film.onset.z for film in films])[0],
        "end x [cells]": mean_and_error([film.widths[-1].x for film in films])[0],
        "end z [cells]": mean_and_error([film.widths[-1].z for film in films])[0],
        "theory x [cells]": np.nan if flat is None else flat.width * width / recipe.width,
        "theory z [cells]": np.nan if flat is None else flat.width * height / thickness,
        "contrast": float(np.mean([film.widths[-1].contrast for film in films])),
        "donor area": area,
        "donor area error": area_error,
        "interface length [1/h0]": length,
        "interface length error": length_error,
    }


def compare(
    name: str,
    recipe: Recipe,
    coarse: Sequence[Film],
    fine: Sequence[Film],
    encode: Callable[[Any], Any],
    metric: LatentMetric,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Compare the films of a case on two grids; films that failed are counted and left out.

    Returns:
        The shifts, and the figures on each grid, none if too few films are left.
    """
    failed = [film for film in (*coarse, *fine) if film.frames is None]
    for film in failed:
        say(f"{name}, {film.cells}, seed {film.seed}: {film.failure}")
    done = [[film for film in films if film.frames is not None] for films in (coarse, fine)]
    if min(map(len, done)) < 2:
        return {"case": name, "failed": len(failed)}, []
    one, other = (np.stack([film.frames for film in films if film.frames is not None]) for films in done)
    shifts: dict[str, Shift] = {
        moment: mean_shift(encode(one[:, row]), encode(other[:, row]), metric)
        for row, moment in enumerate(("middle", "last"))
    }
    last, middle = shifts["last"], shifts["middle"]
    row = {
        "case": name,
        "failed": len(failed),
        "shift": last.shift,
        "chance": last.chance,
        "rank": last.rank,
        "scatter": last.scatter,
        "shift in the middle": middle.shift,
        "chance in the middle": middle.chance,
    }
    return row, [{"case": name, **group(films, recipe)} for films in done]


def measure(options: Options) -> Outcome:
    """Make the films of all cases and compare them."""
    if options.quick:
        options = replace(options, **QUICK)
    if options.seeds < 2 or options.moments < 2:
        raise InputError("seeds and moments must be at least 2: groups and moments are compared")
    encoder = load_encoder("default", device="cpu")
    shape, cases = encoder.frame_shape, chosen_cases(options)
    jobs: list[Job] = []
    for name, recipe in cases.items():
        cells = solver_cells(recipe, shape, options.cells)
        finer = (cells[0] * options.refine[0], cells[1] * options.refine[1])
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            for grid in (cells, finer):
                jobs.append(Job(name, recipe, grid, shape, seed, options.moments, options.tolerance))
    told = partial(_say_done, total=len(jobs), done=[])
    films: list[Film] = run_jobs(make_worker, jobs, workers=options.workers, done=told)
    metric = LatentMetric(encoder)
    rows: list[dict[str, Any]] = []
    grids: list[dict[str, Any]] = []
    for name, recipe in cases.items():
        own = [film for film in films if film.case == name]
        row, found = compare(name, recipe, own[0::2], own[1::2], encoder.encode, metric)
        rows.append(row)
        grids += found
    results = {
        "shape": list(shape),
        "refine": list(options.refine),
        "seeds": options.seeds,
        "set": list(options.set),
        "tolerance": options.tolerance,
        "encoder": encoder.hash,
        "cases": rows,
        "grids": grids,
    }
    targets = [
        target
        for row in rows
        for target in (
            Target(f"shift of the last frame, {row['case']}", row.get("shift"), "<=", LARGEST_SHIFT),
            Target(f"the same over the scatter of films, {row['case']}", _relative(row), "<=", 1.0),
        )
    ]
    return Outcome(results, targets, _tables(rows, grids))


def _relative(row: Mapping[str, Any]) -> float | None:
    """The shift relative to what films of one recipe differ by."""
    return row["shift"] / row["scatter"] if "shift" in row else None


def _say_done(job: Job, *, total: int, done: list[Job]) -> None:
    done.append(job)
    say(f"{len(done)} of {total}: {job.case}, {job.cells[0]} x {job.cells[1]}, seed {job.seed}")


def _tables(rows: Sequence[Mapping[str, Any]], grids: Sequence[Mapping[str, Any]]) -> str:
    keys = ("shift", "chance", "rank", "shift in the middle", "chance in the middle")
    shifts = [(row["case"], *(row[key] for key in keys)) for row in rows if "shift" in row]
    figures = ("least across [cells]", "donor area", "interface length [1/h0]", "steps", "seconds")
    widths = [f"{when} {axis} [cells]" for when in ("onset", "end", "theory") for axis in "xz"]
    shown = [
        (grid["case"], "{} x {}".format(*grid["cells"]), *(grid[key] for key in (*figures, *widths)))
        for grid in grids
    ]
    header = (
        "case",
        "cells",
        "least",
        "area",
        "length",
        "steps",
        "s",
        *(name.removesuffix(" [cells]") for name in widths),
    )
    return f"{table(('case', *keys), shifts)}\n\n{table(header, shown)}"


if __name__ == "__main__":
    sys.exit(run("resolution", Options, measure))
