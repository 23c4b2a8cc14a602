"""Flat interfaces between coexisting phases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from morphsim.simulator import AnnealingRecipe, DryingRecipe
from morphsim.simulator.thermodynamics.interface import interface
from morphsim.simulator.thermodynamics.mixture import (
    BinaryMixture,
    DoubleWellMixture,
    TernaryMixture,
    energy_of,
)


def test_interface_of_the_double_well_is_a_tanh() -> None:
    found = interface(DoubleWellMixture(), kappa=2.0)
    assert found is not None
    assert found.energy == pytest.approx(math.sqrt(2 * 2.0 * 5.0) * 0.4**3 / 6, rel=1e-6)
    assert found.energy == pytest.approx(0.0477, abs=5e-5)
    assert found.width == pytest.approx(2 / math.sqrt(0.2), rel=1e-6)
    assert found.profile == pytest.approx(0.5 + 0.2 * np.tanh(math.sqrt(0.2) * found.position), abs=1e-6)


@pytest.mark.parametrize(
    "mixture",
    [
        BinaryMixture(chi=3.0),
        BinaryMixture(chi=1.0, n_donor=100, n_acceptor=5),
        BinaryMixture(chi=1.0, n_donor=20, n_acceptor=5, barrier=1e-3),
    ],
)
def test_interface_energy_is_the_integral_of_the_excess(mixture: BinaryMixture) -> None:
    found = interface(mixture, kappa=4e-4)
    assert found is not None
    low, high = found.phases
    ends = mixture.density([(low, 1 - low), (high, 1 - high)])

    def excess(donor: float) -> float:
        tangent = ends[0] + (ends[1] - ends[0]) * (donor - low) / (high - low)
        return max(float(mixture.density((donor, 1 - donor)) - tangent), 0.0)

    expected = quad(lambda donor: math.sqrt(2 * 4e-4 * excess(donor)), low, high, epsabs=1e-10, limit=200)[0]
    assert found.energy == pytest.approx(expected, rel=1e-4)
    # Half of the excess is gradient energy: γ = κ ∫ φ'² dx.
    slope = np.gradient(found.profile, found.position)
    assert np.trapezoid(4e-4 * slope**2, found.position) == pytest.approx(found.energy, rel=1e-2)


def test_interface_of_recipes() -> None:
    recipe = DryingRecipe(kappa=2e-4)
    own = interface(recipe)
    mixture = energy_of(recipe)
    assert isinstance(mixture, TernaryMixture)
    dry = interface(mixture.dry_edge(), kappa=4e-4)
    assert own is not None
    assert dry is not None
    assert own.energy == dry.energy
    assert interface(AnnealingRecipe(chi=1.9)) is None
