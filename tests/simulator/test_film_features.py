"""Snapshots, substrates, spin speed, thickness, closures, equilibria and energies of films."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.fft
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from morphsim import simulator
from morphsim.errors import InputError
from morphsim.simulator import (
    AnnealingRecipe,
    BinaryFloryHuggins,
    ConstantMobility,
    DoubleWell,
    DryingRecipe,
    Evaporation,
    FilmModel,
    Grid,
    OnsagerMobility,
    Simulation,
    Solver,
    Substrate,
    TernaryFloryHuggins,
    VapourAnnealingRecipe,
    WodoMobility,
    export,
    materials,
    thermodynamics,
)
from morphsim.simulator.core.mobility import Mobility
from morphsim.simulator.thermodynamics import (
    DoubleWellMixture,
    TernaryMixture,
    binodal,
    interface,
)
from morphsim.types import Boundary

SMALL = (16, 48)
Snapshots = dict[str, np.ndarray[Any, Any]]


def column(value: float) -> Tensor:
    return torch.full((1, 1, 1), value, dtype=torch.float64)


def make_grid(
    shape: tuple[int, int], width: float, boundary: Boundary, depth_boundary: Boundary = "no-flux"
) -> Grid:
    return Grid(
        shape,
        width=width,
        boundary=boundary,
        depth_boundary=depth_boundary,
        dtype=torch.float64,
        device=torch.device("cpu"),
    )


def double_well(grid: Grid) -> FilmModel:
    """The polynomial of the phase-field benchmarks: height 5, wells at 0.3 and 0.7, kappa 2, mobility 5."""
    energy = DoubleWell(column(5.0), column(0.3), column(0.7))
    return FilmModel(grid, energy, ConstantMobility(column(5.0)[None]), column(2.0)[None])


def same(one: Mapping[str, np.ndarray[Any, Any]], other: Mapping[str, np.ndarray[Any, Any]]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def lowering(solver: Solver, times: np.ndarray[Any, Any], *, rise: float = 1e-13) -> None:
    """Advance through `times`, through which the free energy must never rise by more than `rise`."""
    energies = [solver.free_energy()]
    for time in times:
        solver.advance(time=float(time))
        energies.append(solver.free_energy())
    assert np.diff(energies, axis=0).max() <= rise
    assert np.all(energies[-1] < energies[0])


# ------------------------------------------------------------------------------------------- snapshots


def drying() -> Simulation:
    recipes = [DryingRecipe(evaporation=e, thermal_noise=1e-7) for e in (0.5, 2.0)]
    return Simulation(recipes, seeds=[4, 5], shape=SMALL)


def annealing() -> Simulation:
    recipe = AnnealingRecipe(width=1.0, kappa=2e-3, thermal_noise=1e-8)
    return Simulation([recipe], seeds=[6], shape=SMALL)


def dry_on(film: Simulation, dryness: float) -> None:
    film.advance_to_dryness(dryness, time=100.0)


def anneal_on(film: Simulation, dryness: float) -> None:
    film.advance(time=0.02 * dryness)


CASES: dict[str, tuple[Callable[[], Simulation], Callable[[Simulation, float], None]]] = {
    "drying": (drying, dry_on),
    "annealing": (annealing, anneal_on),
}


@pytest.mark.parametrize("case", CASES)
def test_a_film_goes_on_from_a_snapshot_bit_for_bit(case: str, tmp_path: Path) -> None:
    make, go_on = CASES[case]
    film = make()
    go_on(film, 0.4)
    film.set_knobs(temperature=330.0)
    if case == "drying":
        film.set_knobs(ambient_vapour=0.05, evaporation=[0.6, 1.5])
    go_on(film, 0.5)
    taken = film.snapshot()
    go_on(film, 0.8)
    expected = film.snapshot()
    assert not np.array_equal(taken["phi"], expected["phi"])

    np.savez(tmp_path / "film.npz", **taken)
    with np.load(tmp_path / "film.npz", allow_pickle=False) as stored:
        read = {name: stored[name] for name in stored}
    film.set_knobs(temperature=300.0)
    for again, snapshot in ((film, taken), (make(), taken), (make(), read)):
        again.restore(snapshot)
        assert same(again.snapshot(), taken)
        go_on(again, 0.8)
        assert same(again.snapshot(), expected)


def test_a_snapshot_is_no_view_of_the_film() -> None:
    film = annealing()
    taken = film.snapshot()
    taken["phi"] += 1.0
    taken["knob_temperature"] += 1.0
    assert float(film.fields().max()) < 1.0
    assert film.knobs["temperature"][0] == 373.15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("rate_change"), "the snapshot lacks 'rate_change'; use what snapshot"),
        (lambda s: s.pop("knob_evaporation"), "the snapshot lacks the knob 'evaporation'; use what snapshot"),
        (
            lambda s: s.update(phi=s["phi"][:1]),
            r"phi has the shape \(1, 2, 16, 48\), these films' \(2, 2, 16",
        ),
        (lambda s: s.update(phi=s["phi"].astype(np.float64)), "phi is torch.float64, these films' torch.fl"),
        (lambda s: s.update(draws=s["draws"].astype(np.int32)), "draws is torch.int32, these films' torch.i"),
    ],
)
def test_snapshots_of_other_films_are_refused(change: Callable[[Snapshots], object], message: str) -> None:
    film = drying()
    before = film.snapshot()
    wrong = film.snapshot()
    change(wrong)
    with pytest.raises(InputError, match=message) as caught:
        film.restore(wrong)
    assert "\n" not in str(caught.value)
    assert same(film.snapshot(), before)


def test_a_snapshot_of_another_process_is_refused() -> None:
    with pytest.raises(InputError, match="the snapshot lacks the knob"):
        drying().restore(annealing().snapshot())


# ------------------------------------------------------------------------------------------- substrate


def test_a_substrate_enriches_the_donor_as_the_linear_profile_has_it() -> None:
    strength, preferred, kappa, curvature = 3e-3, 0.8, 5e-3, 4.0 - 2.0 * 1.0
    recipe = AnnealingRecipe(
        chi=1.0, kappa=kappa, width=0.05, noise=0.0, substrate_strength=strength, substrate_donor=preferred
    )
    film = Simulation([recipe], seeds=[0], shape=(100, 4), dtype="float64")
    lowering(film, np.geomspace(1e-4, 0.6, 30))
    assert film.solute_mass()[0] == pytest.approx([0.5], abs=1e-13)
    profile = film.fields()[0, 0].mean(dim=-1).numpy()[::-1]
    assert float(film.fields().std(dim=-1).max()) < 1e-12

    # c + A cosh((1 - z)/l) with the mean of the blend, and kappa dφ/dz = 2 h (φ - φ_w) at z = 0.
    length, z = np.sqrt(kappa / curvature), (np.arange(100) + 0.5) / 100
    mean_of_wave = length * np.sinh(1.0 / length)
    at_wall = np.cosh(1.0 / length) - mean_of_wave
    slope = kappa / length * np.sinh(1.0 / length) + 2.0 * strength * at_wall
    amplitude = 2.0 * strength * (preferred - 0.5) / slope
    expected = 0.5 + amplitude * (np.cosh((1.0 - z) / length) - mean_of_wave)
    enrichment = expected[0] - 0.5
    assert enrichment > 0.01
    assert np.abs(profile - expected).max() < 0.03 * enrichment

    # The natural condition at the wall itself, from the parabola through the three lowest rows.
    wall = np.polynomial.Polynomial.fit(z[:3], profile[:3], 2)
    assert kappa * wall.deriv()(0.0) == pytest.approx(2.0 * strength * (wall(0.0) - preferred), rel=0.03)


def test_a_striped_substrate_prints_its_period_into_the_film() -> None:
    recipe = AnnealingRecipe(
        chi=1.5, kappa=5e-3, width=2.0, substrate_strength=0.02, substrate_donor=0.9, substrate_period=0.5
    )
    film = Simulation([recipe], seeds=[0], shape=(16, 64))
    film.advance(time=0.3)
    wall = film.fields()[0, 0, -1].numpy()
    power = np.abs(np.fft.rfft(wall - wall.mean())) ** 2
    assert power.argmax() == 4
    assert power[4] > 0.9 * power.sum()
    stripe = (np.floor(2.0 * (np.arange(64) + 0.5) / 32 / 0.5) % 2) == 0
    assert wall[stripe].mean() > 0.52 > 0.48 > wall[~stripe].mean()
    assert float(film.fields()[0, 0, 0].std()) < 0.1 * float(wall.std())


def test_the_substrate_draws_the_donor_of_a_drying_film_for_each_film_of_a_batch() -> None:
    recipes = [
        DryingRecipe(n_donor=5, evaporation=1.0, thermal_noise=0.0, width=0.5, substrate_strength=s)
        for s in (0.0, 0.01)
    ]
    film = Simulation(recipes, seeds=[0, 0], shape=(40, 16))
    before = film.solute_mass()
    film.advance_to_dryness(0.6, time=10.0)
    assert np.abs(film.solute_mass() / before - 1.0).max() < 1e-6
    donor = film.fields()[:, 0].mean(dim=-1)
    assert float(donor[0, -1]) == pytest.approx(float(donor[0, -5]), abs=0.01)
    assert float(donor[1, -1]) > float(donor[1, -10]) + 0.05


def test_stripes_must_fit_a_periodic_film() -> None:
    with pytest.raises(InputError, match=r"substrate_period 0\.3 does not divide the width 1 of a periodic"):
        AnnealingRecipe(width=1.0, substrate_period=0.3)
    with pytest.raises(InputError, match=r"substrate_period 2 does not divide the width 1"):
        DryingRecipe(width=1.0, substrate_period=2.0)
    assert AnnealingRecipe(width=1.0, substrate_period=0.3, boundary="no-flux").substrate_period == 0.3


# ----------------------------------------------------------------------------- spin speed and thickness


def well_mixed(**parameters: Any) -> DryingRecipe:
    return DryingRecipe(
        **{"evaporation": 0.01, "chi": 0.0, "width": 0.2, "duration": 5000.0, "thermal_noise": 0.0}
        | parameters
    )


def test_evaporation_goes_with_the_square_root_of_the_spin_speed() -> None:
    speeds = np.array([500.0, 2000.0, 6000.0])
    recipes = [well_mixed(spin_speed=s, reference_spin_speed=2000.0) for s in speeds]
    film = Simulation(recipes, seeds=[0, 0, 0], shape=(24, 8))
    assert film.biot == pytest.approx(0.01 * np.sqrt(speeds / 2000.0), rel=1e-12)
    film.advance_to_dryness(1.0, time=5000.0)
    assert film.dry.all()
    assert film.time * film.biot == pytest.approx([film.time[1] * film.biot[1]] * 3, rel=0.01)
    assert film.time[0] / film.time[1] == pytest.approx(2.0, rel=0.01)


def test_the_time_to_dry_goes_with_the_initial_thickness() -> None:
    sizes = np.array([0.5, 1.0, 2.0])
    recipes = [well_mixed(initial_thickness=s) for s in sizes]
    assert [r.dry_thickness for r in recipes] == pytest.approx(sizes * 0.2 / 0.9)
    film = Simulation(recipes, seeds=[0, 0, 0], shape=(24, 8))
    assert film.thickness == pytest.approx(sizes)
    assert film.dryness == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
    film.advance_to_dryness(0.5, time=5000.0)
    assert film.dryness == pytest.approx([0.5, 0.5, 0.5], abs=1e-3)
    assert film.thickness == pytest.approx(sizes * (1.0 + 0.2 / 0.9) / 2.0, abs=2e-4)
    film.advance_to_dryness(1.0, time=5000.0)
    assert film.dry.all()
    assert film.dryness == pytest.approx([1.0, 1.0, 1.0], abs=1e-3)
    assert film.time / film.time[1] == pytest.approx(sizes, rel=0.01)
    assert film.solute_mass().sum(axis=1) == pytest.approx(0.2 * sizes, rel=1e-6)


# -------------------------------------------------------------------------------------------- closures


def test_a_ripple_under_the_onsager_closure_grows_at_the_linear_rate() -> None:
    blend, chi, kappa = 0.4, 3.0, 4e-4
    grid = make_grid((4, 128), 0.25, "periodic")
    k = 2.0 * np.pi / 0.125
    ripple = torch.cos(k * (torch.arange(128, dtype=torch.float64) + 0.5) * grid.dx).expand(1, 1, 4, 128)
    model = FilmModel(
        grid, BinaryFloryHuggins(column(chi)), OnsagerMobility(column(1.0)), column(kappa)[None]
    )
    solver = Solver(model, blend + 2e-4 * ripple, tolerance=1e-4)
    amplitudes, times = [], [1e-3, 3e-3]
    for time in times:
        solver.advance(time=time)
        amplitudes.append(float((solver.fields() * ripple).mean() * 2.0))
    # The five-point Laplacian of the wave.
    squared = (2.0 / grid.dx * np.sin(0.5 * k * grid.dx)) ** 2
    curvature = 1.0 / blend + 1.0 / (1.0 - blend) - 2.0 * chi
    rate = -blend * (1.0 - blend) * squared * (curvature + kappa * squared)
    assert rate > 100.0
    assert np.log(amplitudes[1] / amplitudes[0]) / 2e-3 == pytest.approx(rate, rel=0.005)


@settings(max_examples=100, deadline=None)
@given(donor=st.floats(1e-4, 1.0 - 2e-4), share=st.floats(1e-4, 1.0 - 1e-4), size=st.floats(1e-3, 10.0))
def test_the_ternary_onsager_matrix_never_drives_a_flux_uphill(
    donor: float, share: float, size: float
) -> None:
    phi = torch.tensor([donor, (1.0 - donor) * share], dtype=torch.float64)[None, :, None, None]
    mobility = OnsagerMobility(column(size))
    diagonal, cross = mobility(phi).flatten(), mobility.cross(phi)
    assert cross is not None
    assert float(cross) < 0.0
    matrix = torch.diag(diagonal)
    matrix[0, 1] = matrix[1, 0] = float(cross)
    assert float(torch.linalg.eigvalsh(matrix).min()) >= -1e-15 * size


@pytest.mark.parametrize("process", ["annealing", "drying"])
def test_films_of_the_onsager_closure_keep_mass_and_lose_energy(process: str) -> None:
    recipe: AnnealingRecipe | DryingRecipe
    if process == "annealing":
        recipe, end = AnnealingRecipe(mobility="onsager", kappa=2e-3, width=1.0), 0.1
    else:
        recipe = DryingRecipe(
            mobility="onsager", n_donor=5, solvent=0.3, evaporation=0.0, thermal_noise=0.0, kappa=1e-3,
            width=1.0,
        )  # fmt: skip
        end = 3.0
    film = Simulation([recipe], seeds=[1], shape=(24, 32), dtype="float64")
    before = film.solute_mass()
    lowering(film, np.geomspace(end / 1000.0, end, 40))
    assert float(film.fields().std()) > 0.1
    assert np.abs(film.solute_mass() / before - 1.0).max() < 1e-13


# ----------------------------------------------------------------------------------------- equilibrium


def strip(cells: int, width: float) -> tuple[Grid, Tensor]:
    """A grid of one row between walls, and x [same unit as width] from its middle."""
    grid = make_grid((1, cells), width, "no-flux")
    return grid, (torch.arange(cells, dtype=torch.float64) + 0.5) * grid.dx - 0.5 * width


def test_a_flat_interface_of_the_double_well_is_the_analytic_one() -> None:
    grid, x = strip(128, 40.0)
    solver = Solver(double_well(grid), 0.5 + 0.2 * torch.tanh(x / 6.0)[None, None, None])
    lowering(solver, np.geomspace(0.01, 300.0, 20))
    expected = 0.5 + 0.2 * torch.tanh(np.sqrt(0.2) * x)
    assert float((solver.fields()[0, 0, 0] - expected).abs().max()) < 1e-4
    assert solver.free_energy()[0] == pytest.approx(0.0477, rel=0.005)
    of_theory = interface(DoubleWellMixture(), kappa=2.0)
    assert of_theory is not None
    assert solver.free_energy()[0] == pytest.approx(of_theory.energy, rel=1e-4)


def test_a_relaxed_binary_film_has_the_phases_of_the_phase_diagram() -> None:
    chi, kappa = 2.8, 4e-4
    phases = binodal(AnnealingRecipe(chi=chi))
    assert phases is not None
    for mobility in (ConstantMobility(column(1.0)[None]), OnsagerMobility(column(1.0))):
        grid, x = strip(128, 0.6)
        model = FilmModel(grid, BinaryFloryHuggins(column(chi)), mobility, column(kappa)[None])
        solver = Solver(model, 0.5 + 0.25 * torch.tanh(x / 0.05)[None, None, None])
        # At rest, steps that grow jitter within their tolerance.
        lowering(solver, np.geomspace(1e-4, 1.0, 20), rise=1e-8)
        fields = solver.fields()[0, 0, 0].numpy()
        assert (fields[0], fields[-1]) == pytest.approx(phases, abs=1e-3)


@pytest.mark.parametrize(("closure", "step"), [("constant", 0.01), ("wodo", 0.03)])
def test_a_relaxed_ternary_film_has_phases_at_the_ends_of_a_tie_line(closure: str, step: float) -> None:
    mixture = TernaryMixture(
        n_donor=5, n_acceptor=5, chi=1.0, chi_donor_solvent=0.3, chi_acceptor_solvent=0.6, barrier=1e-3
    )
    energy = TernaryFloryHuggins(
        column(5.0), column(5.0), column(1.0), column(0.3), column(0.6), column(1e-3)
    )
    grid, x = strip(96, 1.0)
    wall = torch.tanh(x / 0.1)
    fields = torch.stack((0.42 + 0.3 * wall, 0.42 - 0.3 * wall))[None, :, None]
    mobility: Mobility = ConstantMobility(column(0.1)[None].expand(1, 2, 1, 1))
    evaporation = None
    if closure == "wodo":
        mobility = WodoMobility(column(5.0)[None].expand(1, 2, 1, 1), column(1e-3), column(1.0))
        zero = torch.zeros(1, dtype=torch.float64)
        evaporation = Evaporation(biot=zero, ambient=zero)
    kappa = column(2e-4)[None].expand(1, 2, 1, 1)
    solver = Solver(FilmModel(grid, energy, mobility, kappa, evaporation), fields)
    # Even steps come to rest; steps that grow keep jittering within their tolerance.
    lowering(solver, step * np.arange(1, 701), rise=1e-12)

    ends = solver.fields()[0, :, 0][:, [0, -1]].T.numpy()
    ends = np.column_stack((ends, 1.0 - ends.sum(axis=1)))
    assert ends[1, 0] > 0.6 > 0.2 > ends[0, 0]
    potentials = mixture.chemical_potentials(ends)
    assert potentials[0] == pytest.approx(potentials[1], abs=1e-4)
    lines = binodal(mixture)
    # The tie line with the same solvent in its donor-rich end, between two of those that were followed.
    order = np.argsort(lines[:, 1, 2])
    solvent = lines[order, 1, 2]
    assert solvent[0] < ends[1, 2] < solvent[-1]
    for end in range(2):
        for component in range(3):
            expected = np.interp(ends[1, 2], solvent, lines[order, end, component])
            assert ends[end, component] == pytest.approx(expected, abs=2e-4)


# ---------------------------------------------------------------------------------------------- Solver


def benchmark_field(cells: int) -> Tensor:
    """The initial field of PFHub's benchmark 1 on 200 x 200, (1, 1, H, W)."""
    at = (torch.arange(cells, dtype=torch.float64) + 0.5) * (200.0 / cells)
    x, y = at[None, :], at[:, None]
    waves = torch.cos(0.105 * x) * torch.cos(0.11 * y)
    waves = waves + (torch.cos(0.13 * x) * torch.cos(0.087 * y)) ** 2
    waves = waves + torch.cos(0.025 * x - 0.15 * y) * torch.cos(0.07 * x - 0.02 * y)
    return (0.5 + 0.01 * waves)[None, None]


