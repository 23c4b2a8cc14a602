"""The batch of films: clocks, knobs, reproducibility, and divergence."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from morphsim.errors import InputError
from morphsim.simulator import AnnealingRecipe, DryingRecipe, Simulation, SimulationDiverged, record_film

SMALL = (16, 48)
# Coarse cells need wide interfaces.
ANNEALING = AnnealingRecipe(width=1.0, kappa=2e-3, noise=0.02, duration=0.02)


def test_the_same_seed_gives_the_same_film_bit_for_bit() -> None:
    for recipe in (AnnealingRecipe(duration=0.005), DryingRecipe(evaporation=1.0)):
        films = [list(record_film(recipe, seed=5, frames=4, shape=SMALL)) for _ in range(2)]
        other = list(record_film(recipe, seed=6, frames=4, shape=SMALL))
        for one, two, three in zip(films[0], films[1], other, strict=True):
            assert np.array_equal(one.share, two.share)
            assert (one.time, one.thickness, one.dryness) == (two.time, two.thickness, two.dryness)
            assert not np.array_equal(one.share, three.share)


def test_snapshots_end_where_the_film_ends() -> None:
    annealed = list(record_film(AnnealingRecipe(duration=0.004), seed=0, frames=5, shape=SMALL))
    assert [s.time for s in annealed] == pytest.approx(list(np.geomspace(2e-5, 4e-3, 5)))
    dried = list(record_film(DryingRecipe(evaporation=1.0), seed=0, frames=5, shape=SMALL))
    assert [s.dryness for s in dried] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0], abs=1e-3)
    assert dried[-1].thickness == pytest.approx(0.2 / 0.9, abs=2e-4)
    assert len(list(record_film(AnnealingRecipe(duration=0.004), seed=0, frames=1, shape=SMALL))) == 1
    with pytest.raises(InputError, match="frames is 0"):
        next(record_film(AnnealingRecipe(), seed=0, frames=0))


def test_a_film_that_does_not_dry_in_time_is_reported() -> None:
    recipe = DryingRecipe(evaporation=0.01, duration=1.0)
    with pytest.raises(InputError, match="not dry after its duration 1"):
        list(record_film(recipe, seed=0, frames=2, shape=SMALL))


def test_single_precision_follows_double_precision() -> None:
    fields = []
    for dtype in ("float32", "float64"):
        simulation = Simulation([ANNEALING], seeds=[1], shape=SMALL, dtype=dtype)
        simulation.advance(time=0.01)
        fields.append(simulation.fields().double())
    assert float((fields[0] - fields[1]).abs().max()) < 2e-3
    assert float(fields[0].std()) > 0.05


def test_films_of_a_batch_arrive_each_at_its_own_end() -> None:
    recipes = [DryingRecipe(evaporation=e) for e in (0.2, 1.0, 4.0)]
    simulation = Simulation(recipes, seeds=[1, 2, 3], shape=SMALL)
    simulation.advance_to_dryness([0.3, 0.6, 1.0], time=400.0)
    assert simulation.dryness == pytest.approx([0.3, 0.6, 1.0], abs=1e-3)
    assert list(simulation.dry) == [False, False, True]
    before = simulation.fields()[2].clone()
    simulation.advance_to_dryness(1.0, time=400.0)
    assert simulation.dry.all()
    assert torch.equal(simulation.fields()[2], before)
    for film, recipe in enumerate(recipes[:1]):
        alone = Simulation([recipe], seeds=[film + 1], shape=SMALL)
        alone.advance_to_dryness(0.3, time=400.0)
        alone.advance_to_dryness(1.0, time=400.0)
        assert torch.allclose(alone.fields()[0], simulation.fields()[film], atol=1e-5)


def test_vapour_swells_a_film_and_evaporation_is_a_knob() -> None:
    simulation = Simulation([DryingRecipe(evaporation=1.0)], seeds=[0], shape=SMALL)
    simulation.advance_to_dryness(0.7, time=100.0)
    thickness, time = simulation.thickness[0], simulation.time[0]
    simulation.set_knobs(ambient_vapour=0.9)
    simulation.advance(time=time + 0.3)
    assert simulation.thickness[0] > thickness + 0.01
    simulation.set_knobs(ambient_vapour=0.0, evaporation=[5.0])
    simulation.advance_to_dryness(1.0, time=100.0)
    assert simulation.dry.all()
    assert simulation.knobs["evaporation"] == 5.0


def test_heat_speeds_annealing_up_and_lowers_chi() -> None:
    spreads = []
    for temperature in (330.0, 373.15, 420.0):
        simulation = Simulation([ANNEALING], seeds=[0], shape=SMALL)
        simulation.set_knobs(temperature=temperature)
        simulation.advance(time=0.03)
        spreads.append(float(simulation.fields().std()))
    assert spreads[0] < 0.3 * spreads[1]
    # Hot films separate into less pure phases.
    assert spreads[2] < spreads[1] < 1.5 * spreads[2]


def test_knobs_out_of_range_are_refused_and_change_nothing() -> None:
    simulation = Simulation([DryingRecipe()], seeds=[0], shape=SMALL)
    with pytest.raises(InputError, match="no knob 'pressure'; use one of evaporation, ambient_vapour"):
        simulation.set_knobs(pressure=1.0)
    with pytest.raises(InputError, match="knob evaporation is -1; it must lie from 0 to 20"):
        simulation.set_knobs(temperature=300.0, evaporation=-1)
    with pytest.raises(InputError, match="knob evaporation is nan"):
        simulation.set_knobs(evaporation=float("nan"))
    with pytest.raises(
        InputError, match=r"evaporation 20 at 390 K and 1500 rpm gives a Biot number of 739; at most 200"
    ):
        simulation.set_knobs(evaporation=20.0, temperature=390.0)
    with pytest.raises(InputError, match="2 values are given for 1 films"):
        simulation.set_knobs(evaporation=[1.0, 2.0])
    assert simulation.knobs == {"evaporation": 0.3, "ambient_vapour": 0.0, "temperature": 298.15}


def test_a_film_that_can_not_be_stepped_is_reported_and_not_handed_out() -> None:
    simulation = Simulation([DryingRecipe()] * 2, seeds=[0, 1], shape=SMALL)
    simulation.advance(time=0.1)
    simulation.state.content[1, 0, 3, 4] = float("nan")
    with pytest.raises(SimulationDiverged, match=r"film 1 can't be advanced beyond time 0\.1") as caught:
        simulation.advance(time=0.2)
    assert caught.value.film == 1
    assert caught.value.time == pytest.approx(0.1)
    assert set(caught.value.values) == {"smallest", "largest", "step", "thickness"}
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"recipes": [], "seeds": []}, "give one seed for each recipe"),
        ({"recipes": [AnnealingRecipe()], "seeds": [1, 2]}, "1 recipes and 2 seeds"),
        ({"recipes": [AnnealingRecipe()], "seeds": [1], "dtype": "float16"}, "use float32 or float64"),
        ({"recipes": [AnnealingRecipe()], "seeds": [-1]}, "seed is -1"),
        ({"recipes": [AnnealingRecipe()], "seeds": [1], "tolerance": 0.0}, "tolerance is 0.0"),
        ({"recipes": [AnnealingRecipe()], "seeds": [1], "shape": (0, 5)}, "height of shape is 0"),
        ({"recipes": [AnnealingRecipe()], "seeds": [1], "device": "tpu"}, "device 'tpu'"),
        ({"recipes": [AnnealingRecipe(), DryingRecipe()], "seeds": [1, 2]}, "must share process"),
    ],
)
def test_impossible_batches_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Simulation(**arguments)  # type: ignore[arg-type]


def test_advance_needs_an_end() -> None:
    with pytest.raises(InputError, match="does not dry"):
        Simulation([AnnealingRecipe()], seeds=[0], shape=SMALL).advance_to_dryness(1.0, time=1.0)
    with pytest.raises(InputError, match="needs a finite time"):
        Simulation([DryingRecipe()], seeds=[0], shape=SMALL).advance()


def test_a_blend_starts_with_exactly_its_composition() -> None:
    recipe = DryingRecipe(blend_ratio=0.4, solvent=0.75, noise=0.02)
    simulation = Simulation([recipe], seeds=[3], shape=SMALL, dtype="float64")
    assert simulation.solute_mass()[0] == pytest.approx([0.1, 0.15], abs=1e-12)


def test_heat_beyond_the_arrhenius_law_is_refused() -> None:
    recipe = AnnealingRecipe(reference_temperature=250.0, temperature=260.0, activation_energy=120.0)
    simulation = Simulation([recipe], seeds=[0], shape=(8, 8))
    with pytest.raises(InputError, match=r"temperature 590 K speeds diffusion up .* at most 1e"):
        simulation.set_knobs(temperature=590.0)
    assert simulation.knobs["temperature"] == 260.0


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("law", ["share", "fraction"])
def test_waves_too_faint_for_their_squares_do_not_shorten_steps(backend: str, law: str) -> None:
    # All waves along so narrow a film are far shorter than its interfaces: their squares, cut off by
    # exp(-4 κ k²), underflow to 0 in single precision, and products with large factors don't.
    recipe = DryingRecipe(
        width=0.31, initial_thickness=0.6, solvent=0.43, blend_ratio=0.28, n_donor=22.7, n_acceptor=1.1,
        chi=-0.69, chi_donor_solvent=0.67, chi_acceptor_solvent=-0.65, kappa=0.096, barrier=0.014,
        noise=0.027, mobility="constant", evaporation=16.0, temperature=375.0, reference_temperature=323.0,
        activation_energy=55.0, substrate_strength=0.013, substrate_donor=0.155, substrate_law=law,
        substrate_period=0.31 / 6.0, residual_solvent=0.33, duration=5e-5,
    )  # fmt: skip
    film = Simulation([recipe], seeds=[332], shape=(32, 96), backend=backend)
    film.advance(time=1.6e-5)
    assert film.steps < 100
