"""Linear feedback around a schedule, in films whose drying rate is a formula."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from morphsim.agents.steering import feedback
from morphsim.agents.steering.baselines import RandomSchedule, Replay
from morphsim.agents.steering.feedback import CorrectedReplay, fit_rate_gains, rate_feedback
from morphsim.agents.steering.library import FilmLibrary
from morphsim.agents.steering.policy import Entrant, SteeringTarget
from morphsim.errors import InputError
from morphsim.tasks import find_task

KNOBS = ("evaporation", "temperature")
SENSORS = ("dryness", "drying_rate", "last_action:evaporation", "last_action:temperature")
STEPS = 4


def states_of(actions: np.ndarray, coefficient: float) -> np.ndarray:
    """log10 of the rate = that of the coefficient + 0.9 of the evaporation + 0.2 of the temperature."""
    states = np.zeros((len(actions) + 1, 4), np.float32)
    states[0, 1] = -5.0
    for step, action in enumerate(actions):
        rate = np.log10(coefficient) + 0.9 * action[0] + 0.2 * action[1]
        states[step + 1] = [0.5 + 0.1 * step, rate, *action]
    return states


@pytest.fixture(scope="module")
def library() -> FilmLibrary:
    random = np.random.default_rng(0)
    actions = random.uniform(-1.0, 1.0, (300, STEPS, 2)).astype(np.float32)
    states = [states_of(film, float(10 ** random.uniform(-0.4, 0.4))) for film in actions]
    return FilmLibrary(
        latents=np.zeros((300, STEPS + 1, 2), np.float32),
        states=np.stack(states),
        actions=actions,
        lengths=np.full(300, STEPS),
        numbers=np.arange(300),
        materials={},
        task="DryingUnknown-v1",
        encoder="hash",
        sensors=SENSORS,
    )


def target(name: str = "a") -> SteeringTarget:
    return SteeringTarget(name=name, frame=np.zeros((2, 2), np.uint8), latent=np.zeros(2, np.float32))


def steer(policy: Any, coefficient: float) -> np.ndarray:
    """Actions (T, K) of a film with this coefficient."""
    policy.begin(target(), 0)
    actions: list[np.ndarray] = []
    for _ in range(STEPS):
        state = states_of(np.array(actions).reshape(-1, 2), coefficient)[-1]
        actions.append(policy.act(np.concatenate([np.zeros(2), state, np.zeros(2)]).astype(np.float32)))
    return np.array(actions)


def test_gains_follow_from_the_films(library: FilmLibrary) -> None:
    found = fit_rate_gains(library, KNOBS)
    assert (found.entries, found.knob, found.rate) == ((0, 1, 2, 3), 0, 1)
    np.testing.assert_array_equal(found.gains[0], 0.0)
    # A rate that is higher by r than its action explains calls for r / 0.9 less evaporation.
    for gains in found.gains[1:]:
        np.testing.assert_allclose(gains[1:], [-1 / 0.9, 1.0, 0.2 / 0.9], atol=0.05)


@pytest.mark.parametrize("coefficient", [0.6, 1.0, 1.5])
def test_feedback_restores_the_nominal_rate(library: FilmLibrary, coefficient: float) -> None:
    schedule = np.array([[0.2, 0.0], [0.1, 0.5], [-0.3, 0.5], [0.0, -0.5]], np.float32)
    nominal = states_of(schedule, 1.0).astype(np.float64)
    policy = CorrectedReplay({"a": schedule}, {"a": nominal}, fit_rate_gains(library, KNOBS), latent_size=2)
    made = steer(policy, coefficient)
    # Before the first step nothing is measured, and the temperature is left alone.
    np.testing.assert_array_equal(made[0], schedule[0])
    np.testing.assert_array_equal(made[:, 1], schedule[:, 1])
    np.testing.assert_allclose(made[1:, 0], schedule[1:, 0] - np.log10(coefficient) / 0.9, atol=0.02)
    rates = states_of(made, coefficient)[2:, 1]
    np.testing.assert_allclose(rates, nominal[2:, 1], atol=0.02)
    # A second film begins anew, and an action stays in its range.
    np.testing.assert_array_equal(steer(policy, coefficient), made)
    assert steer(policy, 1e-3).max() == 1.0
    with pytest.raises(InputError, match="no schedule for the target 'b'"):
        policy.begin(target("b"), 0)


def test_a_film_that_does_not_dry_is_left_alone(library: FilmLibrary) -> None:
    schedule = np.zeros((STEPS, 2), np.float32)
    nominal = states_of(schedule, 1.0).astype(np.float64)
    policy = CorrectedReplay({"a": schedule}, {"a": nominal}, fit_rate_gains(library, KNOBS), latent_size=2)
    np.testing.assert_array_equal(steer(policy, 1e-9), schedule)


def test_the_nominal_trajectory_is_the_mean_of_films(
    library: FilmLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = np.full((STEPS, 2), 0.3, np.float32)
    seeds: list[int] = []

    def make(task: Any, films: Any, **options: Any) -> Any:
        assert not task.hidden
        seeds.extend(film.seed for film in films)
        return [SimpleNamespace(states=states_of(film.actions, 1.0)) for film in films]

    monkeypatch.setattr(feedback, "make_films", make)
    monkeypatch.setattr(feedback, "knobs_of", lambda task: KNOBS)
    task = find_task("DryingUnknown-v1")
    entrant = Entrant(name="CMA-ES", policy=Replay({"a": schedule}), films_per_target=256)
    found = rate_feedback(task, entrant, [target()], library, films=3, show_progress=False)
    assert (found.name, found.films, found.films_per_target) == ("CMA-ES, corrected", 300, 259)
    assert len(set(seeds)) == 3
    np.testing.assert_allclose(steer(found.policy, 1.0), schedule, atol=1e-5)
    blind = Entrant(name="chance", policy=RandomSchedule(KNOBS, 4))
    with pytest.raises(InputError, match="chance replays no schedules"):
        rate_feedback(task, blind, [target()], library, show_progress=False)


def test_libraries_from_which_there_is_nothing_to_learn(library: FilmLibrary) -> None:
    with pytest.raises(InputError, match="has no evaporation"):
        fit_rate_gains(library, ("temperature",))
    few = {name: getattr(library, name)[:10] for name in ("latents", "states", "actions", "lengths")}
    with pytest.raises(InputError, match="has 10 films, too few to fit gains; make at least 21"):
        fit_rate_gains(dataclasses.replace(library, **few), KNOBS)
    with pytest.raises(InputError, match="has no last_action:ambient_vapour"):
        fit_rate_gains(library, ("evaporation", "ambient_vapour"))
