"""Substrates that prefer a composition, uniform and striped."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from morphsim.errors import InputError
from morphsim.simulator import (
    AnnealingRecipe,
    DryingRecipe,
    Simulation,
    VapourAnnealingRecipe,
    recipe_from_dict,
)
from morphsim.simulator.processes.laws import SubstrateLaw
from morphsim.simulator.simulation import donor_share
from tests.simulator.simulator_helpers import lowering

# A recipe as films were recorded with before their substrate's law could be chosen.
OLDER: dict[str, float | str] = {
    "process": "drying",
    "blend_ratio": 0.5,
    "width": 4.0,
    "initial_thickness": 1.0,
    "boundary": "periodic",
    "noise": 0.005,
    "thermal_noise": 3e-07,
    "substrate_strength": 0.002,
    "substrate_donor": 0.3,
    "substrate_period": 0.0,
    "solvent": 0.8,
    "n_donor": 20.0,
    "n_acceptor": 5.0,
    "chi": 1.0,
    "chi_donor_solvent": 0.3,
    "chi_acceptor_solvent": 0.3,
    "kappa": 0.0001,
    "barrier": 0.001,
    "mobility": "wodo",
    "solid_diffusivity": 0.001,
    "evaporation": 0.3,
    "ambient_vapour": 0.0,
    "temperature": 298.15,
    "reference_temperature": 298.15,
    "chi_slope": 400.0,
    "activation_energy": 12.0,
    "evaporation_enthalpy": 38.0,
    "residual_solvent": 0.1,
    "spin_speed": 1500.0,
    "reference_spin_speed": 1500.0,
    "duration": 400.0,
}


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


@pytest.mark.parametrize("law, donor", [("share", 0.7), ("share", 0.2), ("fraction", 0.2)])
def test_the_profile_of_a_wet_film_over_a_substrate(law: SubstrateLaw, donor: float) -> None:
    kappa, strength, chi = 2e-2, 1e-3, 0.3
    recipe = DryingRecipe(
        solvent=0.8, n_donor=5.0, n_acceptor=5.0, kappa=kappa, evaporation=0.0, barrier=0.0, width=0.05,
        noise=0.0, thermal_noise=0.0, chi=1.0, chi_donor_solvent=chi, chi_acceptor_solvent=chi,
        substrate_law=law, substrate_strength=strength, substrate_donor=donor,
    )  # fmt: skip
    film = Simulation([recipe], seeds=[0], shape=(100, 4), dtype="float64")
    lowering(film, np.geomspace(1e-4, 20.0, 20))
    assert film.solute_mass()[0] == pytest.approx([0.1, 0.1], abs=1e-13)
    profile = film.fields()[0].mean(dim=-1).numpy()[:, ::-1]
    z = (np.arange(100) + 0.5) / 100

    # The energy's second derivatives of the mixed film, and the gradient of the wall's at fields p: s + Q p.
    own, cross = 1.0 / (5.0 * 0.1) + 1.0 / 0.8 - 2.0 * chi, 1.0 / 0.8 + 1.0 - 2.0 * chi
    eigenvalues, vectors = np.linalg.eigh([[own, cross], [cross, own]])
    towards = np.array([1.0 - donor, -donor] if law == "share" else [1.0, 0.0])
    quadratic = 2.0 * strength * np.outer(towards, towards)
    constant = np.zeros(2) if law == "share" else np.array([-2.0 * strength * donor, 0.0])
    # Waves c + A cosh((1 - z)/l) of each eigenvector without a mean; kappa dφ/dz = s + Q φ at z = 0.
    lengths = np.sqrt(kappa / eigenvalues)
    means = lengths * np.sinh(1.0 / lengths)
    at_wall, slopes = np.cosh(1.0 / lengths) - means, -np.sinh(1.0 / lengths) / lengths
    pull = constant + quadratic @ np.array([0.1, 0.1])
    amplitudes = np.linalg.solve(kappa * vectors * slopes - quadratic @ (vectors * at_wall), pull)
    waves = np.cosh((1.0 - z) / lengths[:, None]) - means[:, None]
    expected = 0.1 + vectors @ (amplitudes[:, None] * waves)
    largest = np.abs(expected - 0.1).max()
    assert largest > 1e-4
    assert np.abs(profile - expected).max() < 0.03 * largest

    # A share draws the phase that it prefers. A fraction above that of the film draws donor in any case.
    share = profile[0] / profile.sum(axis=0)
    assert (share[0] > 0.5) == (law == "fraction" or donor > 0.5)
    wall = [np.polynomial.Polynomial.fit(z[:3], field[:3], 2) for field in profile]
    found = kappa * np.array([field.deriv()(0.0) for field in wall])
    wanted = constant + quadratic @ np.array([field(0.0) for field in wall])
    assert found == pytest.approx(wanted, rel=0.03, abs=0.03 * np.abs(wanted).max())


@pytest.mark.parametrize("law", ["share", "fraction"])
def test_the_energy_of_a_substrate_is_that_of_its_law(law: SubstrateLaw) -> None:
    recipe = DryingRecipe(
        substrate_law=law, substrate_strength=3e-3, substrate_donor=0.3, substrate_period=2.0
    )
    substrate = Simulation([recipe], seeds=[0], shape=(4, 8), dtype="float64").model.substrate
    assert substrate is not None
    wall = torch.rand((1, 2, 8), generator=torch.Generator().manual_seed(1), dtype=torch.float64) / 2
    wall.requires_grad_()
    preferred = torch.tensor([0.3, 0.3, 0.7, 0.7] * 2, dtype=torch.float64)
    towards = preferred * wall.sum(dim=1) if law == "share" else preferred
    energy = 3e-3 * (wall[:, 0] - towards) ** 2
    constant = 0.0 if law == "share" else 3e-3 * preferred**2
    torch.testing.assert_close(substrate.density(wall).sum(dim=1) + constant, energy)
    (slope,) = torch.autograd.grad(energy.sum(), wall, create_graph=True)
    torch.testing.assert_close(substrate.slope(wall), slope)
    second = [torch.autograd.grad(slope[0, field].sum(), wall, retain_graph=True)[0] for field in (0, 1)]
    torch.testing.assert_close(
        substrate.stiffness().expand(1, 2, 8), torch.stack([each.abs().sum(dim=1) for each in second], dim=1)
    )


@pytest.mark.parametrize("solvent", [0.95, 0.9, 0.8])
def test_each_stripe_of_a_substrate_ends_with_the_phase_that_it_prefers(solvent: float) -> None:
    stripes = DryingRecipe(solvent=solvent, substrate_donor=0.2, substrate_period=2.0)
    shares = donor_at_the_wall(stripes, seeds=[0, 1, 2])
    halves = shares.reshape(3, 4, -1).mean(axis=-1)
    assert halves[:, 0::2].max() < 0.45
    assert halves[:, 1::2].min() > 0.55
    for donor in (0.2, 0.8):
        uniform = dataclasses.replace(stripes, substrate_donor=donor, substrate_period=0.0)
        means = donor_at_the_wall(uniform, seeds=[0, 1, 2]).mean(axis=-1)
        assert (means < 0.45).all() if donor < 0.5 else (means > 0.55).all()


def donor_at_the_wall(recipe: DryingRecipe, seeds: list[int]) -> np.ndarray[Any, Any]:
    """Donor share of the solids in the lowest twentieth of dry films, (B, W)."""
    films = Simulation([recipe] * len(seeds), seeds=seeds, shape=(60, 240))
    films.advance_to_dryness(1.0, time=recipe.duration)
    return np.asarray(donor_share(films.fields())[:, -3:].mean(dim=1).numpy())


def test_the_substrate_acts_on_each_film_of_a_batch() -> None:
    laws: list[tuple[float, SubstrateLaw]] = [(0.0, "share"), (0.01, "share"), (0.01, "fraction")]
    recipes = [
        DryingRecipe(
            n_donor=5, evaporation=1.0, thermal_noise=0.0, width=0.5, substrate_strength=strength,
            substrate_law=law,
        )
        for strength, law in laws
    ]  # fmt: skip
    film = Simulation(recipes, seeds=[0, 0, 0], shape=(40, 16))
    before = film.solute_mass()
    film.advance_to_dryness(0.6, time=10.0)
    assert np.abs(film.solute_mass() / before - 1.0).max() < 1e-6
    share = donor_share(film.fields()).mean(dim=-1)
    assert float(share[0, -1]) == pytest.approx(float(share[0, -5]), abs=0.01)
    assert float(share[1, -1]) > float(share[1, -10]) + 0.1
    assert float(share[2, -1]) > float(share[2, -10]) + 0.3


def test_a_record_without_the_substrate_s_law_has_the_energy_of_that_time() -> None:
    for kind in (DryingRecipe, VapourAnnealingRecipe):
        record = kind().to_dict()
        assert recipe_from_dict(record) == kind()
        del record["substrate_law"]
        assert recipe_from_dict(record) == kind(substrate_law="fraction")
        # Who writes a few parameters means the present defaults.
        assert recipe_from_dict({"process": record["process"], "substrate_strength": 0.002}) == kind()
    recorded = recipe_from_dict(OLDER).to_dict()
    assert recorded["substrate_law"] == "fraction"
    assert {name: recorded[name] for name in OLDER} == OLDER


def test_stripes_must_fit_a_periodic_film() -> None:
    with pytest.raises(InputError, match=r"substrate_period 0\.3 does not divide the width 1 of a periodic"):
        AnnealingRecipe(width=1.0, substrate_period=0.3)
    with pytest.raises(InputError, match=r"substrate_period 2 does not divide the width 1"):
        DryingRecipe(width=1.0, substrate_period=2.0)
    assert AnnealingRecipe(width=1.0, substrate_period=0.3, boundary="no-flux").substrate_period == 0.3
