"""The compiled loops against the plain definitions in torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from morphsim.compiled import loop
from morphsim.simulator import AnnealingRecipe, DoubleWell, DryingRecipe, Grid, Simulation
from morphsim.simulator.backends import Backend, BackendName, get_backend
from morphsim.simulator.backends.base import Kicks, ModeStep, SurfaceStep
from morphsim.simulator.backends.numba.film import Equations
from morphsim.simulator.backends.numba.relaxation import mean_rates_of_film
from morphsim.simulator.backends.numba.ternary import film_arrays
from morphsim.simulator.core.control import step_weights
from morphsim.simulator.core.energy import BinaryFloryHuggins
from morphsim.simulator.core.etd import Damping
from morphsim.simulator.core.mobility import MOBILITIES
from morphsim.simulator.core.noise import ThermalNoise
from morphsim.simulator.core.relaxation import Relaxation
from morphsim.types import Boundary

TORCH = get_backend("torch")
NUMBA = get_backend("numba")
NAMES: tuple[BackendName, ...] = ("numba", "torch")

MIXED = {"onsager", "fast-mode", "slow-mode"}
TIGHT = {"float32": 2e-5, "float64": 1e-11}


def agree(one: torch.Tensor, other: torch.Tensor, dtype: str) -> None:
    scale = float(other.abs().max())
    assert float((one - other).abs().max()) <= TIGHT[dtype] * max(scale, 1e-30)


def fields(batch: int, components: int, shape: tuple[int, int], dtype: str) -> torch.Tensor:
    random = torch.Generator().manual_seed(4)
    phi = 0.25 + 0.2 * torch.rand((batch, components, *shape), generator=random, dtype=torch.float64)
    # Also slightly outside the simplex, where logarithm and barrier are continued.
    phi[0, 0, 1, 2] = -1e-4
    phi[0, -1, 2, 3] = 1.0001
    # And next to an interface of one cell.
    phi[-1, 0, 5] = 0.004
    return phi.to(getattr(torch, dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
@pytest.mark.parametrize("mobility", MOBILITIES)
@pytest.mark.parametrize("strength, law", [(0.0, "share"), (0.02, "share"), (0.02, "fraction")])
def test_rates_of_drying_films(mobility: str, boundary: str, dtype: str, strength: float, law: str) -> None:
    recipes = [
        DryingRecipe(
            mobility=mobility,  # type: ignore[arg-type]
            boundary=boundary,  # type: ignore[arg-type]
            n_donor=n,
            chi_donor_solvent=0.6,
            substrate_strength=strength,
            substrate_law=law,  # type: ignore[arg-type]
            substrate_period=2.0,
        )
        for n in (5.0, 60.0)
    ]
    phi = fields(2, 2, (11, 21), dtype)
    thickness = torch.tensor([0.9, 0.4], dtype=torch.float64)
    rates = []
    for backend in NAMES:
        simulation = Simulation(recipes, seeds=[0, 1], shape=(11, 21), dtype=dtype, backend=backend)
        content = simulation.grid.forward(phi)
        rates.append(simulation.model.rates(phi, content, thickness))
    compiled, plain = rates
    agree(
        torch.view_as_real(compiled.modes) if compiled.modes.is_complex() else compiled.modes,
        torch.view_as_real(plain.modes) if plain.modes.is_complex() else plain.modes,
        dtype,
    )
    agree(compiled.stiffness2, plain.stiffness2, dtype)
    agree(compiled.stiffness4, plain.stiffness4, dtype)
    agree(compiled.mobility, plain.mobility, dtype)
    assert (compiled.cross is None) == (plain.cross is None) == (mobility not in MIXED)
    if compiled.cross is not None and plain.cross is not None:
        agree(compiled.cross, plain.cross, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["binary", "double well"])
def test_local_potentials(kind: str, dtype: str) -> None:
    phi = fields(2, 1, (9, 30), dtype)

    def column(*values: float) -> torch.Tensor:
        return torch.tensor(values, dtype=phi.dtype)[:, None, None]

    energy = BinaryFloryHuggins(column(2.5, 3.5))
    if kind != "binary":
        energy = DoubleWell(column(5.0, 2.0), column(0.3, 0.2), column(0.7, 0.9))  # type: ignore[assignment]
    for part in range(3):
        both(lambda backend, part=part: backend.local_potential(energy, phi)[part], dtype)  # type: ignore[misc]
    _, flattest, steepest = TORCH.local_potential(energy, phi)
    assert torch.equal(flattest, energy.curvature(phi).amin(dim=(2, 3), keepdim=True))
    assert torch.equal(steepest, energy.curvature(phi).amax(dim=(2, 3), keepdim=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
@pytest.mark.parametrize("factor", [9.0, -2.0])
def test_the_parts_of_a_step(factor: float, boundary: str, dtype: str) -> None:
    recipe = AnnealingRecipe(boundary=boundary)  # type: ignore[arg-type]
    grid = Simulation([recipe] * 2, seeds=[0, 1], shape=(8, 24), dtype=dtype).grid
    random = torch.Generator().manual_seed(1)

    def modes() -> torch.Tensor:
        return grid.forward(torch.randn((2, 1, 8, 24), generator=random, dtype=grid.dtype))

    arrays = [modes() for _ in range(5)]
    numbers = torch.tensor([1.0, 2.0], dtype=grid.dtype)[:, None, None, None]
    damping = Damping(
        grid.exact, torch.tensor([1.0, 0.5], dtype=torch.float64), factor * numbers, 4e-4 * numbers
    )
    dt = torch.tensor([1e-4, 3e-3], dtype=torch.float64)
    for history in (0, 1, 2):
        count = torch.full((2,), history, dtype=torch.int64)
        weights = tuple(part.numpy() for part in step_weights(dt, 0.7 * dt, 1.3 * dt, count))

        changes = (arrays[1], arrays[2]), (arrays[3], arrays[4])
        step = ModeStep(arrays[0], *changes, damping, dt, weights)
        both(lambda backend, step=step: backend.advance_modes(step), dtype)  # type: ignore[misc]
    new, old, before = (fields(2, 2, (8, 24), dtype) + shift for shift in (0.0, 0.01, 0.03))
    of_line = 0.02 * torch.randn((2, 2, 8), generator=random, dtype=grid.dtype)
    for noisy in ([False, False], [True, False], [True, True]):
        kicks = Kicks(of_line, torch.tensor(noisy))
        for part in (0, 1, 2):
            both(
                lambda backend, part=part, kicks=kicks: backend.compare(new, old, before, dt * 1e3, kicks)[
                    part
                ],  # type: ignore[misc]
                dtype,
            )
    for backend in (NUMBA, TORCH):
        without, mixed = (
            backend.compare(new, old, before, dt * 1e3, kicks)[0]
            for kicks in (None, Kicks(of_line, torch.tensor([True, False])))
        )
        # Only the film under noise is compared by the means of its rows.
        assert float(mixed[1]) == float(without[1])
        rest = new - old - (dt * 1e3).to(grid.dtype)[:, None, None, None] * (old - before)
        expected = (rest.mean(dim=-1) - of_line).abs()[0].max()
        assert float(mixed[0]) == pytest.approx(float(expected), rel=1e-3)
    broken = new.clone()
    broken[1, 0, 3, 3] = float("nan")
    for backend in (NUMBA, TORCH):
        for kicks in (None, Kicks(of_line, torch.tensor([False, True]))):
            error, _, _ = backend.compare(broken, old, before, dt, kicks)
            assert torch.isinf(error).tolist() == [False, True]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
@pytest.mark.parametrize("factor", [3.0, 0.0, -0.5])
@pytest.mark.parametrize("shape", [(1, 12), (2, 7), (24, 64)])
def test_corrected_surfaces_agree(shape: tuple[int, int], factor: float, boundary: str, dtype: str) -> None:
    recipes = [
        DryingRecipe(boundary=boundary, evaporation=rate, ambient_vapour=vapour)  # type: ignore[arg-type]
        for rate, vapour in ((0.3, 0.0), (20.0, 0.1))
    ]
    simulation = Simulation(recipes, seeds=[0, 1], shape=shape, dtype=dtype)
    model, grid = simulation.model, simulation.grid
    assert model.evaporation is not None
    random = torch.Generator().manual_seed(3)
    phi = 0.2 + 0.2 * torch.rand((2, 2, *shape), generator=random, dtype=torch.float64).to(grid.dtype)
    thickness = torch.tensor([0.9, 0.4], dtype=torch.float64)
    content = grid.forward(phi * thickness.to(grid.dtype)[:, None, None, None])
    numbers = torch.tensor([1.0, 2.0], dtype=grid.dtype)[:, None, None, None]
    damping = Damping(grid.differences, thickness, factor * numbers, 4e-4 * numbers)
    dt = torch.tensor([1e-3, 3e-3], dtype=torch.float64)
    expected = torch.tensor([-0.1, -2.0], dtype=torch.float64)

    def correct(backend: Backend) -> tuple[torch.Tensor, torch.Tensor]:
        copy = content.clone()
        assert model.evaporation is not None
        end = SurfaceStep(grid, model.evaporation, phi, copy, thickness, expected, damping, dt)
        return copy, backend.correct_surface(end)

    both(lambda backend: correct(backend)[0] - content, dtype)
    both(lambda backend: correct(backend)[1] - thickness, dtype)
    for backend in (NUMBA, TORCH):
        corrected, h = correct(backend)
        assert not torch.equal(h, thickness)
        assert torch.equal(corrected[..., 0, 0], content[..., 0, 0])
    agree(NUMBA.surface_speed(model.evaporation, phi), model.evaporation(phi), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("boundary", "depth_boundary"),
    [("periodic", "no-flux"), ("no-flux", "no-flux"), ("periodic", "periodic"), ("no-flux", "periodic")],
)
@pytest.mark.parametrize("components", [1, 2])
def test_modes_under_noise(components: int, boundary: Boundary, depth_boundary: Boundary, dtype: str) -> None:
    grid = Grid(
        (9, 24),
        width=2.0,
        boundary=boundary,
        depth_boundary=depth_boundary,
        dtype=getattr(torch, dtype),
        device=torch.device("cpu"),
    )
    random = torch.Generator().manual_seed(7)
    modes = grid.forward(torch.randn((3, components, 9, 24), generator=random, dtype=grid.dtype))
    thickness = torch.tensor([1.0, 0.5, 0.3], dtype=torch.float64)
    # Stable, unstable, and of mixed stability; rates far below and above the damping.
    second = torch.tensor([[[2.0, 0.7], [0.9, 3.0]], [[-2.0, -0.4], [-0.4, -1.0]], [[5.0, 8.0], [8.0, 5.0]]])
    second = second[:, :components, :components].to(grid.dtype)
    kappa = torch.tensor([[4e-4, 2e-4]] * 3)[:, :components].to(grid.dtype)
    relaxation = Relaxation(second, 0.5 * torch.diag_embed(kappa), kappa)
    sizes = torch.tensor([[3.0, 9.0], [1.0, 0.3], [20.0, 20.0]])[:, :components].to(grid.dtype)[
        ..., None, None
    ]
    damping = Damping(grid.differences, thickness, sizes, 1e-3 * sizes)
    dt = torch.tensor([1e-5, 1e-3, 0.3], dtype=torch.float64)
    for part in (0, 1):
        both(
            lambda backend, part=part: backend.relax_noise(modes.clone(), relaxation, damping, dt)[part],  # type: ignore[misc]
            dtype,
        )
        both(
            lambda backend, part=part: backend.waves(modes, damping, kappa[..., None, None])[part],  # type: ignore[misc]
            dtype,
        )
    for backend in (NUMBA, TORCH):
        kept, drift = backend.relax_noise(modes.clone(), relaxation, damping, dt)
        k2 = damping.squares.at(thickness)
        columns = (relaxation.of_modes(k2, field) * kept.real[:, field, None] for field in range(components))
        agree(drift.real, -sum(columns), dtype)
        # Noise that grows, or that has no time to relax, is only cut off below an interface.
        cut = modes * torch.exp(-0.5 * kappa[..., None, None] * damping.squares.at(thickness))
        agree(kept[1].real, cut[1].real, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mobility", MOBILITIES)
def test_mean_relaxations(mobility: str, dtype: str) -> None:
    # In the compiled function of whole films, and by difference quotients.
    recipe = DryingRecipe(mobility=mobility, n_donor=7.0)  # type: ignore[arg-type]
    simulation = Simulation([recipe] * 2, seeds=[0, 1], shape=(9, 14), dtype="float64")
    model, phi = simulation.model, simulation.fields()
    phi = phi + 0.1 * torch.rand(phi.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    own, cross = model.mobilities(phi)

    class Rough:
        def potential(self, phi: torch.Tensor) -> torch.Tensor:
            return model.energy.potential(phi)

    plain = TORCH.mean_relaxation(model.energy, own, cross, model.kappa_of(phi), phi)
    rough = TORCH.mean_relaxation(Rough(), own, cross, model.kappa_of(phi), phi)  # type: ignore[arg-type]
    torch.testing.assert_close(rough.second, plain.second, rtol=2e-3, atol=1e-5)
    assert torch.equal(rough.fourth, plain.fourth)
    real = np.float32 if dtype == "float32" else np.float64
    arrays = film_arrays(model, phi)
    assert arrays is not None
    kind, numbers, wall = arrays
    for film in range(2):
        equations = Equations(
            numbers[film].astype(real),
            *(part[film].astype(real) for part in wall),
            kind,
            True,
            simulation.grid.dx,
            simulation.grid.dtheta,
        )
        shared = own[film, 0] * 0.0 if cross is None else cross[film]
        second, fourth = np.empty((2, 2), real), np.empty((2, 2), real)
        mean_rates(
            equations, phi[film].numpy().astype(real), own[film].numpy().astype(real),
            shared.numpy().astype(real), second, fourth,
        )  # fmt: skip
        agree(torch.from_numpy(second).double(), plain.second[film], dtype)
        agree(torch.from_numpy(fourth).double(), plain.fourth[film], dtype)


@loop
def mean_rates(film: Any, phi: Any, mobility: Any, cross: Any, second: Any, fourth: Any) -> None:
    mean_rates_of_film(film, phi, mobility, cross, second, fourth)


def both(function: Callable[[Backend], torch.Tensor], dtype: str) -> None:
    compiled, plain = function(NUMBA), function(TORCH)
    if compiled.is_complex():
        compiled, plain = torch.view_as_real(compiled), torch.view_as_real(plain)
    agree(compiled, plain, dtype)


@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
@pytest.mark.parametrize("mobility", ["wodo", "onsager", "fast-mode", "slow-mode"])
def test_noise_is_the_same_and_keeps_mass(mobility: str, boundary: str) -> None:
    recipe = DryingRecipe(boundary=boundary, mobility=mobility)  # type: ignore[arg-type]
    simulation = Simulation([recipe] * 2, seeds=[0, 1], shape=(24, 64))
    noise = ThermalNoise([1e-8, 2e-8], [3, 2**70 + 1], torch.device("cpu"))
    state = simulation.state
    rates = simulation.model.rates(state.phi, state.content, state.thickness)
    dt = torch.tensor([1e-3, 2e-3], dtype=torch.float64)
    for draws in (0, 1):
        count = torch.full((2,), draws, dtype=torch.int64)
        drawn = [
            noise.increments(simulation.grid, rates, state.thickness, dt, count, backend=backend)
            for backend in NAMES
        ]
        agree(drawn[0], drawn[1], "float32")
        assert float(drawn[0].sum(dim=(2, 3)).abs().max()) < 1e-4 * float(drawn[0].abs().max())
        spread = float(drawn[0].std())
        assert spread > 0.0
    assert float((drawn[0][0] - drawn[0][1]).abs().max()) > spread


@pytest.mark.parametrize("recipe", [AnnealingRecipe(), DryingRecipe()])
def test_whole_films_agree(recipe: AnnealingRecipe | DryingRecipe) -> None:
    shares = []
    for backend in NAMES:
        simulation = Simulation([recipe], seeds=[1], shape=(16, 48), dtype="float64", backend=backend)
        simulation.advance(time=0.002 if recipe.process == "annealing" else 1.0)
        shares.append(simulation.donor_share())
    assert float((shares[0] - shares[1]).abs().max()) < 1e-6
    assert float(shares[0].std()) > 0.003
