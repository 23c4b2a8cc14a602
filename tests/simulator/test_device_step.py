"""The time step without transfers from the device, as on a GPU, tested on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch._dynamo.testing import CompileCounter

from morphsim.simulator import AnnealingRecipe, DryingRecipe, Simulation, SimulationDiverged
from morphsim.simulator.backends import BackendName
from morphsim.simulator.core import device_step
from morphsim.simulator.core.device_step import DeviceStepper, padded_size

FILMS = {
    "drying": ([DryingRecipe(evaporation=e) for e in (0.3, 2.0)], 0.5),
    "onsager": ([DryingRecipe(mobility="onsager", substrate_strength=0.01)] * 2, 0.01),
    "walls": ([DryingRecipe(boundary="no-flux", evaporation=e) for e in (0.3, 2.0)], 0.1),
    "annealing": ([AnnealingRecipe(thermal_noise=1e-9), AnnealingRecipe(chi=3.5)], 2e-3),
}


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> Iterator[CompileCounter]:
    """Counts the graphs of compiled steps, which are run as they were traced."""
    counter, compiled = CompileCounter(), torch.compile

    def counting(step: Any, **options: Any) -> Any:
        return compiled(step, backend=counter, fullgraph=options["fullgraph"])

    monkeypatch.setattr(torch, "compile", counting)
    monkeypatch.setattr(device_step, "_COMPILED", {})
    with torch._dynamo.config.patch(recompile_limit=1, fail_on_recompile_limit_hit=True):
        yield counter


def drying(films: int, shape: tuple[int, int] = (12, 24)) -> Simulation:
    recipes = [DryingRecipe(evaporation=0.3 + 0.1 * film) for film in range(films)]
    return Simulation(recipes, seeds=range(films), shape=shape, backend="torch")


@pytest.mark.parametrize("kind", FILMS)
def test_films_are_the_same_whether_or_not_each_step_is_synced(kind: str) -> None:
    recipes, time = FILMS[kind]
    ends = []
    for sync in (True, False):
        simulation = Simulation(recipes, seeds=[3, 4], shape=(12, 24), dtype="float64", backend="torch")
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
    traced = torch.compile(stepper.masked_step, backend="eager", fullgraph=True)
    compiled, _, accepted = traced(*arguments)
    plain, _, kept = stepper.masked_step(*arguments)
    assert torch.equal(accepted, kept)
    assert bool(kept.all())
    assert torch.allclose(compiled.phi, plain.phi, atol=1e-6)


def test_one_graph_serves_batches_of_all_sizes_and_all_knobs(compilations: CompileCounter) -> None:
    for films in (3, 5, 1, 4):
        ends = []
        for compiled in (True, False):
            simulation = drying(films)
            simulation.stepper.sync_each_step, simulation.stepper.compile_steps = not compiled, compiled
            simulation.advance(time=[0.005 * (film + 1) for film in range(films)])
            simulation.set_knobs(temperature=300.0, evaporation=1.0)
            simulation.advance(time=0.04)
            ends.append(simulation)
        assert torch.equal(ends[0].fields(), ends[1].fields())
        assert np.array_equal(ends[0].thickness, ends[1].thickness)
    assert compilations.frame_count == 1


@pytest.mark.slow
def test_films_of_another_kind_are_compiled_for_themselves(compilations: CompileCounter) -> None:
    for shape in ((12, 24), (10, 20), (12, 24)):
        simulation = drying(2, shape)
        simulation.stepper.sync_each_step, simulation.stepper.compile_steps = False, True
        simulation.advance(time=0.002)
    assert compilations.frame_count == 2


def test_batches_of_a_gpu_are_padded_to_few_sizes() -> None:
    sizes = [padded_size(films) for films in range(1, 1025)]
    assert sizes[:9] == [2, 2, 3, 4, 6, 6, 8, 8, 12]
    assert all(size >= films for films, size in enumerate(sizes, 1))
    assert all(size <= 1.5 * films for films, size in enumerate(sizes, 1) if films > 1)
    assert len(set(sizes)) == 19


def test_films_at_different_places_go_on_in_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, useful = [], []
    steps = DeviceStepper.steps

    def counting(self: DeviceStepper, state: Any, until: Any, lowest: Any, active: Any, *, count: int) -> Any:
        taken.append(len(active) * count)
        useful.append(int(active.sum()) * count)
        return steps(self, state, until, lowest, active, count=count)

    monkeypatch.setattr(DeviceStepper, "steps", counting)
    times = [0.01 * film**2 for film in range(1, 11)]
    ends = []
    for sync in (True, False):
        simulation = drying(10)
        simulation.stepper.sync_each_step = sync
        assert not simulation.advance(time=times).any()
        assert simulation.time == pytest.approx(times)
        ends.append(simulation)
    assert torch.equal(ends[0].fields(), ends[1].fields())
    assert len(set(taken)) > 3
    assert sum(useful) > 0.7 * sum(taken)


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
