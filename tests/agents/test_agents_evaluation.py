from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from morphsim.agents import (
    EVALUATION_SEEDS,
    Agent,
    AgentEvaluation,
    Contestant,
    EvaluationConfig,
    PolicyResult,
    RandomPolicy,
    RecipePolicy,
    evaluate_agent,
    evaluate_policies,
)
from morphsim.agents.baselines import ReplayPolicy
from morphsim.agents.evaluation import constant_settings, means_of_others
from morphsim.errors import InputError
from morphsim.frames import FilmConfig, read_frames, simulate_film


class LineEnv(gym.Env[NDArray[np.float32], NDArray[np.float32]]):
    """Two steps; the distance is the size of the action and a tenth of the seed."""

    action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
    observation_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
    frame = np.zeros((2, 3), np.uint8)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        assert options is not None
        self.seed, self.steps = options["film_seed"], 0
        return np.zeros(1, np.float32), {}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        self.steps += 1
        self.frame = np.full((2, 3), self.steps % 2, np.uint8)
        distance = abs(float(action[0])) + self.seed / 10
        info = {"distance": distance, "diverged": self.seed == 3 and action[0] == 1}
        # Only a film that dries is wet or dry.
        if self.seed < 2:
            info["dry"] = self.seed == 0 or action[0] < 1
        return np.zeros(1, np.float32), 0.0, self.steps == 2, False, info


class Constant:
    def __init__(self, value: float) -> None:
        self.value = value

    def begin(self, env: gym.Env[Any, Any], seed: int) -> None:
        self.steps = 0

    def act(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        self.steps += 1
        assert self.steps <= 2
        return np.array([self.value], np.float32)


def make(value: float) -> tuple[gym.Env[Any, Any], Constant]:
    return LineEnv(), Constant(value)


def contestants(**values: float) -> list[Contestant]:
    return [Contestant(name=name, make=functools.partial(make, value)) for name, value in values.items()]


def test_figures_that_were_checked_by_hand() -> None:
    found = evaluate_policies(
        contestants(agent=0.25, random=1.0, recipe=0.5, own=0.0), [0, 1, 2, 3], show_progress=False
    )
    # Seeds add 0, 0.1, 0.2, 0.3: the median adds 0.15, the quartiles 0.075 and 0.225.
    np.testing.assert_allclose(found["agent"].distances, [0.25, 0.35, 0.45, 0.55])
    assert found["agent"].median == pytest.approx(0.40)
    assert found["agent"].quartiles == pytest.approx((0.325, 0.475))
    assert [found.regret(name) for name in ("agent", "random", "recipe", "own")] == pytest.approx(
        [0.25, 1.0, 0.5, 0.0]
    )
    assert found.beats_baselines
    test = found.sign_test("agent", "random")
    # Four of four heads: 1/16.
    assert (test.nearer, test.farther, test.p_value) == (4, 0, pytest.approx(1 / 16))
    assert found.sign_test("random", "agent").p_value == pytest.approx(1.0)
    assert found.sign_test("agent", "agent").p_value == 1.0
    assert found["agent"].frames.shape == (4, 2, 3) and not found["agent"].frames.any()
    assert found["random"].diverged.tolist() == [False, False, False, True]

    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["seeds"] == [0, 1, 2, 3]
    assert values["policies"]["recipe"]["median"] == pytest.approx(0.65)
    assert values["policies"]["random"]["diverged"] == 1
    assert [values["policies"][name]["wet"] for name in ("agent", "random")] == [0, 1]
    assert values["sign_tests"]["recipe"] == {"nearer": 4, "farther": 0, "p_value": pytest.approx(1 / 16)}
    text = found.render()
    assert text == str(found)
    assert text.splitlines()[1] == "agent       0.4000     0.3250 - 0.4750    0.250"
    assert "The median of agent is below those of random and recipe." in text
    assert "agent ends nearer than random on 4 of 4 films (sign test, one-sided p = 0.062)." in text
    assert "random: the simulation of 1 of 4 films failed." in text
    assert "random: 1 of 4 films ended wet, at the limit of steps." in text
    assert "agent: 0 of 4 films ended wet" not in text


def test_an_agent_that_loses_is_told_so() -> None:
    found = evaluate_policies(contestants(agent=0.5, random=1.0, recipe=0.5), range(3), show_progress=False)
    assert not found.beats_baselines
    assert "is NOT below those of random and recipe" in found.render()
    assert found.regret("agent") is None and found.to_dict()["policies"]["agent"]["regret"] is None
    tied = found.sign_test("agent", "recipe")
    assert (tied.nearer, tied.farther, tied.p_value) == (0, 0, 1.0)


def test_there_is_no_regret_where_chance_is_as_good_as_the_recipe() -> None:
    found = evaluate_policies(contestants(agent=0.5, random=0.2, own=0.2), [0, 1], show_progress=False)
    assert found.regret("agent") is None
    assert "-" in found.render().splitlines()[1]


def test_processes_change_nothing() -> None:
    some = contestants(agent=0.25, random=1.0)
    one = evaluate_policies(some, range(4), show_progress=False)
    two = evaluate_policies(some, range(4), workers=2, show_progress=False)
    assert one.to_dict() == two.to_dict()
    np.testing.assert_array_equal(one["agent"].frames, two["agent"].frames)


def test_nothing_to_evaluate() -> None:
    with pytest.raises(InputError, match="at least one"):
        evaluate_policies([], [1], show_progress=False)
    with pytest.raises(InputError, match="at least one"):
        evaluate_policies(contestants(agent=1.0), [], show_progress=False)


def result(name: str, distances: list[float]) -> PolicyResult:
    count = len(distances)
    return PolicyResult(
        name=name,
        distances=np.array(distances),
        diverged=np.zeros(count, bool),
        wet=np.zeros(count, bool),
        frames=np.zeros((count, 2, 2), np.uint8),
    )


def test_a_table_needs_a_distance_for_each_seed() -> None:
    with pytest.raises(InputError, match="one for each seed"):
        AgentEvaluation(seeds=[1, 2], results=[result("agent", [1.0])])
    found = AgentEvaluation(seeds=[1], results=[result("agent", [1.0])])
    with pytest.raises(InputError, match="'random' is not among agent"):
        found["random"]
    assert found.render().count("\n") == 3
    assert not found.beats_baselines


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=1, max_size=12))
def test_a_sign_test_is_a_chance(pairs: list[tuple[float, float]]) -> None:
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    found = AgentEvaluation(
        seeds=range(len(pairs)), results=[result("agent", first), result("random", second)]
    )
    test = found.sign_test("agent", "random")
    assert test.nearer + test.farther == sum(a != b for a, b in pairs)
    assert 0 < test.p_value <= 1
    mirrored = found.sign_test("random", "agent")
    assert (mirrored.nearer, mirrored.farther) == (test.farther, test.nearer)
    assert test.p_value + mirrored.p_value >= 1 - 1e-9
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("blind", "pays"),
    [
        # Nearer on 5 of 5 films: 1/32.
        ([1.0, 1.0, 1.0, 1.0, 1.0], True),
        # A lower median, but nearer on 4 of 5 films only: 6/32.
        ([1.0, 1.0, 1.0, 1.0, 0.1], False),
        ([0.5, 0.5, 0.5, 0.5, 0.5], False),
    ],
)
def test_feedback_pays_if_the_blind_schedule_ends_farther_away(blind: list[float], pays: bool) -> None:
    agent = result("agent", [0.5] * 5)
    found = AgentEvaluation(seeds=range(5), results=[agent, result("blind", blind)])
    assert found.feedback_pays is pays and found.to_dict()["feedback_pays"] is pays
    assert ("Feedback bought nothing" in found.render()) is not pays
    assert "agent ends nearer than blind on" in found.render()
    assert list(found.to_dict()["sign_tests"]) == ["blind"]
    alone = AgentEvaluation(seeds=range(5), results=[agent])
    assert alone.feedback_pays is None and "Feedback" not in alone.render()


