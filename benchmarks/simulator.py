"""How fast the simulator is: against py-pde at equal error, and what its steps and films cost.

    python benchmarks/simulator.py [--json] [--quick]

The comparison needs py-pde, numba and jax (pip install py-pde numba jax), else it is left out. Of each
backend and stencil of py-pde the fastest of several time schemes is shown, once it is compiled; this package
runs with the loosest tolerance at which its error is no larger. The error is the rms difference from a
converged solution, as a share of the rms of its variation. The targets are held against the five-point
stencil, which py-pde uses unless told otherwise; with nine points explicit steps may be longer, and the error
is larger. All figures of a CPU are those of one core. Timed runs alternate with those that they are compared
with, and the medians count.
"""

from __future__ import annotations

import os

# Before numba is imported: one core is what is measured.
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from _costs import fused_rates, step_cost, whole_film
from _harness import BenchmarkOptions, Outcome, Target, run, say, table
from _matched import PROBLEMS, QUICK_PROBLEMS, compare, matched_table, targets
from _peers import missing, one_core

FILM_SHAPE = (100, 400)
GRIDS = ((25, 100), (50, 200), (100, 400), (200, 800))
BATCHES = (1, 2, 4, 8, 16)
FUSED_BOUND = 2.5


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Measure the speed of the simulator."""


@dataclass(frozen=True)
class _Size:
    """How much is measured."""

    film: tuple[int, int]
    grids: Sequence[tuple[int, int]]
    batches: Sequence[int]
    runs: int
    steps: int


_FULL = _Size(film=FILM_SHAPE, grids=GRIDS, batches=BATCHES, runs=5, steps=20)
_QUICK = _Size(film=(16, 64), grids=((8, 32), (16, 64)), batches=(1, 2), runs=2, steps=3)


def measure(options: Options) -> Outcome:
    """Measure everything that this machine can show."""
    size = _QUICK if options.quick else _FULL
    reason = missing()
    if reason is not None:
        say(reason)
    problems = QUICK_PROBLEMS if options.quick else PROBLEMS
    matched = [compare(problem, peers=reason is None, runs=size.runs) for problem in problems]
    with one_core():
        say("right-hand side of a drying film")
        fused = fused_rates(size.film, calls=size.steps, runs=size.runs)
        say("steps of drying films")
        grids = [step_cost(shape, 1, steps=size.steps, runs=size.runs) for shape in size.grids]
        batches = [step_cost(size.film, films, steps=size.steps, runs=size.runs) for films in size.batches]
        say("a whole drying film")
        film = whole_film(size.film, runs=min(size.runs, 3))
    reached = [
        target
        for problem, result in zip(problems, matched, strict=True)
        for target in (targets(problem, result) if reason is None else [])
    ]
    if not options.quick:
        reached.append(
            Target(
                "100 x 400 drying film: fused right-hand side, times faster",
                fused["ratio"],
                ">=",
                FUSED_BOUND,
            )
        )
    results = {
        "peers": None if reason else [entry for result in matched for entry in result["matched"]],
        "no_peers_because": reason,
        "matched_error": matched,
        "fused_rates": fused,
        "step_by_grid": grids,
        "step_by_batch": batches,
        "whole_film": film,
    }
    return Outcome(
        results=results,
        targets=reached,
        table=_text(results),
        headline={"peers": results["peers"]},
    )


def _text(results: dict[str, Any]) -> str:
    fused, film = results["fused_rates"], results["whole_film"]
    costs = [
        (f"{row['shape'][1]} x {row['shape'][0]}", row["films"], row["step_ms"], row["cell_ns"])
        for row in [*results["step_by_grid"], *results["step_by_batch"]]
    ]
    parts = [
        *map(matched_table, results["matched_error"]),
        f"Right-hand side of a drying film: {fused['fused_ms']:.3g} ms fused, "
        f"{fused['plain_ms']:.3g} ms plain",
        table(("drying, cells", "films", "ms a step", "ns a cell"), costs),
        f"A whole drying film: {film['seconds']:.3g} s, {film['steps']} steps",
    ]
    return "\n\n".join(part for part in parts if part)


if __name__ == "__main__":
    sys.exit(run("simulator", Options, measure))
