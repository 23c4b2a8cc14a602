"""Seconds for the same spinodal decomposition at the same error, by this package and by py-pde.

Both solve it on one core to the same time. The error is the rms difference from the converged `_reference`,
as a share of the rms of its variation. Of each backend and stencil of py-pde the fastest configuration
counts, without the time it takes to compile; against it runs the loosest tolerance of this package from which
on its error is no larger.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from _cahn_hilliard import make_solver
from _harness import Target, medians, say, table
from _peers import CONFIGURATIONS, Configuration, Peer, one_core
from _reference import Reference
from torch import Tensor

from morphsim.simulator.core.solver import Solver
from morphsim.types import Boundary

# From loose to tight, in steps of 10 %.
TOLERANCES = tuple(0.5 * 0.9**power for power in range(45))
# Shares of the limit of stability; the longest step that keeps the field finite is taken.
STEP_SHARES = (0.98, 0.9, 0.8)
# Beyond this the pattern is another one.
LARGEST_ERROR = 0.05
_REFERENCE_STEP = 0.05


@dataclass(frozen=True)
class Problem:
    """A spinodal decomposition.

    Attributes:
        name: for tables.
        shape: (H, W).
        periodic: whether H and W are; walls without flux otherwise.
        until: its last time.
        bounds: the ratio to be reached against each backend.
        configurations: of py-pde.
    """

    name: str
    shape: tuple[int, int]
    periodic: tuple[bool, bool]
    until: float
    bounds: Mapping[str, float]
    configurations: Sequence[Configuration] = CONFIGURATIONS

    def solver(self, tolerance: float) -> Solver:
        """This package's solver at its start."""
        boundaries: list[Boundary] = ["periodic" if each else "no-flux" for each in self.periodic]
        return make_solver(
            self.shape,
            boundary=boundaries[1],
            depth_boundary=boundaries[0],
            tolerance=tolerance,
            dtype=torch.float32,
        )


PROBLEMS = (
    Problem("256 x 256 periodic", (256, 256), (True, True), 50.0, {"numba": 60.0, "jax": 40.0}),
    Problem("400 x 100 between walls", (100, 400), (False, True), 50.0, {"numba": 40.0, "jax": 20.0}),
)
PLAIN = tuple(each for each in CONFIGURATIONS if each.tolerance is None and each.corner_weight == 0.0)
QUICK_PROBLEMS = (
    Problem("48 x 48 periodic", (48, 48), (True, True), 10.0, {}, PLAIN),
    Problem("48 x 24 between walls", (24, 48), (False, True), 10.0, {}, PLAIN),
)


def own_errors(problem: Problem, reference: Tensor, tolerances: Sequence[float]) -> list[dict[str, float]]:
    """Error and steps of this package at each tolerance."""
    found = []
    for tolerance in tolerances:
        solver = problem.solver(tolerance)
        solver.advance(time=problem.until)
        error = relative_error(solver.fields()[0, 0], reference)
        found.append({"tolerance": tolerance, "error": error, "steps": solver.steps})
    return found


def loosest(own: Sequence[Mapping[str, float]], error: float) -> Mapping[str, float] | None:
    """Take the loosest of tolerances, from loose to tight, from which on no error is larger than `error`."""
    chosen = None
    for entry in reversed(own):
        if entry["error"] > error:
            break
        chosen = entry
    return chosen


def relative_error(field: Tensor, reference: Tensor) -> float:
    """Rms difference as a share of the rms variation of the reference."""
    difference = (field.double() - reference).square().mean().sqrt()
    return float(difference / reference.std(correction=0))


def compare(problem: Problem, *, peers: bool, runs: int) -> dict[str, Any]:
    """Measure one problem.

    Args:
        problem: which.
        peers: whether py-pde is there to compare with.
        runs: how often each contender runs, in turn with the others.
    """
    coarse, reference = (
        next(Reference(problem.shape, periodic=problem.periodic, step=step).advance([problem.until])).field()
        for step in (2.0 * _REFERENCE_STEP, _REFERENCE_STEP)
    )
    result: dict[str, Any] = {
        "problem": problem.name,
        "shape": problem.shape,
        "until": problem.until,
        "error_of_reference": relative_error(coarse, reference),
        "own": own_errors(problem, reference, TOLERANCES),
        "peers": None,
        "matched": [],
    }
    with one_core():
        if peers:
            _race(problem, reference, result, runs)
        else:
            tolerance = loosest(result["own"], 0.5 * LARGEST_ERROR)
            if tolerance is not None:
                timed = medians({"own": _own_task(problem, tolerance["tolerance"])}, runs=runs)
                result["own_seconds"] = {**tolerance, "seconds": timed["own"]}
    return result


