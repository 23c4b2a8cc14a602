"""The environments of tasks, whole by their ids."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_by_gymnasium
from stable_baselines3.common.env_checker import check_env as check_by_sb3

from morphsim import load_encoder
from morphsim.errors import InputError
from morphsim.tasks import TASKS, Task, family, load_targets, make_task
from tests.encoders import small_encoder


def episode(env: gym.Env[Any, Any], **options: Any) -> tuple[list[Any], float, tuple[bool, bool]]:
    """Observations, return and how it ended, of an episode in which nothing is done to the film."""
    first, _ = env.reset(seed=4, options=options or None)
    seen, total, over = [first], 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = env.step(np.zeros(env.action_space.shape, np.float32))  # type: ignore[arg-type]
        seen.append(observation)
        total += float(reward)
        over = terminated or truncated
    return seen, total, (terminated, truncated)


@pytest.mark.parametrize("name", TASKS)
def test_checkers_and_the_end_of_an_episode(name: str, recwarn: pytest.WarningsRecorder) -> None:
    env = gym.make(TASKS[name].id)
    inside = env
    while type(inside).__name__ != "TaskWrapper":
        inside = inside.env  # type: ignore[attr-defined]
    recwarn.clear()
    check_by_gymnasium(inside, skip_render_check=True)
    check_by_sb3(env, warn=False)
    # The checkers say that it is wrapped, as is meant, and that latents have no bounds.
    odd = [str(each.message) for each in recwarn if "unwrapped" not in str(each.message)]
    assert all("infinity" in text for text in odd), odd
    seen, total, ends = episode(env)
    assert ends == (True, False)
    assert 1 < len(seen) - 1 <= TASKS[name].steps
    assert total != 0.0


@pytest.mark.parametrize("name", TASKS)
def test_the_observation_is_the_latent_the_state_and_the_target(name: str) -> None:
    task = TASKS[name]
    env: Any = gym.make(task.id)
    size = load_encoder("default").latent_size
    low, high = env.observation_space.low, env.observation_space.high
    sensors = [each for each in task.arguments["sensors"] if each != "last_actions"]
    assert len(low) == 2 * size + len(sensors) + env.action_space.shape[0]
    state = slice(size, len(low) - size)
    assert np.isfinite(low[state]).all() and np.isfinite(high[state]).all()
    assert np.isinf(np.delete(low, np.arange(len(low))[state])).all()
    observation, info = env.reset(seed=2)
    unit = observation[-size:] @ info["target_latent"] / (info["target_latent"] @ info["target_latent"])
    assert observation[-size:] == pytest.approx(info["target_latent"] * unit, rel=1e-5)
    assert observation[:size] == pytest.approx(info["latent"] * unit, rel=1e-5)
    assert env.unwrapped.state_names == (
        *sensors,
        *(f"last_action:{knob.name}" for knob in env.unwrapped.panel.knobs),
    )


def test_the_end_is_not_a_cut(coarse: Task) -> None:
    env: Any = make_task(task=coarse.name)
    env.reset(seed=0)
    film = env.unwrapped

    def ends(info: dict[str, Any]) -> tuple[bool, bool]:
        film.step = lambda action: (film._observed()[0], 0.0, False, True, {**film._observed()[1], **info})
        return env.step(env.action_space.sample())[2:4]  # type: ignore[no-any-return]

    assert ends({"step_fraction": 1.0}) == (True, False)
    # The simulator failed, or a limit of somebody else came first.
    assert ends({"step_fraction": 1.0, "diverged": True}) == (False, True)
    assert ends({"step_fraction": 0.5}) == (False, True)


def test_a_limit_of_one_s_own_truncates() -> None:
    env = gym.make("morphsim:morphsim/Annealing-v1", max_episode_steps=2)
    seen, _, ends = episode(env)
    assert (len(seen), ends) == (3, (False, True))


def test_the_specification_makes_the_same_environment_again() -> None:
    env = gym.make("morphsim:morphsim/DryingUnknown-v1", split="test", render_mode="rgb_array")
    assert env.spec is not None and env.spec.additional_wrappers == ()
    again = gym.make(env.spec)
    assert str(again) == str(env)
    assert again.spec == env.spec
    by_text = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    copied = pickle.loads(pickle.dumps(env))
    seen = [each.reset(seed=5) for each in (env, again, by_text, copied)]
    assert seen[0][1]["target_name"].startswith("test-")
    assert all(np.array_equal(observation, seen[0][0]) for observation, _ in seen)
    again.step(again.action_space.sample())
    picture: Any = again.render()
    assert picture.shape == (100, 400, 3) and picture.dtype == np.uint8
    # Gymnasium's RecordVideo asks for these.
    assert "rgb_array" in again.metadata["render_modes"] and again.metadata["render_fps"] > 0
    wrapped = gym.wrappers.RecordEpisodeStatistics(again)
    assert wrapped.spec is not None
    assert str(gym.make(wrapped.spec)) == str(wrapped)


def test_targets_by_name(tmp_path: Path) -> None:
    env: Any = gym.make("morphsim:morphsim/Drying-v1")
    targets = env.get_wrapper_attr("targets")
    assert env.get_wrapper_attr("task") is TASKS["Drying-v1"]
    for name in ("columns", "test-3"):
        _, info = env.reset(seed=1, options={"target": name})
        assert info["target_name"] == name
        frame = targets.frames[targets.row(name)]
        again = env.reset(seed=1, options={"target": frame})[1]
        assert again["target_name"] == name
        assert np.array_equal(again["target_latent"], info["target_latent"])
    np.save(tmp_path / "other.npy", 1 - targets.frames[:1])
    other = env.reset(seed=1, options={"target": 1 - targets.frames[0]})[1]
    assert "target_name" not in other
    with pytest.raises(InputError, match="there is no target 'colums'; did you mean 'columns'"):
        env.reset(options={"target": "colums"})
    with pytest.raises(InputError, match=r"there-is-none\.h5 does not exist"):
        env.reset(options={"target": "there-is-none.h5"})
    # An episode without a name draws one of the split.
    assert env.reset(seed=1)[1]["target_name"].startswith("train-")


def test_options_of_the_film_remain() -> None:
    env: Any = gym.make("morphsim:morphsim/DryingUnknown-v1", split="goals")
    _, info = env.reset(seed=1, options={"blend_ratio": 0.49, "film_seed": 7, "target": "columns"})
    assert (env.unwrapped.film_recipe.blend_ratio, info["film_seed"]) == (0.49, 7)
    with pytest.raises(InputError, match="reset has no option 'blend'"):
        env.reset(options={"blend": 0.5, "target": "columns"})


@pytest.mark.parametrize("split", ["train", "validation", "test", "goals"])
def test_episodes_draw_targets_of_their_split(coarse: Task, split: Any) -> None:
    env = make_task(task=coarse.name, split=split)
    targets = load_targets(coarse)
    # Frames rather than names: two films as small as these may end as the same pattern.
    known = {targets.frames[row].tobytes() for row in targets.rows(split)}
    names = {env.reset(seed=0 if not number else None)[1]["target_name"] for number in range(30)}
    assert {targets.frames[targets.row(name)].tobytes() for name in names} == known


def test_hidden_parameters_differ_and_are_not_observed() -> None:
    task = TASKS["DryingUnknown-v1"]
    env: Any = gym.make(task.id)
    target = {"target": "columns", "film_seed": 3}
    first = [env.reset(seed=seed, options=target)[0] for seed in (1, 2)]
    recipes = []
    for seed in (1, 2):
        env.reset(seed=seed)
        recipes.append(env.unwrapped.film_recipe)
    for name in task.hidden:
        assert getattr(recipes[0], name) != getattr(recipes[1], name), name
    values = [getattr(recipe, name) for recipe in recipes for name in task.hidden]
    assert not np.isin(np.float32(values), np.concatenate(first)).any()
    # The state before the first step is the same whatever the material.
    size = load_encoder("default").latent_size
    assert np.array_equal(first[0][size:-size], first[1][size:-size])


def test_a_known_material_is_the_same_in_every_episode() -> None:
    env: Any = gym.make("morphsim:morphsim/Drying-v1")
    recipes = []
    for seed in (1, 2):
        env.reset(seed=seed)
        recipes.append(env.unwrapped.film_recipe)
    assert recipes[0] == recipes[1]


def test_the_frame_and_the_state_instead() -> None:
    env = gym.make("morphsim:morphsim/Annealing-v1", observation="dict", reward="distance")
    observation, info = env.reset(seed=0)
    assert set(observation) == {"frame", "state"}
    assert observation["frame"].shape == (1, 100, 400)
    observation, reward, *_, info = env.step(np.zeros(1, np.float32))
    assert reward == pytest.approx(-info["distance"], rel=1e-6)


@pytest.mark.parametrize("name", ["shape", "knobs", "target", "distance", "steps", "splt"])
def test_the_task_fixes_all_else(name: str) -> None:
    expected = (
        rf"^Drying-v1 takes no argument '{name}': .* all but split, .*; make morphsim:morphsim/Drying-v0 "
    )
    with pytest.raises(InputError, match=expected):
        gym.make("morphsim:morphsim/Drying-v1", **{name: 1})
    with pytest.raises(InputError, match=expected):
        gym.make_vec("morphsim:morphsim/Drying-v1", num_envs=2, **{name: 1})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"split": "tset"}, "split is 'tset'; did you mean 'test'"),
        ({"observation": "frame"}, "observation is 'frame'; use one of latent, dict"),
        ({"reward": "progres"}, "progress"),
        ({"terminate_on_success": 1}, "terminate_on_success is 1"),
    ],
)
def test_what_is_open_is_checked(arguments: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        gym.make("morphsim:morphsim/Drying-v1", **arguments)


def test_another_encoder_must_take_the_frames(tmp_path: Path, coarse: Task) -> None:
    small_encoder(tmp_path / "encoder", (32, 64))
    with pytest.raises(
        InputError, match=r"takes frames of \(32, 64\), but those of Coarse-v1 are \(36, 64\)"
    ):
        make_task(task=coarse.name, encoder=tmp_path / "encoder")
    again: Any = make_task(task=coarse.name, encoder=load_encoder(coarse.encoder), terminate_on_success=True)
    assert again.reset(seed=0)[0].shape == again.observation_space.shape


def test_missing_targets_are_named(coarse: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    monkeypatch.setitem(family.TASKS, coarse.name, replace(coarse, targets="gone"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"the targets of Coarse-v1 are missing \(.*gone\.h5\)"):
        make_task(task=coarse.name)