@pytest.mark.parametrize("boundary", ["periodic", "no-flux"])
def test_the_free_energy_is_a_direct_sum(boundary: Boundary) -> None:
    grid = make_grid((50, 64), 200.0, boundary, boundary)
    fields = torch.nn.functional.interpolate(benchmark_field(64), size=(50, 64), mode="nearest")
    solver = Solver(double_well(grid), fields, thickness=200.0)
    c = fields[0, 0].numpy()
    density = 5.0 * (c - 0.3) ** 2 * (0.7 - c) ** 2
    if boundary == "periodic":
        power = np.abs(np.fft.fft2(c, norm="ortho")) ** 2
        kx, kz = (2 * np.pi * np.fft.fftfreq(n, 200.0 / n) for n in (64, 50))
    else:
        power = scipy.fft.dctn(c, norm="ortho") ** 2
        kx, kz = (np.pi * np.arange(n) / 200.0 for n in (64, 50))
    gradients = power * (kx[None, :] ** 2 + kz[:, None] ** 2)
    expected = (density.sum() + 0.5 * 2.0 * gradients.sum()) * (200.0 / 64) * (200.0 / 50)
    assert solver.free_energy()[0] == pytest.approx(expected, rel=1e-12)


def test_the_free_energy_of_the_benchmark_s_initial_field_is_the_integral() -> None:
    # Between walls the cosines follow the field to second order in the cell.
    fine = benchmark_field(800)[0, 0].numpy()
    slopes = sum((slope**2 for slope in np.gradient(fine, 0.25)), np.zeros_like(fine))
    expected = (5.0 * (fine - 0.3) ** 2 * (0.7 - fine) ** 2 + slopes).sum() * 0.25**2
    solver = Solver(
        double_well(make_grid((200, 200), 200.0, "no-flux")), benchmark_field(200), thickness=200.0
    )
    assert solver.free_energy()[0] == pytest.approx(expected, rel=1e-3)


