"""Physics of the solver: conservation laws, analytic rates and times, published shapes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from morphsim.simulator import AnnealingRecipe, DryingRecipe, Simulation, Units
from morphsim.simulator.backends import BackendName
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


def second_derivatives(simulation: Simulation, phi: torch.Tensor) -> torch.Tensor:
    """The matrix of second derivatives of the energy of the first film, (C, C, H, W)."""
    rows = simulation.model.energy.hessian(phi)
    return torch.stack([torch.stack([second[0] for second in row]) for row in rows])


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


def in_even_steps(simulation: Simulation, step: float, *, first: int, count: int) -> Iterator[torch.Tensor]:
    """Fields after each of `count` steps of one size, which follow the `first` ones."""
    films = len(simulation.time)
    simulation.stepper.tolerance = 1e9
    none, all_films = torch.zeros(films, dtype=torch.float64), torch.ones(films, dtype=torch.bool)
    for number in range(first + count):
        simulation.state.step = none + step
        assert simulation.stepper.step(simulation.state, none + 1e9, none, all_films).all()
        if number >= first:
            yield simulation.fields()


BANDS = [(0.0, 500.0), (500.0, 1500.0), (1500.0, 4000.0), (4000.0, 8000.0), (8000.0, np.inf)]


def means_of_bands(values: torch.Tensor, k2: torch.Tensor) -> list[float]:
    """Means over the modes of bands of k², without the mean of the fields."""
    bands = [(k2 > low) & (k2 <= high) for low, high in BANDS]
    return [float(values[band].mean()) for band in bands if band.sum() > 10]


@pytest.mark.parametrize(("cells", "step"), [(24, 2e-4), (40, 2e-4), (40, 2e-3), (40, 2e-2)])
def test_structure_factor_with_noise_in_a_stable_film(cells: int, step: float) -> None:
    # Equilibrium: <|phi_k|^2> = epsilon exp(-kappa k^2) / (f'' + kappa k^2), for every mode, grid and step.
    # The longest steps exceed the relaxation time of all modes, that of the fastest a hundred thousand times.
    strength, chi, kappa = 1e-8, 0.5, 4e-4
    recipe = AnnealingRecipe(chi=chi, kappa=kappa, width=1.0, noise=0.0, thermal_noise=strength)
    simulation = Simulation([recipe] * 4, seeds=range(4), shape=(cells, cells), dtype="float64")
    simulation.advance(time=0.03 if step < 1e-3 else 1e-3)
    powers, grid = torch.zeros(cells, cells // 2 + 1, dtype=torch.float64), simulation.grid
    for fields in in_even_steps(simulation, step, first=20, count=200):
        powers += grid.forward(fields[:, 0] - 0.5).abs().square().mean(dim=0) / 200
    k2 = grid.exact.at(torch.ones(1, dtype=torch.float64))[0, 0]
    expected = strength * torch.exp(-kappa * k2) / (4.0 - 2.0 * chi + kappa * k2)
    slowest, *others = means_of_bands(powers / cells**2 / expected, k2)
    # There are few slow modes, and they change slowly.
    assert slowest == pytest.approx(1.0, abs=0.08)
    assert others == pytest.approx([1.0] * len(others), abs=0.02)


def test_fluctuations_of_a_film_with_units_are_those_of_its_volume() -> None:
    # An orthonormal wave over the volume width h0² L has the energy k_B T / 2, and the stiffness
    # (RT/V)(f'' + kappa k²): its amplitude squared is V / N_A / (f'' + kappa k²) on average [nm³].
    units, volume, depth, cells = Units(length_nm=300.0, diffusivity=1e-17), 300.0, 40.0, 24
    chi, kappa, width = 0.5, 4e-4, 1.5
    strength = units.thermal_noise(molar_volume=volume, depth_nm=depth)
    recipe = AnnealingRecipe(chi=chi, kappa=kappa, width=width, noise=0.0, thermal_noise=strength)
    simulation = Simulation([recipe] * 4, seeds=range(4), shape=(cells, cells), dtype="float64")
    simulation.advance(time=1e-3)
    grid, block = simulation.grid, width * 300.0**2 * depth / cells**2
    squares = torch.zeros(cells, cells // 2 + 1, dtype=torch.float64)
    for fields in in_even_steps(simulation, 2e-3, first=20, count=200):
        squares += grid.forward(fields[:, 0] - 0.5).abs().square().mean(dim=0) * block / 200
    k2 = grid.exact.at(torch.ones(1, dtype=torch.float64))[0, 0]
    molecule = volume * 1e21 / 6.02214e23
    expected = molecule * torch.exp(-kappa * k2) / (4.0 - 2.0 * chi + kappa * k2)
    slowest, *others = means_of_bands(squares / expected, k2)
    assert slowest == pytest.approx(1.0, abs=0.08)
    assert others == pytest.approx([1.0] * len(others), abs=0.02)


@pytest.mark.parametrize(
    ("mobility", "step"), [("wodo", 0.01), ("wodo", 1.0), ("onsager", 0.1), ("fast-mode", 1.0), ("negi", 3.0)]
)
def test_structure_factor_of_two_fields_in_a_stable_film(mobility: str, step: float) -> None:
    # The same in finite volumes: epsilon C (f'' + kappa k^2)^-1 C with C = exp(-kappa k^2 / 2).
    strength, films, (height, width) = 1e-9, 6, (32, 64)
    recipe = DryingRecipe(
        evaporation=0.0, solvent=0.7, width=2.0, noise=0.0, thermal_noise=strength, substrate_strength=0.0,
        mobility=mobility, chi=0.5, kappa=4e-4,
    )  # fmt: skip
    simulation = Simulation([recipe] * films, seeds=range(films), shape=(height, width), dtype="float64")
    mean = simulation.fields().mean(dim=(2, 3), keepdim=True)
    grid, powers = simulation.grid, torch.zeros((2, 2, height, width // 2 + 1), dtype=torch.float64)
    for fields in in_even_steps(simulation, step, first=40, count=150):
        modes = grid.forward(fields - mean)
        powers += torch.einsum("bcij,bdij->cdij", modes, modes.conj()).real / (150 * films)
    k2 = grid.differences.at(torch.ones(1, dtype=torch.float64))[0, 0]
    stiffness = (
        second_derivatives(simulation, mean)
        + torch.diag(simulation.model.kappa[0, :, 0, 0])[..., None, None] * k2
    )
    expected = strength * torch.linalg.inv(stiffness.permute(2, 3, 0, 1)).permute(2, 3, 0, 1)
    expected = expected * torch.exp(-4e-4 * k2) * (height * width / 2.0)
    for one, other in ((0, 0), (1, 1), (0, 1)):
        _, *others = means_of_bands(powers[one, other] / expected[one, other], k2)
        assert others == pytest.approx([1.0] * len(others), abs=0.05)


@pytest.mark.parametrize("backend", ["numba", "torch"])
@pytest.mark.parametrize("noise", [3e-7, 0.0])
def test_a_film_does_not_feel_its_neighbours(noise: float, backend: BackendName) -> None:
    recipe, shape = DryingRecipe(evaporation=1.0, thermal_noise=noise), (16, 32)
    others = [DryingRecipe(evaporation=0.2), DryingRecipe(evaporation=3.0, thermal_noise=0.0)]
    alone = Simulation([recipe], seeds=[7], shape=shape, backend=backend)
    batch = Simulation([others[0], recipe, others[1]], seeds=[8, 7, 9], shape=shape, backend=backend)
    for simulation in (alone, batch):
        simulation.advance_to_dryness(0.6, time=400.0)
    assert torch.equal(alone.fields()[0], batch.fields()[1])


def test_under_noise_a_smaller_tolerance_takes_more_steps_and_moves_the_film() -> None:
    films = []
    for tolerance in (0.002, 0.001):
        simulation = Simulation(
            [DryingRecipe(evaporation=1.0)], seeds=[1], shape=(24, 48), tolerance=tolerance
        )
        simulation.advance_to_dryness(0.8, time=400.0)
        films.append(simulation)
    loose, tight = films
    assert tight.steps > 1.1 * loose.steps
    assert float((tight.fields() - loose.fields()).std()) > 1e-4


def test_a_weak_ripple_under_noise_grows_at_the_linear_rate() -> None:
    # At the default tolerance, within 3 %: steps lose up to 0.003 of the amplitude each.
    recipe = DryingRecipe(
        n_donor=5, n_acceptor=5, solvent=0.4, residual_solvent=0.1, barrier=0.0, evaporation=0.0,
        width=1.0, noise=0.0, kappa=2e-4, thermal_noise=1e-16, substrate_strength=0.0,
    )  # fmt: skip
    simulation = Simulation([recipe], seeds=[0], shape=(4, 200), dtype="float64")
    k, x = 10.0 * np.pi, (torch.arange(200, dtype=torch.float64) + 0.5) / 200
    model, mean = simulation.model, simulation.fields().mean(dim=(2, 3), keepdim=True)
    mobility, _ = model.mobilities(mean)
    k2 = (2.0 / 0.005 * np.sin(0.5 * k * 0.005)) ** 2
    stiffness = second_derivatives(simulation, mean)[..., 0, 0] + torch.diag(model.kappa[0, :, 0, 0]) * k2
    rates, vectors = torch.linalg.eig(-k2 * torch.diag(mobility[0, :, 0, 0]) @ stiffness)
    fastest = int(rates.real.argmax())
    assert float(rates.real[fastest]) > 5.0
    ripple = torch.cos(k * x).expand(4, 200) * vectors.real[:, fastest, None, None]
    rate = grow(simulation, ripple, time=0.05)
    assert rate == pytest.approx(float(rates.real[fastest]), rel=0.03)


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