def test_constant_settings_cover_the_range_of_each_knob() -> None:
    found = np.concatenate(constant_settings(8, 3))
    assert found.shape == (8, 3) and found.dtype == np.float32
    for knob in found.T:
        np.testing.assert_allclose(np.sort(knob), np.arange(-7, 8, 2) / 8)
    np.testing.assert_array_equal(constant_settings(1, 2)[0], [[0.0, 0.0]])


def test_a_film_is_replayed_with_the_mean_of_the_others() -> None:
    schedules = [np.array(values, np.float32)[:, None] for values in ([0.0], [0.3, 0.6], [-0.3, 0.0])]
    found = means_of_others(schedules)
    np.testing.assert_allclose(found[0][:, 0], [0.0, 0.3], atol=1e-7)
    np.testing.assert_allclose(found[2][:, 0], [0.15, 0.3], atol=1e-7)
    policy = ReplayPolicy({5: found[0]}, default=schedules[1])
    for seed, expected in ((5, [0.0, 0.3, 0.3]), (6, [0.3, 0.6, 0.6])):
        policy.begin(LineEnv(), seed)
        made = [policy.act(np.zeros(1, np.float32))[0] for _ in range(3)]
        np.testing.assert_allclose(made, expected, atol=1e-7)


def test_random_actions_follow_from_the_seed() -> None:
    env, policy = LineEnv(), RandomPolicy()
    drawn = []
    for seed in (1, 2, 1):
        policy.begin(env, seed)
        drawn.append(np.concatenate([policy.act(np.zeros(1, np.float32)) for _ in range(200)]))
    np.testing.assert_array_equal(drawn[0], drawn[2])
    assert (drawn[0] != drawn[1]).all()
    assert drawn[0].dtype == np.float32 and np.abs(drawn[0]).max() <= 1
    # Uniform from -1 to 1: mean 0 and standard deviation 0.58, each within four standard errors.
    assert abs(drawn[0].mean()) < 0.17 and abs(drawn[0].std() - 0.577) < 0.1


