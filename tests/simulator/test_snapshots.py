"""A film continues from its own snapshot bit for bit, and refuses snapshots of other films."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsim.errors import InputError
from morphsim.simulator import (
    AnnealingRecipe,
    DryingRecipe,
    Simulation,
)
from tests.simulator.simulator_helpers import same

SMALL = (16, 48)
Snapshots = dict[str, np.ndarray[Any, Any]]


def drying() -> Simulation:
    recipes = [DryingRecipe(evaporation=e, thermal_noise=1e-7) for e in (0.5, 2.0)]
    return Simulation(recipes, seeds=[4, 5], shape=SMALL)


def annealing() -> Simulation:
    recipe = AnnealingRecipe(width=1.0, kappa=2e-3, thermal_noise=1e-8)
    return Simulation([recipe], seeds=[6], shape=SMALL)


def dry_on(film: Simulation, dryness: float) -> None:
    film.advance_to_dryness(dryness, time=100.0)


def anneal_on(film: Simulation, dryness: float) -> None:
    film.advance(time=0.02 * dryness)


CASES: dict[str, tuple[Callable[[], Simulation], Callable[[Simulation, float], None]]] = {
    "drying": (drying, dry_on),
    "annealing": (annealing, anneal_on),
}


@pytest.mark.parametrize("case", CASES)
def test_a_film_continues_from_a_snapshot_bit_for_bit(case: str, tmp_path: Path) -> None:
    make, go_on = CASES[case]
    film = make()
    go_on(film, 0.4)
    film.set_knobs(temperature=330.0)
    if case == "drying":
        film.set_knobs(ambient_vapour=0.05, evaporation=[0.6, 1.5])
    go_on(film, 0.5)
    taken = film.snapshot()
    go_on(film, 0.8)
    expected = film.snapshot()
    assert not np.array_equal(taken["phi"], expected["phi"])

    np.savez(tmp_path / "film.npz", **taken)
    with np.load(tmp_path / "film.npz", allow_pickle=False) as stored:
        read = {name: stored[name] for name in stored}
    film.set_knobs(temperature=300.0)
    for again, snapshot in ((film, taken), (make(), taken), (make(), read)):
        again.restore(snapshot)
        assert same(again.snapshot(), taken)
        go_on(again, 0.8)
        assert same(again.snapshot(), expected)


def test_a_snapshot_is_a_copy() -> None:
    film = annealing()
    taken = film.snapshot()
    taken["phi"] += 1.0
    taken["knob_temperature"] += 1.0
    assert float(film.fields().max()) < 1.0
    assert film.knobs["temperature"][0] == 373.15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("rate_change"), "the snapshot lacks 'rate_change'; use what snapshot"),
        (lambda s: s.pop("knob_evaporation"), "the snapshot lacks the knob 'evaporation'; use what snapshot"),
        (
            lambda s: s.update(phi=s["phi"][:1]),
            r"phi has the shape \(1, 2, 16, 48\), these films' \(2, 2, 16",
        ),
        (lambda s: s.update(phi=s["phi"].astype(np.float64)), "phi is torch.float64, these films' torch.fl"),
        (lambda s: s.update(draws=s["draws"].astype(np.int32)), "draws is torch.int32, these films' torch.i"),
    ],
)
def test_snapshots_of_other_films_are_refused(change: Callable[[Snapshots], object], message: str) -> None:
    film = drying()
    before = film.snapshot()
    wrong = film.snapshot()
    change(wrong)
    with pytest.raises(InputError, match=message) as caught:
        film.restore(wrong)
    assert "\n" not in str(caught.value)
    assert same(film.snapshot(), before)


def test_a_snapshot_of_another_process_is_refused() -> None:
    with pytest.raises(InputError, match="the snapshot lacks the knob"):
        drying().restore(annealing().snapshot())
