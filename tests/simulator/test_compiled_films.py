"""Films in one compiled function: the steps of the stepwise path, alone, in batches, on threads."""

from __future__ import annotations

import importlib
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch

from morphsim.errors import InputError
from morphsim.simulator import DryingRecipe, Recipe, Simulation, VapourAnnealingRecipe
from morphsim.simulator.backends.numba.film_kernels import forward_kernel, inverse_kernel
from morphsim.simulator.backends.numba.transforms import mode_shape, transforms_of, workspace_of
from morphsim.simulator.core.grid import Grid
from morphsim.simulator.core.state import State
from morphsim.simulator.errors import SimulationDiverged
from morphsim.types import Boundary

RECIPES: dict[str, Recipe] = {
    "default": DryingRecipe(),
    "walls": DryingRecipe(boundary="no-flux"),
    "onsager": DryingRecipe(mobility="onsager"),
    "negi": DryingRecipe(mobility="negi"),
    "constant": DryingRecipe(mobility="constant"),
    "without noise": DryingRecipe(thermal_noise=0.0),
    "neutral substrate": DryingRecipe(substrate_strength=0.0),
    "striped substrate": DryingRecipe(substrate_period=0.5),
    "substrate of a fraction": DryingRecipe(substrate_law="fraction"),
    "no evaporation": DryingRecipe(evaporation=0.0),
    "swelling": DryingRecipe(ambient_vapour=0.9, thermal_noise=0.0),
    "vapour annealing": VapourAnnealingRecipe(),
}


def stepwise(simulation: Simulation) -> Simulation:
    """The same films, advanced one call after the other."""
    simulation._advance_compiled = lambda until, lowest: None  # type: ignore[method-assign]
    return simulation


def films(recipe: Recipe, seeds: list[int], shape: tuple[int, int] = (7, 13), **options: Any) -> Simulation:
    return Simulation([recipe] * len(seeds), seeds=seeds, shape=shape, **options)


def assert_same(one: Simulation, other: Simulation) -> None:
    for entry in fields(State):
        assert torch.equal(getattr(one.state, entry.name), getattr(other.state, entry.name)), entry.name


@pytest.mark.parametrize("name", RECIPES)
def test_the_steps_are_those_of_the_stepper(name: str) -> None:
    one = films(RECIPES[name], [1], dtype="float64")
    other = stepwise(films(RECIPES[name], [1], dtype="float64"))
    for simulation in (one, other):
        simulation.advance(time=0.05)
    assert one.steps == other.steps > 0
    assert one.rejected == other.rejected
    assert torch.allclose(one.state.phi, other.state.phi, rtol=0.0, atol=1e-11)
    assert torch.allclose(one.state.content, other.state.content, rtol=0.0, atol=1e-10)
    assert np.allclose(one.thickness, other.thickness, rtol=1e-11)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (2, 2), (6, 17), (20, 48)])
@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
def test_films_of_any_shape(shape: tuple[int, int], boundary: Boundary) -> None:
    recipe = DryingRecipe(boundary=boundary)
    one, other = (films(recipe, [1], shape, dtype="float64") for _ in range(2))
    one.advance(time=0.02)
    stepwise(other).advance(time=0.02)
    assert one.steps == other.steps
    assert torch.allclose(one.state.phi, other.state.phi, rtol=0.0, atol=1e-10)


def test_single_precision() -> None:
    one, other = films(DryingRecipe(), [1], (20, 48)), stepwise(films(DryingRecipe(), [1], (20, 48)))
    one.advance(time=0.01)
    other.advance(time=0.01)
    assert one.steps == other.steps
    assert torch.allclose(one.state.phi, other.state.phi, rtol=0.0, atol=1e-5)


def test_a_film_of_a_batch_is_the_film_alone_on_any_number_of_threads() -> None:
    seeds = [3, 4, 5, 6, 7]
    batch, threaded = films(DryingRecipe(), seeds), films(DryingRecipe(), seeds, threads=2)
    goals = [0.3, 0.1, 0.2, 0.4, 0.0]
    for simulation in (batch, threaded):
        simulation.advance_to_dryness(goals, time=10.0)
    assert_same(batch, threaded)
    for row, seed in enumerate(seeds):
        alone = films(DryingRecipe(), [seed])
        alone.advance_to_dryness(goals[row], time=10.0)
        assert_same(alone, batch.take([row]))
        assert alone.steps <= batch.steps


