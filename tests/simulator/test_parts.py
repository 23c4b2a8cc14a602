"""Grid, energies and recipes: the parts that the solver combines."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.simulator import AnnealingRecipe, DryingRecipe, Units, load_recipe, recipe_from_dict
from morphsim.simulator.core.energy import BinaryFloryHuggins, DoubleWell, FreeEnergy, TernaryFloryHuggins
from morphsim.simulator.recipe import parse_settings
from morphsim.types import Boundary
from tests.simulator.simulator_helpers import make_grid

BOUNDARIES: tuple[Boundary, ...] = ("periodic", "no-flux")


def column(value: float) -> torch.Tensor:
    return torch.full((1, 1, 1), value, dtype=torch.float64)


def ternary(barrier: float = 1e-3) -> TernaryFloryHuggins:
    return TernaryFloryHuggins(
        n_donor=column(20.0),
        n_acceptor=column(5.0),
        chi_donor_acceptor=column(1.0),
        chi_donor_solvent=column(0.4),
        chi_acceptor_solvent=column(0.3),
        barrier=column(barrier),
    )


@pytest.mark.parametrize("depth_boundary", BOUNDARIES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("shape", [(8, 12), (7, 9), (1, 6), (5, 1)])
def test_transforms_undo_each_other_and_diagonalise_the_laplacian(
    shape: tuple[int, int], boundary: Boundary, depth_boundary: Boundary
) -> None:
    grid = make_grid(shape, 2.0, boundary, depth_boundary)
    field = torch.randn((2, 1, *shape), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    modes = grid.forward(field)
    assert torch.allclose(grid.inverse(modes), field, atol=1e-13)
    assert torch.allclose(grid.power(modes).sum(dim=(2, 3)), (field**2).sum(dim=(2, 3)))
    thickness = torch.tensor([0.7, 1.0], dtype=torch.float64)
    by_modes = grid.inverse(-grid.differences.at(thickness) * modes)
    by_differences = grid.laplacian(field, thickness[:, None, None, None])
    assert torch.allclose(by_modes, by_differences, atol=1e-9 * float(by_differences.abs().max() + 1))


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_exact_wavenumbers_are_those_of_smooth_waves(boundary: Boundary) -> None:
    grid = make_grid((6, 16), 2.0, boundary)
    x = (torch.arange(16, dtype=torch.float64) + 0.5) * grid.dx
    k = 2 * torch.pi / 2.0
    wave = torch.cos(k * x).expand(1, 1, 6, 16)
    second = grid.inverse(-grid.exact.at(torch.ones(1, dtype=torch.float64)) * grid.forward(wave))
    assert torch.allclose(second, -(k**2) * wave, atol=1e-12)


@pytest.mark.parametrize("depth_boundary", BOUNDARIES)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_divergence_conserves_mass(boundary: Boundary, depth_boundary: Boundary) -> None:
    grid = make_grid((6, 9), 2.0, boundary, depth_boundary)
    random = torch.Generator().manual_seed(1)
    potential = torch.randn((1, 2, 6, 9), dtype=torch.float64, generator=random)
    down = grid.step_z(torch.randn((1, 2, 6, 9), dtype=torch.float64, generator=random))
    net = grid.divergence(grid.step_x(potential), down, 3.0, 2.0)
    assert float(net.sum(dim=(2, 3)).abs().max()) < 1e-12
    assert float(net.abs().max()) > 1.0


@settings(max_examples=60, deadline=None)
@given(
    donor=st.floats(1e-7, 0.9),
    share=st.floats(1e-7, 0.999),
    barrier=st.sampled_from([0.0, 1e-3]),
)
def test_ternary_potential_is_the_derivative_of_the_energy_and_curvature_bounds_the_second(
    donor: float, share: float, barrier: float
) -> None:
    phi = torch.tensor([donor, (1.0 - donor) * share], dtype=torch.float64, requires_grad=True)
    check_derivatives(ternary(barrier), phi)


@settings(max_examples=40, deadline=None)
@given(donor=st.floats(1e-7, 1.0 - 1e-7), chi=st.floats(0.0, 6.0))
def test_binary_potential_is_the_derivative_of_the_energy(donor: float, chi: float) -> None:
    phi = torch.tensor([donor], dtype=torch.float64, requires_grad=True)
    check_derivatives(BinaryFloryHuggins(column(chi)), phi)


@settings(max_examples=30, deadline=None)
@given(c=st.floats(-0.2, 1.2))
def test_double_well_potential_is_the_derivative_of_the_energy(c: float) -> None:
    phi = torch.tensor([c], dtype=torch.float64, requires_grad=True)
    check_derivatives(DoubleWell(column(5.0), column(0.3), column(0.7)), phi)


def check_derivatives(energy: FreeEnergy, phi: torch.Tensor) -> None:
    def density(values: torch.Tensor) -> torch.Tensor:
        return energy.density(values[None, :, None, None]).sum()

    slope = torch.autograd.functional.jacobian(density, phi)
    potential = energy.potential(phi.detach()[None, :, None, None])[0, :, 0, 0]
    assert torch.allclose(slope, potential, rtol=1e-9, atol=1e-9)
    second = torch.autograd.functional.hessian(density, phi).abs().sum(dim=1)
    bound = energy.curvature(phi.detach()[None, :, None, None])[0, :, 0, 0].abs()
    assert bool((second <= bound * (1 + 1e-9) + 1e-9).all())


def test_energies_stay_finite_for_small_overshoots() -> None:
    phi = torch.tensor([-1e-3, 1.002], dtype=torch.float64)[None, :, None, None]
    assert bool(torch.isfinite(ternary().potential(phi)).all())
    assert bool(torch.isfinite(ternary().density(phi)).all())


@settings(max_examples=50, deadline=None)
@given(
    blend=st.floats(0.1, 0.9),
    chi=st.floats(0.0, 3.0),
    boundary=st.sampled_from(BOUNDARIES),
    solvent=st.floats(0.6, 0.9),
)
def test_recipes_survive_the_round_trip(blend: float, chi: float, boundary: Boundary, solvent: float) -> None:
    for recipe in (
        AnnealingRecipe(blend_ratio=blend, chi=chi, boundary=boundary),
        DryingRecipe(blend_ratio=blend, chi=chi, boundary=boundary, solvent=solvent),
    ):
        assert recipe_from_dict(recipe.to_dict()) == recipe


def test_recipe_from_toml(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "film.toml"
    path.write_text('process = "drying"\nevaporation = 1\nmobility = "negi"\n')
    assert load_recipe(path) == DryingRecipe(evaporation=1, mobility="negi")
    path.write_text("process = ")
    with pytest.raises(InputError, match="can't be read as TOML"):
        load_recipe(path)
    with pytest.raises(InputError, match="does not exist"):
        load_recipe(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"process": "boiling"}, "process is 'boiling'; use one of annealing, drying"),
        ({"process": ["drying"]}, r"process is \['drying'\]; use one of annealing, drying"),
        ({"process": "annealing", "evaporation": 1.0}, "annealing has no parameter 'evaporation'"),
        ({"process": "annealing", "chi": 9.0}, "chi is 9; it must lie from 0 to 5"),
        ({"process": "annealing", "chi": float("nan")}, "chi is nan; it must be a number"),
        ({"process": "annealing", "chi": "big"}, "chi is 'big'; it must be a number"),
        ({"process": "annealing", "boundary": "open"}, "boundary is 'open'; use one of periodic, no-flux"),
        ({"process": "drying", "solvent": 0.05, "residual_solvent": 0.1}, "dry from the start"),
    ],
)
def test_impossible_recipes_are_refused_by_name(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        recipe_from_dict(values)


def test_settings_from_a_command_line() -> None:
    assert parse_settings(DryingRecipe, {"evaporation": "2", "mobility": "negi"}) == {
        "evaporation": 2.0,
        "mobility": "negi",
    }
    with pytest.raises(InputError, match="evaporation is 'fast'; it must be a number"):
        parse_settings(DryingRecipe, {"evaporation": "fast"})
    with pytest.raises(InputError, match="drying has no parameter 'speed'"):
        parse_settings(DryingRecipe, {"speed": "1"})


def test_every_parameter_has_a_range_or_choices_that_its_default_keeps() -> None:
    for kind in (AnnealingRecipe, DryingRecipe):
        for entry in dataclasses.fields(kind):
            assert entry.metadata, entry.name
    assert np.isclose(DryingRecipe(solvent=0.7, residual_solvent=0.1).dry_thickness, 0.3 / 0.9)


def test_units_convert_time_and_evaporation() -> None:
    units = Units(length_nm=500.0, diffusivity=1e-10)
    assert np.isclose(units.time_s, 2.5e-3)
    # k_e = Bi D / h0 = 0.3 * 1e-10 / 5e-7 m/s = 6e-5 m/s
    assert np.isclose(units.evaporation_nm_per_s(0.3), 6e4)
    with pytest.raises(InputError, match="length_nm"):
        Units(length_nm=-1.0, diffusivity=1e-10)