def test_the_recipe_is_left_as_it_is(trained: Callable[[str], Agent]) -> None:
    env, policy = trained("ppo").make_env(), RecipePolicy()
    env.reset(seed=0)
    policy.begin(env, 0)
    for _ in range(4):
        *_, info = env.step(policy.act(np.zeros(5, np.float32)))
        assert info["temperature_K"] == pytest.approx(373.15, abs=1e-3)


def test_an_agent_is_evaluated_beside_its_baselines(trained: Callable[[str], Agent], tmp_path: Path) -> None:
    folder = trained("ppo").folder
    config = EvaluationConfig(agent=folder, seeds=3, constants=4, own_set=("temperature=440",))
    found = evaluate_agent(config, show_progress=False)
    names = ["agent", "random", "recipe", "constant", "blind", "own"]
    assert [each.name for each in found.results] == names
    # The constant is one of the settings, and the blind schedule the mean of the agent's in the other films.
    constants = {tuple(each[0]) for each in constant_settings(4, 1)}
    assert all(tuple(action) in constants for film in found["constant"].actions for action in film)
    assert len({film.tobytes() for film in found["constant"].actions}) == 1
    for film, actions in enumerate(means_of_others(found["agent"].actions)):
        np.testing.assert_array_equal(found["blind"].actions[film], actions)
    assert set(found.to_dict()["sign_tests"]) == {"random", "recipe", "constant", "blind"}
    assert found.seeds == (1_000_000, 1_000_001, 1_000_002)
    assert all(seed in EVALUATION_SEEDS for seed in found.seeds)
    assert all(each.frames.shape == (3, 16, 48) and each.frames.max() == 1 for each in found.results)
    for each in found.results:
        assert (each.distances >= 0).all() and not each.diverged.any()
    assert not np.array_equal(found["own"].frames, found["recipe"].frames)
    for name in ("agent", "random", "own"):
        file = folder / "schedules" / f"{name}-1000002.toml"
        film = FilmConfig(recipe=file, out=tmp_path / name, animation="none")
        assert simulate_film(film, show_progress=False).frames == 4
        last = read_frames(tmp_path / name / "frames.h5").frames[-1]
        np.testing.assert_array_equal(last, found[name].frames[2])

    # The same films, made one by one.
    agent = trained("ppo")
    env = agent.make_env()
    observation, info = env.reset(seed=5, options={"film_seed": 1_000_001})
    over = False
    while not over:
        observation, _, terminated, truncated, info = env.step(agent.act(observation))
        over = terminated or truncated
    assert info["distance"] == pytest.approx(found["agent"].distances[1], abs=1e-6)

    recipe = tmp_path / "own.toml"
    recipe.write_text(
        'process = "annealing"\nwidth = 3.0\nkappa = 3e-3\nduration = 0.02\ntemperature = 440\n'
    )
    again = evaluate_agent(
        EvaluationConfig(
            agent=folder, seeds=3, constants=4, own=recipe, workers=2, schedules=tmp_path / "made"
        ),
        show_progress=False,
    )
    names = sorted(path.name for path in (folder / "schedules").iterdir())
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == names
    assert len(names) == 18
    assert again.to_dict() == found.to_dict()
    np.testing.assert_array_equal(again["own"].frames, found["own"].frames)


def test_one_film_has_no_others_to_replay(trained: Callable[[str], Agent], tmp_path: Path) -> None:
    config = EvaluationConfig(
        agent=trained("ppo").folder, seeds=1, constants=1, schedules=tmp_path / "schedules"
    )
    found = evaluate_agent(config, show_progress=False)
    assert [each.name for each in found.results] == ["agent", "random", "recipe", "constant"]
    assert found.feedback_pays is None
    with pytest.raises(InputError, match="constants is 0"):
        EvaluationConfig(agent=Path("agent"), constants=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"own_set": ("temperature",)}, "is not of the form NAME=VALUE"),
        ({"own_set": ("temperature=hot",)}, "it must be a number"),
        ({"own_set": ("pressure=1",)}, "no parameter 'pressure'"),
        ({"own_set": ("temperature=590",)}, "temperature 590 can't be set"),
        ({"own_set": ("boundary=no-flux",)}, "boundary is no-flux, but the encoder was trained on periodic"),
        ({"own": Path("missing.toml")}, "missing.toml does not exist"),
    ],
)
def test_a_bad_recipe_of_the_target_is_told_before_the_first_film(
    trained: Callable[[str], Agent],
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.setattr("morphsim.agents.evaluation.run_jobs", lambda *_, **__: pytest.fail("a film is made"))
    config = EvaluationConfig(agent=trained("ppo").folder, **options)
    with pytest.raises(InputError) as caught:
        evaluate_agent(config, show_progress=False)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_recipe_of_another_process(trained: Callable[[str], Agent], material: Path) -> None:
    config = EvaluationConfig(agent=trained("ppo").folder, own=material / "drying.toml")
    with pytest.raises(InputError, match="own is a recipe of drying"):
        evaluate_agent(config, show_progress=False)
    with pytest.raises(InputError, match="is not a folder"):
        evaluate_agent(EvaluationConfig(agent=material / "none"), show_progress=False)
