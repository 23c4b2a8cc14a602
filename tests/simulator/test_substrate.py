"""Substrates that prefer a composition, uniform and striped."""

from __future__ import annotations

import numpy as np
import pytest

from morphsim.errors import InputError
from morphsim.simulator import (
    AnnealingRecipe,
    DryingRecipe,
    Simulation,
)
from tests.simulator.simulator_helpers import lowering


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