def _race(problem: Problem, reference: Tensor, result: dict[str, Any], runs: int) -> None:
    """Find the fastest configuration of each backend and stencil, and run it in turn with this package."""
    ready: dict[str, tuple[Configuration, Peer, float]] = {}
    found = []
    for configuration in problem.configurations:
        peer, entry = _fitted(configuration, problem, reference)
        found.append(entry)
        say(f"{problem.name}: {configuration.label}: {entry['seconds']:.2f} s, error {entry['error']:.4f}")
        kind = f"{configuration.backend} {configuration.stencil}"
        if entry["error"] <= LARGEST_ERROR and (kind not in ready or entry["seconds"] < ready[kind][2]):
            ready[kind] = (configuration, peer, entry["seconds"])
    result["peers"] = found
    errors = {entry["configuration"]: entry["error"] for entry in found}
    tasks: dict[str, Callable[[], float | None]] = {}
    pairs: dict[str, Mapping[str, float]] = {}
    for kind, (configuration, peer, _) in ready.items():
        own = loosest(result["own"], errors[configuration.label])
        if own is None:
            continue
        pairs[kind] = own
        tasks[kind] = _peer_task(peer, problem.until)
        tasks[f"own {kind}"] = _own_task(problem, own["tolerance"])
    seconds = medians(tasks, runs=runs) if tasks else {}
    for kind, own in pairs.items():
        configuration = ready[kind][0]
        result["matched"].append(
            {
                "problem": problem.name,
                "backend": configuration.backend,
                "stencil": configuration.stencil,
                "configuration": configuration.label,
                "peer_error": errors[configuration.label],
                "peer_seconds": seconds[kind],
                "own_error": own["error"],
                "own_tolerance": own["tolerance"],
                "own_steps": own["steps"],
                "own_seconds": seconds[f"own {kind}"],
                "ratio": seconds[kind] / seconds[f"own {kind}"],
            }
        )


def _fitted(configuration: Configuration, problem: Problem, reference: Tensor) -> tuple[Peer, dict[str, Any]]:
    """A peer with its longest step, and how it does once it is compiled."""
    shares = STEP_SHARES if configuration.tolerance is None else STEP_SHARES[-1:]
    for share in shares:
        step = share * configuration.stability_limit
        peer = Peer(configuration, problem.shape, periodic=problem.periodic, step=step)
        peer.solve(0.02 * problem.until)
        field, seconds = peer.solve(problem.until)
        error = relative_error(field, reference)
        if math.isfinite(error):
            break
    entry = {
        "configuration": configuration.label,
        "step": step if configuration.tolerance is None else None,
        "steps": peer.steps,
        "error": error if math.isfinite(error) else math.inf,
        "seconds": seconds,
    }
    return peer, entry


def _peer_task(peer: Peer, until: float) -> Callable[[], float | None]:
    return lambda: peer.solve(until)[1]


def _own_task(problem: Problem, tolerance: float) -> Callable[[], float | None]:
    def task() -> float:
        solver = problem.solver(tolerance)
        started = time.perf_counter()
        solver.advance(time=problem.until)
        return time.perf_counter() - started

    return task


def targets(problem: Problem, result: Mapping[str, Any]) -> list[Target]:
    """The ratios to be reached, against py-pde with the stencil that it uses unless told otherwise."""
    ratios = {
        entry["backend"]: entry["ratio"] for entry in result["matched"] if entry["stencil"] == "five-point"
    }
    return [
        Target(
            f"{problem.name}: times faster than py-pde ({backend}) at equal error",
            ratios.get(backend),
            ">=",
            bound,
        )
        for backend, bound in problem.bounds.items()
    ]


def matched_table(result: Mapping[str, Any]) -> str:
    """The contenders of a problem."""
    rows = [
        (
            entry["configuration"],
            entry["peer_error"],
            entry["peer_seconds"],
            entry["own_error"],
            entry["own_steps"],
            entry["own_seconds"],
            entry["ratio"],
        )
        for entry in result["matched"]
    ]
    if not rows:
        own = result.get("own_seconds")
        return f"{result['problem']}: {own['seconds']:.4f} s at error {own['error']:.4f}" if own else ""
    header = ("py-pde", "error", "seconds", "own error", "own steps", "own seconds", "ratio")
    return f"{result['problem']} to t = {result['until']:g}\n" + table(header, rows)
