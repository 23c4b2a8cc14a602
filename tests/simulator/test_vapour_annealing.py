"""A dry film in vapour swells by the evaporation law, keeps its solids, and coarsens."""

from __future__ import annotations

import numpy as np
import pytest

from morphsim.errors import InputError
from morphsim.simulator import DryingRecipe, Simulation, VapourAnnealingRecipe, find_process, record_film
from morphsim.simulator.film_start import start_of
from morphsim.simulator.materials import material
from morphsim.simulator.processes.vapour_annealing import RETAINED_SOLVENT
from morphsim.simulator.record import continued

QUIET = {"thermal_noise": 0.0, "substrate_strength": 0.0}
SHAPE = (40, 120)


def test_a_film_begins_to_swell_at_the_rate_of_the_law() -> None:
    recipe = VapourAnnealingRecipe(**QUIET, noise=0.0, solvent=0.1, ambient_vapour=0.4, evaporation=0.2)
    film = Simulation([recipe], seeds=[0], shape=SHAPE, dtype="float64")
    film.advance(time=1e-4)
    # dh/dt = -Bi (solvent at the surface - vapour), with the surface still at the initial composition.
    assert film.thickness[0] - 1.0 == pytest.approx(0.2 * 0.3 * 1e-4, rel=0.01)


def test_solids_stay_and_the_surface_comes_to_balance() -> None:
    # The interaction is too weak for demixing, so the film becomes uniform.
    recipe = VapourAnnealingRecipe(**QUIET, chi=0.3, ambient_vapour=0.3, blend_ratio=0.4, evaporation=1.0)
    film = Simulation([recipe], seeds=[0], shape=SHAPE, dtype="float64")
    solids = film.fields().mean(dim=(2, 3))[0] * film.thickness[0]
    film.advance(time=3000.0)
    assert film.fields().mean(dim=(2, 3))[0].numpy() * film.thickness[0] == pytest.approx(
        solids.numpy(), rel=1e-10
    )
    assert float(1.0 - film.fields()[0, :, 0].sum(dim=0).mean()) == pytest.approx(0.3, abs=1e-3)
    # The thickness of a uniform film in equilibrium is that of its solids over one minus the vapour.
    assert film.thickness[0] == pytest.approx(0.9 / 0.7, rel=2e-3)


def test_more_vapour_lets_phases_form_sooner() -> None:
    def contrast(vapour: float, tolerance: float) -> float:
        recipe = VapourAnnealingRecipe(ambient_vapour=vapour)
        film = Simulation([recipe], seeds=[1], shape=SHAPE, tolerance=tolerance)
        film.advance(time=0.15)
        return float(film.donor_share().std())

    dry, little, much = (contrast(vapour, 0.002) for vapour in (0.0, 0.2, 0.4))
    assert little > 1.05 * dry
    assert much > 1.15 * little
    # Waves that grow under noise hardly lag, by up to 0.6 % a step, and less in smaller steps.
    fine = contrast(0.4, 0.0005)
    assert much == pytest.approx(fine, rel=0.05)
    assert contrast(0.4, 0.001) == pytest.approx(fine, rel=0.03)


def test_much_vapour_mixes_the_phases_again() -> None:
    contrast = []
    for vapour in (0.4, 0.8):
        recipe = VapourAnnealingRecipe(ambient_vapour=vapour, duration=200.0, evaporation=1.0)
        (last,) = record_film(recipe, seed=1, frames=1, shape=SHAPE)
        contrast.append(float(last.share.std()))
    assert contrast[1] < 0.1 < contrast[0]


def test_snapshots_are_even_in_the_logarithm_of_time() -> None:
    times = [film.time for film in record_film(VapourAnnealingRecipe(), seed=0, frames=5, shape=(8, 16))]
    assert times == pytest.approx(100.0 * np.geomspace(1 / 200, 1, 5))


def test_knobs_turn_vapour_and_temperature() -> None:
    film = Simulation([VapourAnnealingRecipe()] * 2, seeds=[0, 1], shape=(8, 16))
    assert set(film.knobs) == {"ambient_vapour", "temperature"}
    cold = film.biot
    film.set_knobs(ambient_vapour=[0.1, 0.6], temperature=320.0)
    assert (film.biot > cold).all()
    film.advance(time=5.0)
    assert film.thickness[1] > film.thickness[0]
    with pytest.raises(InputError, match="vapour-annealing has no knob 'evaporation'"):
        film.set_knobs(evaporation=1.0)


def test_it_takes_a_drying_material_s_parameters() -> None:
    blend = material("p3ht-pcbm")
    recipe = find_process("vapour-annealing").recipe_of(blend, {"ambient_vapour": 0.3})
    assert isinstance(recipe, VapourAnnealingRecipe)
    assert (recipe.n_donor, recipe.chi, recipe.solvent) == (blend.n_donor, blend.chi, 0.1)


def test_exchange_that_is_too_fast_is_refused() -> None:
    message = r"evaporation 20 at 400 K gives a Biot number .* lower evaporation or"
    with pytest.raises(InputError, match=message):
        Simulation([VapourAnnealingRecipe(evaporation=20.0, temperature=400.0)], seeds=[0], shape=(8, 16))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (np.full((1, 1, 8, 16), 0.3), r"shape \(1, 1, 8, 16\); for 1 films of vapour-annealing .* \(1, 2, 8"),
        (np.full((1, 2, 8, 16), 0.6), "a volume fraction of -0.2, including the last component"),
        (np.full((1, 2, 8, 16), np.nan), "a volume fraction of nan"),
    ],
)
def test_fields_that_are_not_such_films(fields: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Simulation([VapourAnnealingRecipe()], seeds=[0], shape=(8, 16), fields=fields)


@pytest.mark.parametrize("temperature", [298.15, 338.15])
def test_in_dry_air_a_film_keeps_the_last_of_its_solvent(temperature: float) -> None:
    dried = DryingRecipe(evaporation=3.0, solvent=0.4, width=2.0, chi=1.1)
    film = Simulation([dried], seeds=[0], shape=(50, 128))
    film.advance_to_dryness(1.0, time=dried.duration)
    start = start_of(film, "vapour-annealing")
    recipe = start.recipe({"process": "vapour-annealing", "ambient_vapour": 0.45})
    swollen = continued(start, recipe, seed=0, cells=(50, 128))
    swollen.advance(time=25.0)
    thick = float(swollen.thickness[0])
    swollen.set_knobs(ambient_vapour=0.0, temperature=temperature)
    swollen.advance(time=5000.0)
    solids = 0.6 * dried.initial_thickness
    assert thick > 1.3 * solids
    # The surface is in balance; phases below it hold a little more or less.
    solvent = 1.0 - swollen.fields()[0].sum(dim=0)
    assert float(solvent[0].mean()) == pytest.approx(RETAINED_SOLVENT, abs=3e-3)
    assert float(solvent.mean()) == pytest.approx(RETAINED_SOLVENT, abs=5e-3)
    assert float(swollen.thickness[0]) == pytest.approx(solids / (1.0 - float(solvent.mean())), rel=1e-5)