FIELDS = torch.full((1, 1, 8, 12), 0.5, dtype=torch.float64)


@pytest.mark.parametrize(
    ("fields", "options", "message"),
    [
        (FIELDS[0], {}, r"shape \(1, 8, 12\); they must be \(films, components, 8, 12\)"),
        (FIELDS[..., :6], {}, r"shape \(1, 1, 8, 6\); they must be \(films, components, 8, 12\)"),
        (FIELDS[:0], {}, r"shape \(0, 1, 8, 12\)"),
        (FIELDS * float("nan"), {}, "fields hold NaN or infinity"),
        (FIELDS * float("inf"), {}, "fields hold NaN or infinity"),
        (FIELDS, {"thickness": 0.0}, r"thickness is 0\.0; it must be above 0"),
        (FIELDS, {"thickness": [-1.0]}, r"thickness is \[-1\.0\]; it must be above 0"),
        (FIELDS, {"thickness": float("nan")}, "thickness is nan; it must be above 0"),
        (FIELDS, {"thickness": [1.0, 2.0]}, "2 values are given for 1 films"),
        (FIELDS, {"tolerance": 0.0}, r"tolerance is 0\.0; it must lie above 0 and up to 0\.5"),
        (FIELDS, {"tolerance": 0.6}, r"tolerance is 0\.6"),
        (FIELDS, {"tolerance": float("nan")}, "tolerance is nan"),
    ],
)
def test_the_solver_refuses_what_it_can_not_start_from(
    fields: Tensor, options: dict[str, Any], message: str
) -> None:
    model = double_well(make_grid((8, 12), 12.0, "periodic"))
    assert len(Solver(model, FIELDS)) == 1
    with pytest.raises(InputError, match=message) as caught:
        Solver(model, fields, **options)
    assert "\n" not in str(caught.value)


