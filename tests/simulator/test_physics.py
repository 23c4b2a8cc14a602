"""Physics of the solver: conservation laws, analytic rates and times, published shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from morphsim.simulator import AnnealingRecipe, DryingRecipe, Simulation
from morphsim.simulator.core.energy import TernaryFloryHuggins

# A film as in the theory: without thermal noise, on a neutral substrate.
QUIET = {"kappa": 2e-4, "thermal_noise": 0.0, "substrate_strength": 0.0}


@pytest.mark.parametrize("evaporation", [0.1, 3.0])
def test_solutes_are_conserved_over_a_whole_drying_film_in_float32(evaporation: float) -> None:
    simulation = Simulation([DryingRecipe(evaporation=evaporation)], seeds=[3], shape=(50, 200))
    before = simulation.solute_mass()
    simulation.advance_to_dryness(1.0, time=400.0)
    assert simulation.dry.all()
    assert float(simulation.fields().std()) > 0.05
    assert np.abs(simulation.solute_mass() / before - 1.0).max() < 1e-6


def test_solutes_are_conserved_to_rounding_in_float64() -> None:
    simulation = Simulation([DryingRecipe()], seeds=[3], shape=(32, 64), dtype="float64")
    before = simulation.solute_mass()
    simulation.advance_to_dryness(1.0, time=400.0)
    assert np.abs(simulation.solute_mass() / before - 1.0).max() < 1e-12


@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
def test_free_energy_never_rises_without_noise(boundary: str) -> None:
    recipe = AnnealingRecipe(width=1.0, boundary=boundary, duration=0.05)  # type: ignore[arg-type]
    simulation = Simulation([recipe], seeds=[1], shape=(64, 64), dtype="float64")
    energies = [simulation.free_energy()[0]]
    while simulation.time[0] < recipe.duration:
        left = torch.tensor([recipe.duration - simulation.time[0]], dtype=torch.float64)
        none, all_films = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.bool)
        if bool(simulation.stepper.step(simulation.state, left, none, all_films)[0]):
            energies.append(simulation.free_energy()[0])
    assert len(energies) > 200
    assert energies[-1] < energies[0] - 0.05
    assert np.diff(energies).max() <= 0.0


@pytest.mark.parametrize("solvent", [0.6, 0.9])
def test_a_well_mixed_film_dries_at_the_analytic_time(solvent: float) -> None:
    biot, solute = 0.01, 1.0 - solvent
    recipe = DryingRecipe(
        evaporation=biot, chi=0.0, solvent=solvent, width=0.2, duration=5000.0, thermal_noise=0.0
    )
    simulation = Simulation([recipe], seeds=[0], shape=(40, 8))
    simulation.advance_to_dryness(1.0, time=recipe.duration)
    h = simulation.thickness[0]
    expected = ((1.0 - h) + solute * np.log((1.0 - solute) / (h - solute))) / biot
    assert simulation.time[0] == pytest.approx(expected, rel=0.01)


def grow(simulation: Simulation, ripple: torch.Tensor, time: float) -> float:
    """Growth rate of a small ripple (C, H, W) added to uniform fields."""
    state = simulation.state
    mean = state.phi.mean(dim=(2, 3), keepdim=True)
    state.phi = (mean + 2e-3 * ripple).expand_as(state.phi).contiguous()
    simulation.stepper.restart(state)
    simulation.advance(time=time)

    def amplitude(phi: torch.Tensor) -> float:
        return float(((phi - mean) * ripple).mean() / (ripple**2).mean())

    first = amplitude(simulation.state.phi)
    simulation.advance(time=2.0 * time)
    return float(np.log(amplitude(simulation.state.phi) / first) / time)


def test_a_binary_ripple_grows_at_the_linear_rate() -> None:
    recipe = AnnealingRecipe(chi=3.0, kappa=4e-4, width=0.5, noise=0.0)
    simulation = Simulation([recipe], seeds=[0], shape=(8, 200), dtype="float64", tolerance=1e-4)
    k = 2 * np.pi / 0.125
    x = (torch.arange(200, dtype=torch.float64) + 0.5) * 0.0025
    rate = grow(simulation, torch.cos(k * x).expand(1, 8, 200), time=4e-4)
    curvature = 4.0 - 2.0 * 3.0
    assert rate == pytest.approx(-(k**2) * (curvature + 4e-4 * k**2), rel=0.005)


def test_a_ternary_ripple_in_depth_grows_at_the_linear_rate() -> None:
    # The published case: N 5, wodo mobility, kappa 2e-4, 0.3/0.3, b 0: fastest near k 28.9 with rate 17.6.
    recipe = DryingRecipe(
        n_donor=5, n_acceptor=5, solvent=0.4, residual_solvent=0.1, barrier=0.0, evaporation=0.0,
        width=0.1, noise=0.0, **QUIET,
    )  # fmt: skip
    simulation = Simulation([recipe], seeds=[0], shape=(400, 4), dtype="float64", tolerance=1e-4)
    k = 9 * np.pi
    theta = (torch.arange(400, dtype=torch.float64) + 0.5) / 400
    wave = torch.cos(k * theta)[:, None].expand(400, 4)
    rate = grow(simulation, torch.stack((wave, -wave)), time=0.05)
    assert rate == pytest.approx(17.6, rel=0.01)


def advance_evenly(simulation: Simulation, time: float, steps: int) -> torch.Tensor:
    """Fields after `steps` equal steps, without history at the start."""
    simulation.stepper.tolerance = 1e9
    none, all_films = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.bool)
    simulation.stepper.restart(simulation.state)
    for _ in range(steps):
        simulation.state.step = torch.full((1,), time / steps, dtype=torch.float64)
        assert simulation.stepper.step(simulation.state, none + 2.0 * time, none, all_films).all()
    return simulation.fields()


@pytest.mark.parametrize(
    ("recipe", "start", "time"),
    [
        (AnnealingRecipe(width=0.5, noise=0.05), 2e-4, 4e-4),
        (DryingRecipe(**QUIET, width=0.3, noise=0.05, n_donor=5, solvent=0.5), 0.2, 0.1),
    ],
)
def test_the_scheme_is_of_second_order_in_time(
    recipe: AnnealingRecipe | DryingRecipe, start: float, time: float
) -> None:
    def run(steps: int) -> torch.Tensor:
        simulation = Simulation([recipe], seeds=[2], shape=(32, 32), dtype="float64", tolerance=0.5)
        simulation.advance(time=start)
        return advance_evenly(simulation, time, steps)

    reference = run(2560)
    errors = [float((run(steps) - reference).abs().max()) for steps in (80, 160, 320)]
    assert errors[0] / errors[1] > 3.4
    assert errors[1] / errors[2] > 3.4


def test_coarsening_follows_the_cube_root_of_time() -> None:
    recipe = AnnealingRecipe(chi=2.8, kappa=2e-4, width=2.0, duration=0.2, noise=0.02)
    simulation = Simulation([recipe] * 2, seeds=[1, 2], shape=(100, 200))
    times, lengths = [0.008, 0.016, 0.032, 0.064], []
    for time in times:
        simulation.advance(time=time)
        binary = simulation.donor_share() > 0.5
        edges = (binary[:, 1:] ^ binary[:, :-1]).sum() + (binary ^ binary.roll(1, -1)).sum()
        lengths.append(float(edges))
    slope = np.polyfit(np.log(times), np.log(lengths), 1)[0]
    assert slope == pytest.approx(-1 / 3, abs=0.06)


@pytest.mark.parametrize(("cells", "interval"), [(24, 2e-4), (40, 2e-3)])
def test_structure_factor_with_noise_in_a_stable_film(cells: int, interval: float) -> None:
    # Equilibrium: <|phi_k|^2> = epsilon exp(-kappa k^2) / (f'' + kappa k^2) for every mode, grid and step size,
    # since noise below an interface is cut off. The longer steps exceed the relaxation time of the fastest
    # modes a hundred times.
    strength, chi, kappa = 1e-8, 0.5, 4e-4
    recipe = AnnealingRecipe(chi=chi, kappa=kappa, width=1.0, noise=0.0, thermal_noise=strength)
    simulation = Simulation([recipe] * 4, seeds=range(4), shape=(cells, cells))
    grid, powers = simulation.grid, []
    simulation.advance(time=0.05)
    for _ in range(150):
        simulation.state.step = torch.full((4,), interval, dtype=torch.float64)
        simulation.advance(time=float(simulation.time[0]) + interval)
        modes = grid.forward(simulation.fields()[:, 0] - 0.5)
        powers.append((modes.abs() ** 2).mean(dim=0) / cells**2)
    k2 = grid.exact.at(torch.ones(1, dtype=torch.float64))[0, 0]
    ratio = torch.stack(powers).mean(dim=0) * (4.0 - 2.0 * chi + kappa * k2) / strength
    ratio = ratio * torch.exp(kappa * k2)
    slow, fast = k2 < 1500.0, k2 > 4000.0
    ratio[0, 0] = 1.0
    assert float(ratio[slow].mean()) == pytest.approx(1.0, abs=0.08)
    assert float(ratio[fast].mean()) == pytest.approx(1.0, abs=0.08)


def test_a_film_does_not_feel_its_neighbours() -> None:
    recipe = DryingRecipe(evaporation=1.0)
    alone = Simulation([recipe], seeds=[7], shape=(24, 64))
    batch = Simulation([recipe, DryingRecipe(evaporation=0.2)], seeds=[7, 8], shape=(24, 64))
    for simulation in (alone, batch):
        simulation.advance_to_dryness(0.9, time=400.0)
    assert torch.equal(alone.fields()[0], batch.fields()[0])


def test_slow_drying_gives_columns_and_a_long_donor_gives_layers() -> None:
    def edges(recipe: DryingRecipe) -> tuple[float, float]:
        simulation = Simulation([recipe], seeds=[1], shape=(50, 200))
        simulation.advance_to_dryness(1.0, time=400.0)
        binary = simulation.donor_share()[0] > 0.5
        lateral = float((binary ^ binary.roll(1, -1)).float().mean())
        vertical = float((binary[1:] ^ binary[:-1]).float().mean())
        return lateral, vertical

    lateral, vertical = edges(DryingRecipe(**QUIET, n_donor=5, evaporation=0.03))
    assert lateral > vertical
    lateral, vertical = edges(DryingRecipe(**QUIET, n_donor=20, evaporation=0.3))
    assert vertical > 5 * lateral


def test_ternary_binodal_of_the_dry_blend_is_the_published_one() -> None:
    # chi 1, N 5/5, b 0: 0.007188 / 0.992812, where the exchange potentials of both phases agree.
    donor = 0.007188
    for share in (donor, 1.0 - donor):
        solvent = 1e-4
        phi = torch.tensor([share, 1.0 - share], dtype=torch.float64)[None, :, None, None] * (1 - solvent)
        one = torch.ones((1, 1, 1), dtype=torch.float64)
        energy = TernaryFloryHuggins(5 * one, 5 * one, one, 0 * one, 0 * one, 0 * one)
        potential = energy.potential(phi)[0, :, 0, 0]
        assert float(potential[0] - potential[1]) == pytest.approx(0.0, abs=2e-3)
