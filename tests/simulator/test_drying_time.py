"""How the time to dry depends on spin speed and thickness."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from morphsim.errors import InputError
from morphsim.simulator import (
    DryingRecipe,
    Simulation,
    VapourAnnealingRecipe,
)
from morphsim.simulator.recipe import Recipe
from morphsim.simulator.recipe_io import recipe_from_dict


def well_mixed(**parameters: Any) -> DryingRecipe:
    return DryingRecipe(
        **{"evaporation": 0.01, "chi": 0.0, "width": 0.2, "duration": 5000.0, "thermal_noise": 0.0}
        | parameters
    )


def test_evaporation_is_proportional_to_the_square_root_of_the_spin_speed() -> None:
    speeds = np.array([500.0, 2000.0, 6000.0])
    recipes = [well_mixed(spin_speed=s, reference_spin_speed=2000.0) for s in speeds]
    film = Simulation(recipes, seeds=[0, 0, 0], shape=(24, 8))
    assert film.biot == pytest.approx(0.01 * np.sqrt(speeds / 2000.0), rel=1e-12)
    film.advance_to_dryness(1.0, time=5000.0)
    assert film.dry.all()
    assert film.time * film.biot == pytest.approx([film.time[1] * film.biot[1]] * 3, rel=0.01)
    assert film.time[0] / film.time[1] == pytest.approx(2.0, rel=0.01)


def test_the_drying_time_is_proportional_to_the_initial_thickness() -> None:
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


@pytest.mark.parametrize("kind", [DryingRecipe, VapourAnnealingRecipe])
@pytest.mark.parametrize("coefficient", [0.4, 2.5])
def test_a_coefficient_is_a_factor_on_the_evaporation(kind: type[Recipe], coefficient: float) -> None:
    changed, plain = (
        Simulation([kind(**parameters)], seeds=[3], shape=(8, 12))
        for parameters in (
            {"evaporation": 0.3, "evaporation_coefficient": coefficient},
            {"evaporation": coefficient * 0.3},
        )
    )
    assert changed.biot == plain.biot == pytest.approx([coefficient * 0.3], rel=1e-12)
    for film in (changed, plain):
        film.advance(time=0.5)
    assert np.array_equal(changed.fields(), plain.fields())
    assert np.array_equal(changed.thickness, plain.thickness)
    other = Simulation([kind(evaporation=0.3)], seeds=[3], shape=(8, 12))
    other.advance(time=0.5)
    assert abs(other.thickness[0] - plain.thickness[0]) > 1e-3


def test_the_coefficient_counts_in_what_can_be_simulated_and_older_records_have_none() -> None:
    with pytest.raises(InputError, match=r"10 times evaporation 20 at .* gives a Biot number of 201"):
        Simulation(
            [DryingRecipe(evaporation=20.0, evaporation_coefficient=10.0, temperature=298.2)], seeds=[0]
        )
    record = {k: v for k, v in DryingRecipe().to_dict().items() if k != "evaporation_coefficient"}
    recipe = recipe_from_dict(record)
    assert isinstance(recipe, DryingRecipe)
    assert recipe.evaporation_coefficient == 1.0