def test_a_block_that_is_periodic_in_depth_has_no_surface() -> None:
    grid = make_grid((8, 12), 12.0, "periodic", "periodic")
    model = double_well(grid)
    one = torch.ones(1, dtype=torch.float64)
    wall = torch.ones((1, 1, 12), dtype=torch.float64)
    for parts in ({"evaporation": Evaporation(one, 0 * one)}, {"substrate": Substrate(wall, wall)}):
        with pytest.raises(InputError, match="periodic in depth has neither surface nor substrate"):
            FilmModel(grid, model.energy, model.mobility, model.kappa, **parts)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------- documents

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("page", ["solver.md", "api/index.md"])
def test_the_pages_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    spaces: list[dict[str, Any]] = [{} for _ in blocks]
    for block, space in zip(blocks, spaces, strict=True):
        exec(compile(block, page, "exec"), space)
    if page == "api/index.md":
        assert same(spaces[1]["again"].snapshot(), spaces[1]["film"].snapshot())
    else:
        assert float(spaces[0]["fields"].max()) > 0.8
        own, built_in = spaces[0]["Chains"](chi=1.8, length=1.0), BinaryFloryHuggins(column(1.8))
        phi = torch.linspace(0.05, 0.95, 12, dtype=torch.float64).view(1, 1, 3, 4)
        for name in ("density", "potential"):
            assert torch.allclose(getattr(own, name)(phi), getattr(built_in, name)(phi), atol=1e-12)
        assert torch.allclose(own.curvature(phi), 1.0 / phi + 1.0 / (1.0 - phi) - 3.6)


