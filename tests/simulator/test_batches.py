"""Batches with changing films: each film is bit for bit equal to the same film alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from morphsim.errors import InputError
from morphsim.simulator import AnnealingRecipe, DryingRecipe, Simulation, SimulationDiverged, batch_key
from morphsim.simulator.core.solver import MOST_REFUSALS

SHAPE = (24, 48)
DRYING = [
    DryingRecipe(evaporation=1.0),
    DryingRecipe(evaporation=0.2, thermal_noise=0.0, blend_ratio=0.4),
    DryingRecipe(evaporation=3.0, substrate_strength=0.004),
    DryingRecipe(evaporation=0.5, n_donor=8.0),
]


def alone(recipe: DryingRecipe | AnnealingRecipe, seed: int) -> Simulation:
    return Simulation([recipe], seeds=[seed], shape=SHAPE)


def same(film: Simulation, batch: Simulation, number: int) -> bool:
    equal = [
        np.array_equal(value[0], batch.snapshot()[name][number])
        for name, value in film.snapshot().items()
        # Without noise its arrays are not written.
        if name != "noise"
    ]
    return all(equal)


def test_films_that_arrive_early_leave_the_others_as_they_are_alone() -> None:
    batch = Simulation(DRYING, seeds=[3, 4, 5, 6], shape=SHAPE)
    goals = np.array([0.2, 0.9, 0.05, 1.0])
    batch.advance_to_dryness(goals, time=400.0)
    for number, recipe in enumerate(DRYING):
        film = alone(recipe, 3 + number)
        film.advance_to_dryness(goals[number], time=400.0)
        assert same(film, batch, number)
    # Finished films were not advanced until the slowest film had finished.
    assert batch.time[2] < batch.time[3]


def test_annealed_films_arrive_alone_too() -> None:
    recipes = [AnnealingRecipe(chi=chi, thermal_noise=1e-9) for chi in (2.6, 3.0, 3.4)]
    batch = Simulation(recipes, seeds=[1, 2, 3], shape=SHAPE)
    ends = np.array([1e-4, 1e-3, 2e-3])
    batch.advance(time=ends)
    for number, recipe in enumerate(recipes):
        film = alone(recipe, 1 + number)
        film.advance(time=ends[number])
        assert same(film, batch, number)


def test_new_films_start_beside_films_under_way() -> None:
    batch = Simulation(DRYING[:3], seeds=[3, 4, 5], shape=SHAPE)
    batch.set_knobs(temperature=[300.0, 310.0, 320.0])
    batch.advance_to_dryness(0.4, time=400.0)
    batch.replace([2, 0], [DRYING[3], DRYING[1]], [7, 8])
    assert batch.time.tolist()[0] == batch.time.tolist()[2] == 0.0
    assert batch.knobs["temperature"].tolist() == [298.15, 310.0, 298.15]
    batch.advance_to_dryness([0.5, 0.8, 0.3], time=400.0)
    kept = alone(DRYING[1], 4)
    kept.set_knobs(temperature=310.0)
    kept.advance_to_dryness(0.4, time=400.0)
    kept.advance_to_dryness(0.8, time=400.0)
    assert same(kept, batch, 1)
    for number, recipe, seed, goal in ((2, DRYING[3], 7, 0.3), (0, DRYING[1], 8, 0.5)):
        film = alone(recipe, seed)
        film.advance_to_dryness(goal, time=400.0)
        assert same(film, batch, number)


def test_films_are_taken_joined_and_copied() -> None:
    batch = Simulation(DRYING, seeds=[3, 4, 5, 6], shape=SHAPE)
    batch.advance_to_dryness(0.3, time=400.0)
    before = batch.snapshot()
    taken = batch.take([2, 0, 2])
    taken.advance_to_dryness([0.4, 0.6, 0.5], time=400.0)
    assert all(np.array_equal(value, batch.snapshot()[name]) for name, value in before.items())
    joined = Simulation.join([batch, taken])
    assert len(joined) == 7
    joined.advance_to_dryness(0.7, time=400.0)
    film = alone(DRYING[2], 5)
    for goal in (0.3, 0.4, 0.7):
        film.advance_to_dryness(goal, time=400.0)
    assert same(film, joined, 4)
    film = alone(DRYING[3], 6)
    for goal in (0.3, 0.7):
        film.advance_to_dryness(goal, time=400.0)
    assert same(film, joined, 3)


def test_a_film_that_can_t_go_on_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("morphsim.simulator.core.solver.MOST_REFUSALS", 3)
    batch = Simulation(DRYING, seeds=[3, 4, 5, 6], shape=SHAPE)
    batch.advance_to_dryness(0.1, time=400.0)
    # NaN in one film's previous rates, so that none of its steps is accepted.
    batch.state.phi_before = batch.state.phi_before.clone()
    batch.state.phi_before[1] = torch.nan
    sound = batch.donor_share()[1].clone()
    stuck = batch.advance_to_dryness([0.2, 0.3, 0.4, 0.5], time=400.0, tolerate=True)
    assert stuck.tolist() == [False, True, False, False]
    assert batch.dryness == pytest.approx([0.2, 0.1, 0.4, 0.5], abs=1e-3)
    assert torch.equal(batch.donor_share()[1], sound)
    for number in (0, 2, 3):
        film = alone(DRYING[number], 3 + number)
        film.advance_to_dryness(0.1, time=400.0)
        film.advance_to_dryness(0.2 + 0.1 * number, time=400.0)
        assert same(film, batch, number)
    with pytest.raises(SimulationDiverged) as caught:
        batch.advance_to_dryness([0.2, 0.3, 0.5, 0.6], time=400.0)
    assert caught.value.film == 1
    batch.replace([1], [DRYING[1]], [4])
    assert not batch.advance_to_dryness(0.7, time=400.0, tolerate=True).any()
    assert MOST_REFUSALS > 3


def test_batches_that_can_t_be_are_refused() -> None:
    batch = Simulation(DRYING[:2], seeds=[1, 2], shape=SHAPE)
    with pytest.raises(InputError, match="are not different indices of a batch of 2 films"):
        batch.replace([2], [DRYING[0]], [1])
    with pytest.raises(InputError, match="each once"):
        batch.replace([1, 1], DRYING[:2], [1, 2])
    with pytest.raises(InputError, match="one for each"):
        batch.replace([0, 1], DRYING[:1], [1])
    with pytest.raises(InputError, match="must share process, width"):
        batch.replace([0], [DryingRecipe(width=2.0)], [1])
    with pytest.raises(InputError, match="are not in a batch of 2"):
        batch.take([])
    with pytest.raises(InputError, match="share shape, tolerance"):
        Simulation.join([batch, Simulation(DRYING[:1], seeds=[1], shape=(24, 64))])
    assert batch.advance_to_dryness(0.1, time=400.0).tolist() == [False, False]


def test_annealed_films_share_whether_their_substrate_is_neutral() -> None:
    neutral, wetted = AnnealingRecipe(), AnnealingRecipe(substrate_strength=0.01)
    assert batch_key(neutral) != batch_key(wetted)
    assert batch_key(DryingRecipe()) == batch_key(DryingRecipe(substrate_strength=0.01))
    with pytest.raises(InputError, match="whether the substrate is neutral"):
        Simulation([neutral, wetted], seeds=[0, 0], shape=SHAPE)
