"""The time step without transfers from the device, as on a GPU, tested on the CPU."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
import torch
from torch._dynamo.testing import CompileCounter

from morphsim.simulator import AnnealingRecipe, DryingRecipe, Simulation, SimulationDiverged, Solver
from morphsim.simulator.backends import BackendName

FILMS = {
    "drying": ([DryingRecipe(evaporation=e) for e in (0.3, 2.0)], 0.5),
    "onsager": ([DryingRecipe(mobility="onsager", substrate_strength=0.01)] * 2, 0.01),
    "annealing": ([AnnealingRecipe(thermal_noise=1e-9), AnnealingRecipe(chi=3.5)], 2e-3),
}


@pytest.mark.parametrize("kind", FILMS)
@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_films_are_the_same_whether_or_not_each_step_is_synced(
    kind: str, backend: BackendName, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both are to take their steps one call after the other.
    monkeypatch.setattr(Solver, "_advance_compiled", lambda self, until, lowest: None)
    recipes, time = FILMS[kind]
    ends = []
    for sync in (True, False):
        simulation = Simulation(recipes, seeds=[3, 4], shape=(12, 24), dtype="float64", backend=backend)
        simulation.stepper.sync_each_step = sync
        simulation.advance(time=[time, 0.7 * time])
        simulation.advance(time=time)
        assert simulation.time == pytest.approx([time, time])
        ends.append(simulation)
    synced, unsynced = ends
    assert torch.equal(synced.fields(), unsynced.fields())
    assert np.array_equal(synced.thickness, unsynced.thickness)
    # Steps beyond the end leave the films as they are.
    assert unsynced.steps >= synced.steps


@pytest.mark.parametrize("kind", FILMS)
@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_a_whole_step_is_one_graph(kind: str, backend: BackendName) -> None:
    recipes, time = FILMS[kind]
    simulation = Simulation(recipes, seeds=[3, 4], shape=(12, 24), backend=backend)
    simulation.advance(time=0.1 * time)
    stepper, state = simulation.stepper, simulation.state
    ones = torch.ones(2, dtype=torch.float64)
    rates = stepper.model.rates(state.phi, state.content, state.thickness)
    arguments: Any = (state, rates, 1e-3 * time * ones, 0.0 * ones, ones > 0)
    # Reading a value from the device, or anything else that makes Python wait, would break the graph.
    traced = torch.compile(stepper._masked_step, backend="eager", fullgraph=True)
    compiled, _, accepted = traced(*arguments)
    plain, _, kept = stepper._masked_step(*arguments)
    assert torch.equal(accepted, kept)
    assert bool(kept.all())
    assert torch.allclose(compiled.phi, plain.phi, atol=1e-6)


def test_turning_a_knob_does_not_compile_anew() -> None:
    simulation = Simulation([DryingRecipe()] * 2, seeds=[0, 1], shape=(12, 24), backend="torch")
    stepper, counter = simulation.stepper, CompileCounter()
    stepper.sync_each_step = False
    stepper.__dict__["_unsynced_step"] = torch.compile(
        stepper._masked_step, backend=counter, fullgraph=True, dynamic=False
    )
    simulation.advance(time=1e-3)
    before = counter.frame_count
    for turn in range(3):
        simulation.set_knobs(temperature=300.0 + turn, evaporation=1.0 + turn)
        simulation.advance(time=2e-3 + turn * 1e-3)
    assert counter.frame_count == before > 0


def test_a_film_that_diverges_is_noticed_without_syncing_each_step() -> None:
    simulation = Simulation([DryingRecipe()] * 2, seeds=[0, 1], shape=(12, 24))
    simulation.stepper.sync_each_step = False
    simulation.advance(time=0.01)
    simulation.state.content[1, 0, 3, 4] = float("nan")
    with pytest.raises(SimulationDiverged, match="film 1 can't be advanced"):
        simulation.advance(time=0.1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", FILMS)
def test_a_gpu_makes_the_same_films(kind: str) -> None:
    recipes, time = FILMS[kind]
    shares = []
    for device in ("cpu", "cuda"):
        simulation = Simulation(recipes, seeds=[3, 4], shape=(12, 24), dtype="float64", device=device)
        simulation.advance(time=time)
        shares.append(simulation.donor_share().cpu())
    assert float((shares[0] - shares[1]).abs().max()) < 1e-6


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated")  # of torch itself
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler, which inductor needs on the CPU")
def test_noise_compiles_as_for_a_gpu() -> None:
    # Inductor once multiplied the index of a cell by a constant of 64 bits, which overflowed.
    simulation = Simulation([DryingRecipe()] * 2, seeds=[3, 4], shape=(12, 24), backend="torch")
    simulation.advance(time=0.01)
    stepper, state = simulation.stepper, simulation.state
    noise, grid = stepper.noise, stepper.model.grid
    assert noise is not None
    rates = stepper.model.rates(state.phi, state.content, state.thickness)
    arguments: Any = (grid, rates, state.thickness, state.last_step, state.draws)
    grid.cell_counters(2)
    compiled = torch.compile(noise.increments, fullgraph=True, dynamic=False)(*arguments, backend="torch")
    assert torch.allclose(compiled, noise.increments(*arguments, backend="torch"), atol=1e-8)
    assert float(compiled.abs().max()) > 1e-6
