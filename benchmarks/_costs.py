"""What a step and a film cost: fused against plain rates, grids, batches and a whole film."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from _harness import medians

from morphsim.simulator import DryingRecipe, Simulation
from morphsim.simulator.backends import BackendName

# Dry enough for a pattern, so that no branch of the right-hand side is left out.
DRYNESS_OF_PATTERN = 0.7
_NEVER = 1e9
BACKENDS: dict[str, BackendName] = {"fused": "auto", "plain": "torch"}


def drying(shape: tuple[int, int], *, films: int = 1, device: str = "cpu") -> Simulation:
    """Default drying films (width 4 h0, ternary, mobility wodo) in float32."""
    return Simulation([DryingRecipe()] * films, seeds=range(films), shape=shape, device=device)


def with_pattern(shape: tuple[int, int]) -> Simulation:
    """A drying film in which the phases have separated."""
    simulation = drying(shape)
    simulation.advance_to_dryness(DRYNESS_OF_PATTERN, time=DryingRecipe().duration)
    return simulation


def fused_rates(shape: tuple[int, int], *, calls: int, runs: int) -> dict[str, Any]:
    """Milliseconds of one right-hand side, fused and as plain torch, and how much they differ."""
    simulation = with_pattern(shape)
    state = simulation.state
    arguments = (state.phi, state.content, state.thickness)
    models = {name: replace(simulation.model, backend=backend) for name, backend in BACKENDS.items()}
    rates = {name: model.rates(*arguments).modes for name, model in models.items()}
    scale = rates["plain"].abs().max()

    def task(name: str) -> float:
        started = time.perf_counter()
        for _ in range(calls):
            models[name].rates(*arguments)
        return (time.perf_counter() - started) / calls

    seconds = medians({name: partial(task, name) for name in models}, runs=runs)
    return {
        "shape": shape,
        "fused_ms": 1e3 * seconds["fused"],
        "plain_ms": 1e3 * seconds["plain"],
        "ratio": seconds["plain"] / seconds["fused"],
        "largest_relative_difference": float((rates["fused"] - rates["plain"]).abs().max() / scale),
    }


def step_cost(shape: tuple[int, int], films: int, *, steps: int, runs: int) -> dict[str, Any]:
    """Milliseconds of a step of a batch of drying films."""
    simulation = drying(shape, films=films)
    _step(simulation, 3)

    def task() -> float:
        started = time.perf_counter()
        _step(simulation, steps)
        return (time.perf_counter() - started) / steps

    seconds = medians({"step": task}, runs=runs)["step"]
    cells = films * shape[0] * shape[1]
    return {
        "shape": shape,
        "films": films,
        "step_ms": 1e3 * seconds,
        "film_step_ms": 1e3 * seconds / films,
        "cell_ns": 1e9 * seconds / cells,
    }


def whole_film(shape: tuple[int, int], *, runs: int) -> dict[str, Any]:
    """Seconds in which a default drying film becomes dry."""
    made: list[Simulation] = []

    def task() -> None:
        simulation = drying(shape)
        simulation.advance_to_dryness(1.0, time=DryingRecipe().duration)
        made.append(simulation)

    seconds = medians({"film": task}, runs=runs)["film"]
    film = made[-1]
    return {
        "shape": shape,
        "seconds": seconds,
        "steps": film.steps,
        "rejected_steps": film.rejected,
        "dry": bool(film.dry.all()),
    }


def _step(simulation: Simulation, steps: int) -> None:
    """Take steps with all films, none of which has an end to reach."""
    state = simulation.state
    longest = torch.full_like(state.time, _NEVER)
    lowest = torch.zeros_like(state.time)
    active = torch.ones_like(state.time, dtype=torch.bool)
    for _ in range(steps):
        simulation.stepper.step(state, longest, lowest, active)
