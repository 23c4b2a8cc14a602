"""A contest of policies on real films."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from morphsim.agents.seeds import reset_film
from morphsim.agents.steering.baselines import (
    Replay,
    best_constant,
    blind_replay,
    own_schedules,
    untouched_recipe,
)
from morphsim.agents.steering.contest import Contest
from morphsim.agents.steering.policy import Entrant, steering_targets
from morphsim.agents.steering.reach import constant_regret
from morphsim.agents.steering.rollouts import make_rollouts
from morphsim.agents.steering.search import nominal_material
from morphsim.agents.steering.seeds import CONTEST, film_seed
from morphsim.errors import InputError
from morphsim.tasks import find_task, load_targets, make_task
from morphsim.tasks.films import film_environment

TASK = find_task("DryingUnknown-v1")


@pytest.fixture(scope="module")
def contest() -> Contest:
    return Contest(TASK, targets=1, films=2, own=2, random=3, show_progress=False)


def test_policies_steer_the_same_films(contest: Contest) -> None:
    own = own_schedules(load_targets(TASK), contest.rows)
    targets = steering_targets(load_targets(TASK), contest.rows, contest.encoder)
    result = contest.run([own, untouched_recipe(TASK, targets), dataclasses.replace(own, name="twin")])
    assert result.targets == ("test-0",)
    first, _, twin = result.standings
    assert first.films.frames.shape == (1, 2, 100, 400) and first.films.count == 2
    # The same material and the same noise for all, and another one for each film.
    np.testing.assert_array_equal(first.films.frames, twin.films.frames)
    assert (first.films.frames[0, 0] != first.films.frames[0, 1]).any()
    for measure in ("latent", "ruler"):
        zero = result.difference("own schedule", "twin", measure)
        assert (zero.value, zero.low, zero.high) == (0.0, 0.0, 0.0)
        own_median = np.median(getattr(result.references.own, measure))
        chance = np.median(getattr(result.references.random, measure))
        assert own_median < chance
        expected = (np.median(getattr(first.distances, measure)) - own_median) / (chance - own_median)
        assert first.regret[measure].value == pytest.approx(expected)
    assert not first.films.diverged.any() and not first.films.wet.any()
    made = load_targets(TASK).actions[contest.rows[0]]
    for actions in first.films.actions[0]:
        np.testing.assert_array_equal(actions, made[np.minimum(np.arange(len(actions)), len(made) - 1)])
    assert first.films.steps == sum(len(actions) for actions in first.films.actions[0])

    # A film depends neither on the others nor on other policies.
    (alone,) = make_rollouts(
        TASK, contest.encoder, [own.policy], contest.rows, films=1, first=1, show_progress=False
    )
    np.testing.assert_array_equal(alone.frames[0, 0], first.films.frames[0, 1])
    with pytest.raises(InputError, match="'agent' is not among own schedule, untouched recipe, twin"):
        result["agent"]
    with pytest.raises(InputError, match="measure is 'pixels'"):
        result.difference("twin", "twin", "pixels")  # type: ignore[arg-type]


def test_constants_and_means_are_of_other_films(contest: Contest) -> None:
    targets = steering_targets(load_targets(TASK), contest.rows, contest.encoder)
    found = best_constant(TASK, contest.encoder, targets, constants=2, show_progress=False)
    assert (found.films, found.films_per_target) == (2, 0)
    mean = blind_replay(TASK, contest.encoder, found, contest.rows, films=1, show_progress=False)
    assert (mean.name, mean.films, mean.films_per_target) == ("best constant, mean schedule blind", 2, 1)
    for entrant in (found, mean):
        entrant.policy.begin(targets[0], 1)
    observation = np.zeros(3, np.float32)
    # The mean of a constant policy is that constant.
    np.testing.assert_array_equal(found.policy.act(observation), mean.policy.act(observation))
    (reached,) = constant_regret(contest, constants=2)
    assert np.isfinite(reached)


def test_the_material_of_a_film_is_that_of_its_seed(contest: Contest) -> None:
    seed = film_seed(CONTEST, 5, 1)
    task_env, film_env = make_task(task=TASK.name, encoder=contest.encoder), film_environment(TASK)
    reset_film(task_env, seed, {"target": load_targets(TASK).frames[5]})
    reset_film(film_env, seed)
    drawn = film_env.film_recipe
    assert task_env.unwrapped.film_recipe == drawn  # type: ignore[attr-defined]
    assert task_env.unwrapped.film_seed == seed  # type: ignore[attr-defined]
    assert any(getattr(drawn, name) != value for name, value in nominal_material(TASK).items())


def test_what_can_not_be_run(contest: Contest) -> None:
    for options, message in (
        ({"targets": 41}, "targets is 41"),
        ({"films": 0}, "films is 0"),
        ({"split": "tests"}, "split is 'tests'"),
    ):
        with pytest.raises(InputError, match=message):
            Contest(TASK, contest.encoder, show_progress=False, **options)  # type: ignore[arg-type]
    same = Entrant(name="same", policy=Replay({"test-0": np.zeros((1, 3), np.float32)}))
    for entrants in ([], [same, same]):
        with pytest.raises(InputError, match="each with a name of its own"):
            contest.run(entrants)
