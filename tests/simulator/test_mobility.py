"""Closures of the mobilities: dilute limits, positive matrices, linear growth, and which solute is faster."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from morphsim.simulator import (
    DryingRecipe,
    FastModeMobility,
    OnsagerMobility,
    Simulation,
    SlowModeMobility,
)
from morphsim.simulator.core.mobility import MOBILITIES, Mobility, MobilityName, named_mobility
from morphsim.simulator.thermodynamics.mixture import energy_of
from morphsim.simulator.thermodynamics.stability import growth_rate
from tests.simulator.simulator_helpers import column

TRACERS = (FastModeMobility, SlowModeMobility)


def lengths(donor: float, acceptor: float) -> torch.Tensor:
    return torch.tensor([donor, acceptor], dtype=torch.float64)[None, :, None, None]


def composition(donor: float, acceptor: float) -> torch.Tensor:
    return torch.tensor([donor, acceptor], dtype=torch.float64)[None, :, None, None]


def matrix_of(mobility: Mobility, phi: torch.Tensor) -> np.ndarray:
    matrix = np.diag(mobility(phi)[0, :, 0, 0].numpy().astype(float))
    cross = mobility.cross(phi)
    if cross is not None:
        matrix[0, 1] = matrix[1, 0] = float(cross[0, 0, 0])
    return matrix


@pytest.mark.parametrize("kind", TRACERS)
@pytest.mark.parametrize(("donor", "exponent"), [(180.0, 0.6), (20.0, 1.0), (50.0, 2.0)])
def test_a_dilute_solute_diffuses_with_its_tracer_diffusivity(
    kind: type[FastModeMobility], donor: float, exponent: float
) -> None:
    # M f'' with the ideal f'' = 1 / (N φ): Zimm, Rouse and entangled coils.
    little = 1e-5
    phi = composition(little, 2e-5)
    mobility = kind(lengths(donor, 6.0), column(exponent), column(1e-3), column(1.0))
    for i, length in enumerate((donor, 6.0)):
        diffusivity = float(mobility(phi)[0, i]) / (length * float(phi[0, i]))
        assert diffusivity == pytest.approx(length**-exponent, rel=5e-3)


def test_the_published_closure_gives_a_dilute_long_chain_the_diffusivity_of_the_solvent() -> None:
    # So it has no tracer diffusivity of the chain, and in more solute the longer chain is the faster one.
    wodo = named_mobility(
        "wodo", chain_lengths=lengths(180.0, 6.0), exponent=column(0.6), solid=column(1e-3),
        scale=column(1.0), initial=composition(0.1, 0.1),
    )  # fmt: skip
    dilute = wodo(composition(1e-5, 1e-5)).flatten() / (lengths(180.0, 6.0).flatten() * 1e-5)
    assert dilute.numpy() == pytest.approx([1.0, 1.0], abs=2e-3)
    donor, acceptor = wodo(composition(0.2, 0.2)).flatten().tolist()
    assert donor > 1.3 * acceptor


@pytest.mark.parametrize("kind", TRACERS)
def test_in_a_concentrated_solution_the_short_solute_is_the_faster_one(kind: type[FastModeMobility]) -> None:
    mobility = kind(lengths(180.0, 6.0), column(1.0), column(1e-3), column(1.0))
    little, host = 1e-5, 0.5
    found = []
    for i, length in enumerate((180.0, 6.0)):
        phi = composition(little, host) if i == 0 else composition(host, little)
        found.append(float(mobility(phi)[0, i]) / (length * little))
    # All is slower than in pure solvent: 1e-3 to the power of the share of the solids.
    assert found == pytest.approx([1e-3**0.5 / 180.0, 1e-3**0.5 / 6.0], rel=1e-2)


@pytest.mark.parametrize("kind", TRACERS)
@settings(max_examples=60, deadline=None)
@given(
    donor=st.floats(-1e-3, 1.001),
    share=st.floats(-1e-3, 1.001),
    exponent=st.floats(0.0, 2.5),
    solid=st.floats(1e-8, 1.0),
)
def test_no_flux_runs_uphill(
    kind: type[FastModeMobility], donor: float, share: float, exponent: float, solid: float
) -> None:
    phi = composition(donor, (1.0 - donor) * share)
    mobility = kind(lengths(180.0, 6.0), column(exponent), column(solid), column(1.0))
    matrix = matrix_of(mobility, phi)
    assert np.isfinite(matrix).all()
    assert np.linalg.eigvalsh(matrix).min() >= -1e-12 * np.abs(matrix).max()


@pytest.mark.parametrize("kind", TRACERS)
@given(donor=st.floats(1e-3, 0.6), acceptor=st.floats(1e-3, 0.39))
@settings(max_examples=30, deadline=None)
def test_equal_frictions_give_the_onsager_closure(
    kind: type[FastModeMobility], donor: float, acceptor: float
) -> None:
    phi = composition(donor, acceptor)
    equal = kind(lengths(40.0, 5.0), column(1.0), column(1.0), column(0.7))
    expected = matrix_of(OnsagerMobility(column(0.7)), phi)
    assert matrix_of(equal, phi) == pytest.approx(expected, rel=1e-12)


def test_in_a_dry_blend_the_fast_component_or_the_slow_one_decides() -> None:
    # De Gennes' blend of two components: mutual mobility φ1 φ2 (φ2 ω1/φ1 + φ1 ω2/φ2) or its harmonic mean.
    phi, short = 0.4, (0.4, 0.6 - 1e-9)
    chains, exponent = lengths(200.0, 2.0), column(2.0)
    first, second = 200.0**-1.0 * 0.4, 2.0**-1.0 * 0.6
    parts = {"chain_lengths": chains, "exponent": exponent, "solid": column(1.0), "scale": column(1.0)}
    fast = FastModeMobility(**parts)(composition(*short)).flatten()[0]
    slow = SlowModeMobility(**parts)(composition(*short)).flatten()[0]
    assert float(fast) == pytest.approx((1 - phi) ** 2 * first + phi**2 * second, rel=1e-4)
    assert float(slow) == pytest.approx(first * second / (first + second), rel=1e-4)
    assert float(fast) > 20 * float(slow)


@pytest.mark.parametrize("name", MOBILITIES)
def test_ripples_grow_at_the_linear_rate_of_every_closure(name: MobilityName) -> None:
    recipe = DryingRecipe(
        n_donor=30, n_acceptor=6, solvent=0.4, residual_solvent=0.1, barrier=0.0, evaporation=0.0,
        width=0.5, noise=0.0, kappa=2e-4, thermal_noise=0.0, substrate_strength=0.0, mobility=name,
        diffusivity_exponent=0.6, solid_diffusivity=0.01,
    )  # fmt: skip
    width = 100
    simulation = Simulation([recipe], seeds=[0], shape=(4, width), dtype="float64", tolerance=1e-5)
    mean = simulation.fields().mean(dim=(2, 3), keepdim=True)
    k = 4.0 * np.pi * 2.0
    dx = 0.5 / width
    k2 = (2.0 / dx * np.sin(0.5 * k * dx)) ** 2
    mobility = matrix_of(simulation.model.mobility, mean)
    phi = (*mean.flatten().tolist(), 1.0 - float(mean.sum()))
    hessian = energy_of(recipe).hessian(np.array(phi))
    rates, vectors = np.linalg.eig(-k2 * mobility @ (hessian + 2e-4 * k2 * np.eye(2)))
    fastest = int(rates.real.argmax())
    assert rates.real[fastest] > 0.0
    # The functions for users say the same.
    assert float(growth_rate(recipe, phi, float(np.sqrt(k2)))) == pytest.approx(rates.real[fastest], rel=1e-6)
    ripple = torch.cos(k * (torch.arange(width, dtype=torch.float64) + 0.5) * dx).expand(4, width)
    vector = torch.from_numpy(vectors.real[:, fastest])[:, None, None]
    state = simulation.state
    state.phi = (mean + 1e-4 * vector * ripple).expand_as(state.phi).contiguous()
    simulation.stepper.restart(state)
    sizes, end = [], 0.5 / rates.real[fastest]
    for time in (0.2 * end, end):
        simulation.advance(time=time)
        sizes.append(float(((simulation.fields()[0] - mean[0]) * ripple).mean(dim=(1, 2)).norm()))
    found = np.log(sizes[1] / sizes[0]) / (0.8 * end)
    assert found == pytest.approx(rates.real[fastest], rel=5e-3)


VITRIFYING = {"vitrification_energy": 120.0, "activation_energy": 12.0, "solid_diffusivity": 1e-3}
COLD, HOT = 288.15, 318.15


def arrhenius(energy: float, temperature: float) -> float:
    return float(np.exp(-energy / 8.314462618e-3 * (1.0 / temperature - 1.0 / 298.15)))


def mobility_at(name: MobilityName, temperature: float, **parameters: float) -> Mobility:
    """The closure of a film whose temperature knob was turned."""
    recipe = DryingRecipe(mobility=name, n_donor=20.0, n_acceptor=5.0, **parameters)
    simulation = Simulation([recipe], seeds=[0], shape=(4, 8), dtype="float64")
    simulation.set_knobs(temperature=temperature)
    return simulation.model.mobility


@pytest.mark.parametrize("temperature", [COLD, HOT])
def test_a_nearly_dry_film_stiffens_as_it_cools(temperature: float) -> None:
    solvent = 0.02
    phi = composition(0.4, 0.58)
    scale, solid = arrhenius(12.0, temperature), 1e-3 * arrhenius(120.0, temperature)
    # wodo: D / (1/(N φ) + 1/φ_s) with the arithmetic mean D.
    found = mobility_at("wodo", temperature, **VITRIFYING)(phi).flatten().tolist()
    ideal = [1.0 / (1.0 / (n * share) + 1.0 / solvent) for n, share in ((20.0, 0.4), (5.0, 0.58))]
    expected = [scale * (solvent + solid * (1.0 - solvent)) * each for each in ideal]
    assert found == pytest.approx(expected, rel=1e-9)
    # Fast mode of Rouse chains: all bare coefficients are φ D_solid^(1 - φ_s), by Vignes' law.
    found = mobility_at("fast-mode", temperature, **VITRIFYING)(phi).flatten().tolist()
    speed = scale * solid ** (1.0 - solvent)
    assert found == pytest.approx([speed * share * (1.0 - share) for share in (0.4, 0.58)], rel=1e-9)
    # The energy in it is linear in the composition.
    energy = 12.0 + (1.0 - solvent) * 120.0
    assert speed == pytest.approx(1e-3 ** (1.0 - solvent) * arrhenius(energy, temperature), rel=1e-9)


@pytest.mark.parametrize("name", MOBILITIES)
def test_a_wet_film_hardly_stiffens_and_without_the_energy_nothing_changes(name: MobilityName) -> None:
    dry, wet = composition(0.4, 0.58), composition(0.01, 0.01)

    def ratio(phi: torch.Tensor, energy: float) -> float:
        cold, hot = (
            mobility_at(name, temperature, vitrification_energy=energy)(phi).flatten()[0]
            for temperature in (COLD, HOT)
        )
        return float(hot / cold)

    plain = arrhenius(12.0, HOT) / arrhenius(12.0, COLD)
    assert ratio(dry, 0.0) == pytest.approx(plain, rel=1e-12)
    assert ratio(wet, 120.0) == pytest.approx(plain, rel=0.12)
    if name in ("fast-mode", "slow-mode"):
        assert ratio(dry, 120.0) > 50.0 * plain


def test_nothing_diffuses_faster_without_solvent_than_in_it() -> None:
    hot = mobility_at("fast-mode", 400.0, vitrification_energy=300.0)
    assert isinstance(hot, FastModeMobility)
    assert float(hot.solid) == 1.0


@pytest.mark.parametrize("name", ["wodo", "fast-mode", "slow-mode", "constant"])
def test_vitrifying_films_are_the_same_compiled(name: MobilityName) -> None:
    recipe = DryingRecipe(mobility=name, solvent=0.3, temperature=HOT, **VITRIFYING)
    frozen = DryingRecipe(mobility=name, solvent=0.3, temperature=HOT)
    films = [
        Simulation([each], seeds=[1], shape=(8, 16), dtype="float64", backend=backend)
        for each, backend in ((recipe, "numba"), (recipe, "torch"), (frozen, "numba"))
    ]
    for film in films:
        for time, temperature in ((0.02, HOT), (0.04, COLD)):
            film.set_knobs(temperature=temperature)
            film.advance(time=time)
    compiled, plain, other = (film.fields() for film in films)
    assert torch.allclose(compiled, plain, rtol=0.0, atol=1e-10)
    assert float((compiled - other).abs().max()) > 1e-6
