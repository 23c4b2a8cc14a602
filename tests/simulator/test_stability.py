"""Growth rates of ripples against published and closed forms, and a simulated one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.simulator import AnnealingRecipe, DryingRecipe, VapourAnnealingRecipe
from morphsim.simulator.simulation import Simulation
from morphsim.simulator.thermodynamics.mixture import (
    BinaryMixture,
    DoubleWellMixture,
)
from morphsim.simulator.thermodynamics.stability import fastest_wave, growth_rate, represented_depth
from tests.simulator.simulator_helpers import WODO


@pytest.mark.parametrize(("barrier", "k", "rate"), [(0.0, 28.9, 17.6), (1e-3, 25.5, 10.6)])
def test_published_growth_of_the_ternary_blend(barrier: float, k: float, rate: float) -> None:
    recipe = DryingRecipe(n_donor=5, n_acceptor=5, kappa=2e-4, barrier=barrier)
    wave = fastest_wave(recipe, (0.3, 0.3, 0.4))
    assert wave is not None
    assert wave.wavenumber == pytest.approx(k, abs=0.05)
    assert wave.rate == pytest.approx(rate, abs=0.05)
    assert wave.wavelength == pytest.approx(2 * math.pi / wave.wavenumber)
    around = growth_rate(recipe, (0.3, 0.3, 0.4), [0.97 * wave.wavenumber, 1.03 * wave.wavenumber])
    assert (around < wave.rate).all()
    assert fastest_wave(recipe, (0.05, 0.05, 0.9)) is None
    assert (growth_rate(recipe, (0.05, 0.05, 0.9), np.linspace(1, 100, 20)) < 0).all()


def test_growth_of_the_double_well() -> None:
    wave = fastest_wave(DoubleWellMixture(height=5.0), (0.5, 0.5), kappa=2.0, mobility=5.0)
    assert wave is not None
    assert wave.wavenumber == pytest.approx(0.4472, abs=5e-5)
    assert wave.wavelength == pytest.approx(14.05, abs=5e-3)
    assert wave.rate == pytest.approx(0.40, abs=1e-6)
    assert fastest_wave(DoubleWellMixture(), (0.3, 0.7), kappa=2.0, mobility=5.0) is None


@given(chi=st.floats(2.05, 5.0), donor=st.floats(0.4, 0.6), kappa=st.floats(1e-5, 1e-2))
@settings(max_examples=30, deadline=None)
def test_growth_of_a_binary_blend_is_the_closed_form(chi: float, donor: float, kappa: float) -> None:
    curvature = 1 / donor + 1 / (1 - donor) - 2 * chi
    wave = fastest_wave(BinaryMixture(chi=chi), (donor, 1 - donor), kappa=kappa, mobility=2.0)
    if curvature >= 0:
        assert wave is None
        return
    assert wave is not None
    assert wave.wavenumber == pytest.approx(math.sqrt(-curvature / (2 * kappa)), rel=1e-5)
    assert wave.rate == pytest.approx(2.0 * curvature**2 / (4 * kappa), rel=1e-9)


def test_a_film_represents_half_the_wavelength_that_grows_fastest() -> None:
    # The binary blend at chi 3 has f'' = -2, and grows fastest at k² = 1 / kappa.
    recipe = AnnealingRecipe(chi=3.0, kappa=4e-4)
    assert represented_depth(recipe) == pytest.approx(math.pi * 0.02, rel=1e-5)
    # A drying film passes mixtures, of which that of the fastest wave counts.
    drying = DryingRecipe(n_donor=5.0, n_acceptor=5.0)
    waves = [fastest_wave(drying, (0.5 - s / 2, 0.5 - s / 2, s)) for s in np.linspace(0.8, 0.1, 15)]
    fastest = max((wave for wave in waves if wave is not None), key=lambda wave: wave.rate)
    assert represented_depth(drying) == pytest.approx(0.5 * fastest.wavelength, rel=0.05)
    assert represented_depth(VapourAnnealingRecipe(ambient_vapour=0.3)) > 0.0
    with pytest.raises(InputError, match="stable all the time"):
        represented_depth(AnnealingRecipe(chi=1.0))


def test_a_full_mobility_matrix_counts() -> None:
    phi = (0.3, 0.3, 0.4)
    matrix = np.array([[0.21, -0.09], [-0.09, 0.21]])
    rate = growth_rate(WODO, phi, 20.0, kappa=2e-4, mobility=matrix)
    stiffness = WODO.hessian(phi) + 2e-4 * 400.0 * np.eye(2)
    by_hand = np.linalg.eigvals(-400.0 * matrix @ stiffness).real.max()
    assert float(rate) == pytest.approx(by_hand, rel=1e-12)
    assert float(rate) > float(growth_rate(WODO, phi, 20.0, kappa=2e-4, mobility=0.21))


def test_a_simulated_ripple_grows_at_the_predicted_rate() -> None:
    recipe = AnnealingRecipe(chi=2.6, kappa=1e-3, width=0.5, noise=2e-2)
    simulation = Simulation([recipe], seeds=[0], shape=(1, 128), dtype="float64", tolerance=2e-5)
    waves = 2
    rate = float(growth_rate(recipe, (0.5, 0.5), 2 * math.pi * waves / recipe.width))

    def amplitude() -> float:
        return float(torch.fft.rfft(simulation.fields()[0, 0, 0])[waves].abs())

    before = amplitude()
    simulation.advance(time=2.0 / rate)
    assert math.log(amplitude() / before) == pytest.approx(2.0, rel=2e-3)
