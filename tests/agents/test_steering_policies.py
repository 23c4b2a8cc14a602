"""Policies that need no simulation, and the seeds of the films around a contest."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from morphsim.agents.baselines import mean_schedule
from morphsim.agents.steering import seeds
from morphsim.agents.steering.agent_policy import AgentPolicy
from morphsim.agents.steering.baselines import (
    RandomSchedule,
    Replay,
    constant_schedules,
    nearest_in_library,
    nominal,
)
from morphsim.agents.steering.library import FilmLibrary
from morphsim.agents.steering.policy import SteeringPolicy, SteeringTarget
from morphsim.errors import InputError
from morphsim.tasks import find_task

NOTHING = np.zeros(3, np.float32)


def target(name: str, *latent: float) -> SteeringTarget:
    return SteeringTarget(name=name, frame=np.zeros((2, 2), np.uint8), latent=np.array(latent, np.float32))


def rollout(policy: SteeringPolicy, name: str, seed: int, steps: int) -> np.ndarray:
    policy.begin(target(name), seed)
    return np.stack([policy.act(NOTHING) for _ in range(steps)])


def test_a_schedule_is_replayed_and_its_last_action_holds_on() -> None:
    policy = Replay({"a": np.array([[0.1], [0.2]], np.float32), "b": np.array([[-1.0]], np.float32)})
    np.testing.assert_allclose(rollout(policy, "a", 1, 4)[:, 0], [0.1, 0.2, 0.2, 0.2])
    np.testing.assert_allclose(rollout(policy, "b", 1, 2)[:, 0], [-1.0, -1.0])
    # A new film begins at the first action again, in a copy for another process too.
    np.testing.assert_allclose(rollout(pickle.loads(pickle.dumps(policy)), "a", 2, 1)[:, 0], [0.1])
    with pytest.raises(InputError, match="no schedule for the target 'c', or for the seed 5"):
        policy.begin(target("c"), 5)


def test_a_schedule_may_belong_to_one_film() -> None:
    policy = Replay({7: np.array([[0.5]], np.float32), 8: np.array([[-0.5]], np.float32)})
    assert rollout(policy, "a", 7, 1)[0, 0] == 0.5 and rollout(policy, "a", 8, 1)[0, 0] == -0.5


def test_random_schedules_follow_from_the_seed_alone() -> None:
    policy = RandomSchedule(("evaporation", "ambient_vapour"), 6)
    first, other, again = (rollout(policy, "a", seed, 8) for seed in (1, 2, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(first[5], first[7])


def test_the_mean_of_schedules_of_different_lengths() -> None:
    found = mean_schedule([np.array([[1.0], [0.0]], np.float32), np.array([[0.0]], np.float32)])
    np.testing.assert_allclose(found, [[0.5], [0.0]])
    longer = mean_schedule([np.array([[1.0], [0.0], [0.0]], np.float32), np.array([[1.0]], np.float32)])
    np.testing.assert_allclose(longer, [[1.0], [0.5], [0.5]])


def test_the_nearest_film_of_a_library_is_replayed_as_far_as_it_went() -> None:
    latents = np.zeros((2, 4, 2), np.float32)
    latents[0, -1], latents[1, -1] = (0.0, 0.0), (3.0, 4.0)
    library = FilmLibrary(
        latents=latents,
        states=np.zeros((2, 4, 1), np.float32),
        actions=np.arange(6, dtype=np.float32).reshape(2, 3, 1) / 6,
        lengths=np.array([3, 2]),
        numbers=np.arange(2),
        materials={},
        task="Drying-v1",
        encoder="hash",
        sensors=("dryness",),
    )
    found = nearest_in_library(library, [target("near", 0.1, 0.0), target("far", 3.0, 3.0)])
    assert (found.films, found.films_per_target) == (2, 0)
    np.testing.assert_allclose(rollout(found.policy, "near", 1, 3)[:, 0], [0.0, 1 / 6, 2 / 6])
    np.testing.assert_allclose(rollout(found.policy, "far", 1, 3)[:, 0], [3 / 6, 4 / 6, 4 / 6])


def test_constant_schedules_and_the_nominal_material() -> None:
    task = find_task("DryingDisturbed-v1")
    found = constant_schedules(task, 12)
    assert all(each.shape == (1, 3) for each in found)
    assert len({each.tobytes() for each in found}) == 12
    np.testing.assert_array_equal(found[3], constant_schedules(task, 4)[3])
    plain = nominal(task)
    assert (dict(plain.hidden), plain.drafts, plain.targets) == ({}, 0.0, task.targets)


def test_films_of_different_purposes_have_different_seeds() -> None:
    bases = [
        seeds.CONTEST,
        seeds.OWN,
        seeds.RANDOM,
        seeds.CONSTANTS,
        seeds.CONSTANTS_ON_MATERIAL,
        seeds.REPEATS,
        seeds.NOMINAL,
        seeds.SEARCH,
    ]
    # Sets of targets hold 133 of them, and libraries and targets have seeds below.
    ends = [seeds.film_seed(base, 132, seeds.MOST_FILMS - 1) for base in bases]
    assert all(end < begin for end, begin in zip(ends, bases[1:], strict=False))
    assert bases[0] > 60_000_000 + 5_000_000
    assert len({seeds.search_seed(search, film) for search in range(9) for film in range(99)}) == 9 * 99
    assert seeds.search_seed(200, 9_999) < 2**31
    with pytest.raises(InputError, match="target's film is 1000"):
        seeds.film_seed(seeds.CONTEST, 1, 1000)
    with pytest.raises(InputError, match="search's film is 10000"):
        seeds.search_seed(1, 10_000)


class Summing:
    """Adds up what it observes, and remembers the sum."""

    def predict(
        self, observation: np.ndarray, state: Any = None, episode_start: Any = None, *, deterministic: bool
    ) -> tuple[np.ndarray, Any]:
        assert deterministic
        total = observation[:1] + (0.0 if state is None else state)
        return total, total


def test_an_agent_remembers_within_a_film() -> None:
    policy = AgentPolicy(Summing)
    observation = np.array([0.25, 9.0], np.float32)
    for _ in range(2):
        policy.begin(target("a"), 1)
        assert [policy.act(observation).tolist() for _ in range(3)] == [[0.25], [0.5], [0.75]]
    # The networks stay behind; another process loads them itself.
    copy = pickle.loads(pickle.dumps(policy))
    assert copy._agent is None
    copy.begin(target("b"), 2)
    assert copy.act(observation).tolist() == [0.25]