def test_threads_start_with_the_longest_way(monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[list[int]] = []
    name = "morphsim.simulator.backends.numba.advance._for_each"
    advance_all = importlib.import_module(name.rpartition(".")[0])._for_each

    def recording(advance: Any, order: list[int], *rest: Any) -> None:
        orders.append(order)
        advance_all(advance, order, *rest)

    recipes = [DryingRecipe(evaporation=rate, thermal_noise=0.0) for rate in (3.0, 0.1, 1.0)]
    batch = Simulation(recipes, seeds=[1, 2, 3], shape=(7, 13))
    batch.advance(time=1e-3)
    monkeypatch.setattr(name, recording)
    batch.advance_to_dryness([0.2, 0.2, 0.2], time=10.0)
    assert orders == [[1, 2, 0]]


def test_a_snapshot_continues_bit_for_bit() -> None:
    one = films(DryingRecipe(), [1])
    one.advance(time=0.1)
    other = films(DryingRecipe(), [1])
    other.restore(one.snapshot())
    for simulation in (one, other):
        simulation.set_knobs(evaporation=1.0)
        simulation.advance(time=0.2)
    assert_same(one, other)


def test_an_interrupted_film_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = films(DryingRecipe(), [1]), films(DryingRecipe(), [1])
    one.advance(time=0.2)
    # One step in each call.
    monkeypatch.setattr("morphsim.simulator.backends.numba.advance._CELLS_PER_CALL", 1)
    other.advance(time=0.2)
    assert_same(one, other)


def test_a_film_that_cannot_go_on_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("morphsim.simulator.core.solver.MOST_REFUSALS", 3)
    phi = torch.full((2, 2, 7, 13), 0.1)
    phi[1, :, 3, 3] = 0.499
    broken = films(DryingRecipe(), [1, 2], fields=phi)
    broken.state.content[1] = torch.nan
    stuck = broken.advance(time=0.05, tolerate=True)
    assert stuck.tolist() == [False, True]
    assert broken.time[0] == pytest.approx(0.05) and broken.rejected >= 3
    with pytest.raises(SimulationDiverged) as caught:
        broken.advance(time=0.1)
    assert caught.value.film == 1


@pytest.mark.parametrize("threads", [0, 1.5, True, "two", 10**6])
def test_a_wrong_number_of_threads(threads: Any) -> None:
    with pytest.raises(InputError, match="threads"):
        films(DryingRecipe(), [1], threads=threads)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (7, 13), (11, 22), (30, 16), (25, 49)])
@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
def test_transforms_are_those_of_the_grid(shape: tuple[int, int], boundary: Boundary) -> None:
    grid = Grid(shape, width=1.0, boundary=boundary, dtype=torch.float64, device=torch.device("cpu"))
    phi = torch.randn((2, *shape), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    # The kernels leave out the mean.
    phi = phi - phi.mean(dim=(1, 2), keepdim=True)
    periodic, dtype = boundary == "periodic", np.dtype("float64")
    transforms, work = transforms_of(shape, periodic=periodic, dtype=dtype), workspace_of(shape, dtype)
    modes, back = np.zeros(mode_shape(shape, periodic=periodic, dtype=dtype)), np.zeros((2, *shape))
    forward_kernel(transforms, phi.numpy(), work, modes)
    inverse_kernel(transforms, modes, work, 1.0, back)
    depth = modes[..., : shape[0]]
    found = depth[:, :, 0] + 1j * depth[:, :, 1] if periodic else depth[:, :, 0]
    assert np.allclose(found.swapaxes(1, 2), grid.forward(phi).numpy(), rtol=0.0, atol=1e-13)
    assert np.allclose(back, phi.numpy(), rtol=0.0, atol=1e-13)
