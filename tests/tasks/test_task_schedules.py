"""Random schedules, and films that follow them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morphsim.errors import InputError
from morphsim.tasks import Film, Task, film_environment, make_films, random_schedule
from morphsim.tasks.films import make_film
from morphsim.tasks.schedules import MOST_PIECES, VAPOUR

KNOBS = ("evaporation", VAPOUR, "temperature")


@given(
    seed=st.integers(0, 2**32),
    knobs=st.lists(st.sampled_from(KNOBS), min_size=1, max_size=3, unique=True),
    steps=st.integers(1, 40),
)
def test_schedules_are_few_pieces_of_round_numbers(seed: int, knobs: list[str], steps: int) -> None:
    actions = random_schedule(np.random.default_rng(seed), tuple(knobs), steps)
    assert actions.shape == (steps, len(knobs))
    assert actions.dtype == np.float32
    assert (np.abs(actions) <= 1.0).all()
    thousandths = np.round(actions.astype(np.float64) * 1000.0)
    assert np.array_equal(actions, (thousandths / 1000.0).astype(np.float32))
    changes = (np.diff(actions, axis=0) != 0.0).any(axis=1).sum()
    assert changes < min(MOST_PIECES, steps)
    again = random_schedule(np.random.default_rng(seed), tuple(knobs), steps)
    assert np.array_equal(again, actions)


def test_vapour_is_off_in_most_pieces() -> None:
    drawn = [random_schedule(np.random.default_rng(seed), KNOBS, 16) for seed in range(400)]
    first = np.array([actions[0] for actions in drawn])
    # A binomial share of 0.6 with a standard deviation of 0.024.
    assert (first[:, 1] == -1.0).mean() == pytest.approx(0.6, abs=0.1)
    assert not (first[:, [0, 2]] == -1.0).any()
    assert first[:, 0].mean() == pytest.approx(0.0, abs=0.15)


def test_films_follow_actions_and_options(coarse: Task) -> None:
    actions = random_schedule(np.random.default_rng(0), KNOBS, coarse.steps)
    films = [
        Film(seed=1, actions=actions, noise=8),
        Film(seed=1, actions=actions, noise=9),
        Film(seed=1, actions=actions[:1], options={"blend_ratio": 0.45}),
    ]
    first, second, third = make_films(coarse, films, show_progress=False)
    assert first.material == second.material
    assert (first.seed, second.seed) == (8, 9)
    assert not np.array_equal(first.frames[-1], second.frames[-1])
    assert third.material["blend_ratio"] == 0.45
    assert third.material["evaporation_coefficient"] == first.material["evaporation_coefficient"]
    for film in (first, second, third):
        count = len(film.actions)
        assert film.frames.shape == (count + 1, 36, 64)
        assert len(film.states) == count + 1
        assert not film.diverged
        # The dryness is the first entry of the state.
        assert film.states[0, 0] == 0.0 and film.states[-1, 0] == pytest.approx(1.0, abs=1e-3)
    assert np.array_equal(first.actions, actions[: len(first.actions)])
    # The last action holds.
    assert (third.actions == actions[0]).all()


@pytest.mark.parametrize("actions", [np.zeros(3), np.zeros((0, 3))])
def test_other_actions_are_refused(coarse: Task, actions: Any) -> None:
    with pytest.raises(InputError, match=r"they must be \(T, K\) with T of 1 or more"):
        make_film(film_environment(coarse), Film(seed=0, actions=actions), coarse)
