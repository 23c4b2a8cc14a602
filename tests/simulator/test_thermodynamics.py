"""Free energies, spinodals, binodals and critical points."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from morphsim.errors import InputError
from morphsim.simulator import AnnealingRecipe, DryingRecipe
from morphsim.simulator.core.energy import TernaryFloryHuggins
from morphsim.simulator.simulation import Simulation
from morphsim.simulator.thermodynamics.interface import interface
from morphsim.simulator.thermodynamics.mixture import (
    BinaryMixture,
    DoubleWellMixture,
    TernaryMixture,
    energy_of,
)
from morphsim.simulator.thermodynamics.phases import (
    binary_phases,
    binodal,
    critical_chi,
    critical_point,
    spinodal,
)
from morphsim.simulator.thermodynamics.stability import growth_rate
from tests.simulator.simulator_helpers import WODO

MIXTURES = st.builds(
    TernaryMixture,
    n_donor=st.floats(1, 150),
    n_acceptor=st.floats(1, 20),
    chi=st.floats(0.0, 2.0),
    chi_donor_solvent=st.floats(0.0, 0.5),
    chi_acceptor_solvent=st.floats(0.0, 0.5),
    barrier=st.sampled_from([0.0, 1e-4, 1e-3]),
)


def composition(donor: float, acceptor: float) -> np.ndarray:
    return np.array([donor, acceptor, 1.0 - donor - acceptor])


@given(mixture=MIXTURES, donor=st.floats(0.05, 0.45), acceptor=st.floats(0.05, 0.45))
@settings(max_examples=50, deadline=None)
def test_derivatives_agree_with_differences(mixture: TernaryMixture, donor: float, acceptor: float) -> None:
    step = 1e-5
    axes = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]]) * step
    phi = composition(donor, acceptor)
    slopes = [(mixture.density(phi + a) - mixture.density(phi - a)) / (2 * step) for a in axes]
    assert mixture.potential(phi) == pytest.approx(slopes, rel=1e-4, abs=1e-5)
    rows = [(mixture.potential(phi + a) - mixture.potential(phi - a)) / (2 * step) for a in axes]
    assert np.allclose(mixture.hessian(phi), rows, rtol=1e-4, atol=1e-4)
    scaled = np.linalg.det(mixture.hessian(phi)) / np.diag(mixture.curvatures(phi)).prod()
    assert float(mixture.stability(phi)) == pytest.approx(scaled, rel=1e-8, abs=1e-10)
    # Gibbs-Duhem: the fractions' mean of the chemical potentials is the energy itself.
    assert phi @ mixture.chemical_potentials(phi) == pytest.approx(float(mixture.density(phi)), abs=1e-12)


def test_energy_is_that_of_the_simulated_film() -> None:
    recipe = DryingRecipe(temperature=330.0, barrier=2e-3, n_donor=30, chi_acceptor_solvent=0.7)
    mixture = energy_of(recipe)
    assert isinstance(mixture, TernaryMixture)
    simulated = Simulation([recipe], seeds=[0], shape=(4, 4), dtype="float64").stepper.model.energy
    assert isinstance(simulated, TernaryFloryHuggins)
    phi = composition(0.25, 0.4)
    fields = torch.tensor(phi[:2])[None, :, None, None]
    assert float(mixture.density(phi)) == pytest.approx(float(simulated.density(fields)), abs=1e-12)
    assert mixture.potential(phi) == pytest.approx(simulated.potential(fields).flatten().tolist(), abs=1e-10)

    annealed = AnnealingRecipe(chi=3.0, chi_slope=1500.0, reference_temperature=400.0, temperature=300.0)
    blend = energy_of(annealed)
    assert isinstance(blend, BinaryMixture)
    assert blend.chi == pytest.approx(3.0 + 1500.0 * (1 / 300 - 1 / 400))
    energy = Simulation([annealed], seeds=[0], shape=(4, 4), dtype="float64").stepper.model.energy
    field = torch.full((1, 1, 1, 1), 0.3, dtype=torch.float64)
    assert float(blend.density((0.3, 0.7))) == pytest.approx(float(energy.density(field)), abs=1e-12)


@pytest.mark.parametrize(("n_donor", "chi"), [(5, 0.400), (20, 0.225), (100, 0.150)])
def test_critical_interaction_of_published_blends(n_donor: float, chi: float) -> None:
    critical = critical_chi(n_donor, 5)
    assert critical == pytest.approx(chi, abs=5e-4)
    for function in (spinodal, binodal):
        assert function(BinaryMixture(chi=critical * 0.999, n_donor=n_donor, n_acceptor=5)) is None
        gap = function(BinaryMixture(chi=critical * 1.001, n_donor=n_donor, n_acceptor=5))
        assert gap is not None
        # The critical composition is √N_a / (√N_d + √N_a).
        assert gap[0] < math.sqrt(5) / (math.sqrt(n_donor) + math.sqrt(5)) < gap[1]


def test_published_binodal() -> None:
    assert binodal(BinaryMixture(chi=1.0, n_donor=5, n_acceptor=5)) == pytest.approx(
        (0.007188, 0.992812), abs=5e-7
    )
    assert binodal(AnnealingRecipe(chi=2.0)) is None
    assert binodal(DoubleWellMixture()) == (0.3, 0.7)
    assert spinodal(DoubleWellMixture()) == pytest.approx((0.5 - 0.2 / 3**0.5, 0.5 + 0.2 / 3**0.5))


@given(chi=st.floats(2.01, 6.0))
@settings(max_examples=30, deadline=None)
def test_symmetric_blends_follow_the_closed_forms(chi: float) -> None:
    gap, unstable = binodal(BinaryMixture(chi=chi)), spinodal(BinaryMixture(chi=chi))
    assert gap is not None
    assert unstable is not None
    low, high = gap
    assert chi == pytest.approx(math.log((1 - low) / low) / (1 - 2 * low), rel=1e-7)
    assert low + high == pytest.approx(1.0, abs=1e-9)
    assert unstable == pytest.approx(
        (0.5 - math.sqrt(0.25 - 0.5 / chi), 0.5 + math.sqrt(0.25 - 0.5 / chi)), abs=1e-9
    )


@given(
    n_donor=st.floats(1, 200),
    n_acceptor=st.floats(1, 200),
    excess=st.floats(1.001, 20.0),
    barrier=st.sampled_from([0.0, 1e-5, 1e-3]),
)
@settings(max_examples=60, deadline=None)
def test_common_tangents_touch_from_below(
    n_donor: float, n_acceptor: float, excess: float, barrier: float
) -> None:
    chi = excess * critical_chi(n_donor, n_acceptor)
    mixture = BinaryMixture(chi=chi, n_donor=n_donor, n_acceptor=n_acceptor, barrier=barrier)
    phases = binary_phases(mixture)
    if phases is None:
        assert barrier > 0.0
        return
    (low, _), (high, _) = phases
    unstable = spinodal(mixture)
    assert unstable is not None
    assert low < unstable[0] < unstable[1] < high or (low, high) == (0.0, 1.0)
    if phases.min() > 1e-290:
        potentials = mixture.chemical_potentials(phases)
        assert potentials[0] == pytest.approx(potentials[1], abs=1e-9 * (1 + np.abs(potentials).max()))
    donor = np.linspace(1e-3, 1.0 - 1e-3, 999)
    energies = mixture.density(np.stack([donor, 1.0 - donor], axis=1))
    ends = mixture.density(phases)
    tangent = ends[0] + (ends[1] - ends[0]) * (donor - low) / (high - low)
    assert (energies - tangent).min() > -1e-9


@pytest.mark.parametrize("barrier", [0.0, 1e-4, 1e-3])
@pytest.mark.parametrize(("n_donor", "solvents"), [(5, (0.3, 0.3)), (87, (0.1, 0.9)), (100, (0.3, 0.3))])
def test_tie_lines_minimise_the_energy_of_a_split(
    n_donor: float, solvents: tuple[float, float], barrier: float
) -> None:
    mixture = TernaryMixture(
        n_donor=n_donor,
        n_acceptor=5,
        chi=1.0,
        chi_donor_solvent=solvents[0],
        chi_acceptor_solvent=solvents[1],
        barrier=barrier,
    )
    lines = binodal(mixture)
    assert lines.shape[1:] == (2, 3)
    assert lines.sum(axis=2) == pytest.approx(np.ones(lines.shape[:2]), abs=1e-9)
    for line in lines[1:]:
        potentials = mixture.chemical_potentials(line)
        assert potentials[0] == pytest.approx(potentials[1], abs=1e-8)
    line = lines[np.abs(lines[:, :, 2].mean(axis=1) - 0.4).argmin()]
    mean = 0.35 * line[0] + 0.65 * line[1]

    def split_energy(values: np.ndarray) -> float:
        share = 1.0 / (1.0 + math.exp(-values[0]))
        moved = np.exp(values[1:3])
        first = np.array([moved[0], moved[1], 1.0 - moved.sum()])
        second = (mean - share * first) / (1.0 - share)
        if min(first.min(), second.min()) <= 1e-12:
            return 10.0
        return float(share * mixture.density(first) + (1.0 - share) * mixture.density(second))

    by_lever = float(0.35 * mixture.density(line[0]) + 0.65 * mixture.density(line[1]))
    assert by_lever < float(mixture.density(mean))
    found = []
    for guess in ((0.2, 0.6), (0.05, 0.4), tuple(0.97 * line[0, :2] + 0.03 * mean[:2])):
        start = np.array([0.0, math.log(guess[0]), math.log(guess[1])])
        options = {"xatol": 1e-10, "fatol": 1e-15, "maxiter": 6000, "maxfev": 6000}
        found.append(minimize(split_energy, start, method="Nelder-Mead", options=options))
    best = min(found, key=lambda result: result.fun)
    # No split lies below the tie line's, and the best one that is found is the tie line itself.
    assert min(result.fun for result in found) > by_lever - 1e-10
    assert best.fun == pytest.approx(by_lever, abs=1e-9)
    assert np.exp(best.x[1:3]) == pytest.approx(line[0, :2], abs=1e-3)


def test_tie_lines_run_from_the_dry_edge_to_the_critical_point() -> None:
    lines = binodal(WODO)
    assert lines[0] == pytest.approx(
        np.array([[0.007188, 0.992812, 0.0], [0.992812, 0.007188, 0.0]]), abs=1e-6
    )
    point = critical_point(WODO)
    assert point is not None
    # In the symmetric blend the gap closes where χ = 1/(N φ).
    assert point == pytest.approx([0.2, 0.2, 0.6], abs=1e-6)
    assert lines[-1] == pytest.approx(np.stack([point, point]))
    lengths = np.linalg.norm(lines[:, 0] - lines[:, 1], axis=1)
    assert (np.diff(lengths) < 0).all()
    assert lengths[-2] < 0.05


@given(mixture=MIXTURES)
@settings(max_examples=40, deadline=None)
def test_every_gap_on_the_dry_edge_closes_on_the_spinodal(mixture: TernaryMixture) -> None:
    lines = binodal(mixture)
    if binodal(mixture.dry_edge()) is None:
        assert len(lines) == 0
        assert critical_point(mixture) is None
        return
    gap = binodal(mixture.dry_edge())
    assert gap is not None
    if gap[1] - gap[0] > 0.2:
        assert lines[-1, 0] == pytest.approx(lines[-1, 1], abs=0.0)
        assert float(mixture.stability(lines[-1, 0])) == pytest.approx(0.0, abs=1e-8)
    for curve in spinodal(mixture, resolution=60):
        assert curve.sum(axis=1) == pytest.approx(np.ones(len(curve)), abs=1e-12)
        assert np.abs(mixture.stability(curve)).max() < 1e-6 * mixture.chain_lengths.max()


def test_a_gap_that_reaches_another_edge_has_no_critical_point() -> None:
    for barrier in (0.0, 1e-3):
        mixture = dataclasses.replace(WODO, chi_acceptor_solvent=1.5, barrier=barrier)
        lines = binodal(mixture)
        assert critical_point(mixture) is None
        assert lines[-1, :, 0].max() < 2e-3
        potentials = mixture.chemical_potentials(lines[1:])
        assert potentials[:, 0] == pytest.approx(potentials[:, 1], rel=1e-8, abs=1e-8)
    edge = binodal(BinaryMixture(chi=1.5, n_donor=5, n_acceptor=1))
    assert edge is not None
    last = binodal(dataclasses.replace(WODO, chi_acceptor_solvent=1.5))[-1]
    assert sorted(last[:, 1]) == pytest.approx(edge, abs=1e-4)


def test_a_gap_that_closes_before_the_first_tie_line_has_none() -> None:
    mixture = TernaryMixture(
        n_donor=11.43,
        n_acceptor=1.92,
        chi=0.75,
        chi_donor_solvent=0.61,
        chi_acceptor_solvent=0.92,
        barrier=0.01,
    )
    assert binodal(mixture.dry_edge()) is not None
    assert binodal(mixture).shape == (0, 2, 3)
    assert critical_point(mixture) is None


def test_spinodal_of_the_dry_edge_ends_the_ternary_one() -> None:
    (curve,) = spinodal(WODO)
    edge = spinodal(WODO.dry_edge())
    assert edge is not None
    assert sorted(curve[[0, -1], 0]) == pytest.approx(edge, abs=1e-4)
    assert curve[[0, -1], 2] == pytest.approx([0.0, 0.0], abs=1e-4)
    assert spinodal(dataclasses.replace(WODO, chi=0.3)) == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: critical_chi(0.5, 5), "n_donor is 0.5"),
        (lambda: critical_chi(5, math.nan), "n_acceptor is nan"),
        (lambda: BinaryMixture(chi=math.inf), "chi is inf"),
        (lambda: BinaryMixture(chi=1.0, n_donor=0.2), "n_donor is 0.2"),
        (lambda: BinaryMixture(chi=1.0, barrier=-1.0), "barrier is -1.0"),
        (lambda: DoubleWellMixture(low=0.8), "low 0.8"),
        (lambda: WODO.density((0.5, 0.5)), "shape"),
        (lambda: WODO.density((0.5, 0.6, -0.1)), "must lie from 0 to 1"),
        (lambda: WODO.density((0.5, math.nan, 0.5)), "nan"),
        (lambda: WODO.potential((0.5, 0.5, 0.0)), "lacks a component"),
        (lambda: spinodal(WODO, resolution=2), "resolution is 2"),
        (lambda: energy_of(None), "has no free energy"),  # type: ignore[arg-type]
        (lambda: growth_rate(WODO, (0.3, 0.3, 0.4), 1.0), "give kappa and mobility"),
        (lambda: growth_rate(WODO, (0.3, 0.3, 0.4), 1.0, kappa=-1.0, mobility=1.0), "kappa is -1.0"),
        (lambda: growth_rate(WODO, (0.3, 0.3, 0.4), math.inf, kappa=1.0, mobility=1.0), "wavenumber"),
        (lambda: growth_rate(WODO, (0.3, 0.3, 0.4), 1.0, kappa=1.0, mobility=-1.0), "mobility"),
        (lambda: growth_rate(WODO, (0.3, 0.3, 0.4), 1.0, kappa=1.0, mobility=[1.0, 1.0, 1.0]), "mobility"),
        (lambda: growth_rate(WODO, [(0.3, 0.3, 0.4)] * 2, 1.0, kappa=1.0, mobility=1.0), "one composition"),
        (lambda: interface(BinaryMixture(chi=3.0)), "kappa is None"),
        (lambda: interface(AnnealingRecipe(), kappa=math.nan), "kappa is nan"),
        (lambda: interface(AnnealingRecipe(), points=2), "points is 2"),
    ],
)
def test_bad_input_is_named(call: object, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        call()  # type: ignore[operator]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["thermodynamics.phases", "thermodynamics.stability", "thermodynamics.interface", "materials.table"],
)
def test_examples_in_docstrings_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"morphsim.simulator.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