def test_the_page_of_physics_lists_every_parameter_with_its_default_and_range() -> None:
    page = (DOCS / "physics.md").read_text(encoding="utf-8")
    lines = page.partition("## Recipes and knobs")[2].splitlines()
    kinds = (AnnealingRecipe, DryingRecipe)
    names = dict.fromkeys(entry.name for kind in kinds for entry in dataclasses.fields(kind))
    for name in names:
        row = next(line for line in lines if line.startswith(f"| `{name}` | "))
        shown, allowed = (cell.strip().split(" / ") for cell in row.split("|")[3:5])
        found = [entry for kind in kinds for entry in dataclasses.fields(kind) if entry.name == name]
        for place, entry in enumerate(found):
            if "choices" in entry.metadata:
                default, limits = f"`{entry.default}`", ", ".join(f"`{c}`" for c in entry.metadata["choices"])
            else:
                default, limits = f"{entry.default:g}", "{:g} to {:g}".format(*entry.metadata["range"])
            assert shown[min(place, len(shown) - 1)] == default, name
            assert allowed[min(place, len(allowed) - 1)] == limits, name


def test_the_page_of_physics_lists_what_differs_in_vapour() -> None:
    page = (DOCS / "physics.md").read_text(encoding="utf-8").partition("parameter in vapour")[2]
    rows = dict(re.findall(r"\| `(\w+)` \| [^|]* \| ([^|]* \| [^|]*) \|", page))
    inherited = {entry.name: entry for entry in dataclasses.fields(DryingRecipe)}
    for entry in dataclasses.fields(VapourAnnealingRecipe):
        if (
            entry.default == inherited[entry.name].default
            and entry.metadata == inherited[entry.name].metadata
        ):
            assert entry.name not in rows
        else:
            low, high = entry.metadata["range"]
            assert rows[entry.name] == f"{entry.default:g} | {low:g} to {high:g}"


def test_the_pages_of_the_python_interface_show_all_public_packages() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "api").glob("*.md"))
    for room in (simulator, thermodynamics, materials, export):
        assert f"::: {room.__name__}\n" in pages
        for name in room.__all__:
            assert getattr(room, name) is not None


def test_heat_beyond_the_arrhenius_law_is_refused() -> None:
    recipe = AnnealingRecipe(reference_temperature=250.0, temperature=260.0, activation_energy=120.0)
    simulation = Simulation([recipe], seeds=[0], shape=(8, 8))
    with pytest.raises(InputError, match=r"temperature 590 K speeds diffusion up .* at most 1e"):
        simulation.set_knobs(temperature=590.0)
    assert simulation.knobs["temperature"] == 260.0
