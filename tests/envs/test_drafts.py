"""Drafts: a factor on the evaporation that no set-point shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3.common.env_checker import check_env as check_for_sb3

from morphsim.envs import AnnealingEnv, DryingEnv, VapourAnnealingEnv
from morphsim.envs.drafts import draft_factor
from morphsim.errors import InputError
from morphsim.frames import FilmConfig, read_frames, simulate_film
from tests.envs.envs_helpers import IDS, TINY, assert_same

DRAFTY: dict[str, Any] = {"drafts": 0.3, "observation": "dict"}


def test_drafts_are_a_stationary_process() -> None:
    logs = np.log([[draft_factor(seed, step, 0.2) for step in range(6)] for seed in range(3000)])
    # Standard errors are about 0.004, 0.0026 and 0.007.
    assert np.abs(logs.mean(axis=0)).max() < 0.015
    assert logs.std(axis=0) == pytest.approx(np.full(6, 0.2), abs=0.012)
    lagged = [np.corrcoef(logs[:, 0], logs[:, lag])[0, 1] for lag in (1, 2, 5)]
    assert lagged == pytest.approx([0.8, 0.8**2, 0.8**5], abs=0.06)
    assert np.abs(logs).max() <= 4.0 * 0.2 * (1.0 + 1e-12)


def test_drafts_change_the_evaporation_and_neither_noise_nor_set_points() -> None:
    env, calm = DryingEnv(**TINY, **DRAFTY), DryingEnv(**TINY, observation="dict")
    assert_same(env.reset(seed=0), calm.reset(seed=0))
    assert env.film_seed == calm.film_seed
    places = [env.state_names.index(knob.name) for knob in env.panel.knobs]
    action = np.array([0.5, -1.0, 0.25], np.float32)
    for step in range(2):
        observation, *_, info = env.step(action)
        _, *_, still = calm.step(action)
        factor = draft_factor(env.film_seed, step, 0.3)
        assert factor != pytest.approx(1.0, abs=1e-3)
        assert info["evaporation_nm_per_s"] == pytest.approx(factor * still["evaporation_nm_per_s"], rel=1e-9)
        assert observation["state"][places] == pytest.approx(action, abs=1e-6)
    steps = env.schedule().steps
    rate = env.panel.values(action)["evaporation"]
    assert steps[0].knobs["evaporation"] == rate * draft_factor(env.film_seed, 0, 0.3)


def test_an_evaporation_outside_the_action_has_drafts_too() -> None:
    env = DryingEnv(**TINY, **DRAFTY, knobs=["temperature"])
    env.reset(seed=3)
    env.step(np.zeros(1, np.float32))
    found = env.schedule().steps[0].knobs["evaporation"]
    assert found == 0.3 * draft_factor(env.film_seed, 0, 0.3)


def test_no_drafts_are_the_environment_of_before() -> None:
    env, other = DryingEnv(**TINY, drafts=0.0), DryingEnv(**TINY)
    assert_same(env.reset(seed=0), other.reset(seed=0))
    action = np.array([0.5, -1.0, 0.25], np.float32)
    assert_same(env.step(action), other.step(action))
    assert_same(env.get_state(), other.get_state())


def test_an_episode_with_drafts_is_made_again_bit_for_bit(tmp_path: Path) -> None:
    env = DryingEnv(shape=(16, 32), pace=[0.4, 0.6, 0.8, 1.0], finish=True, limit=4, drafts=0.3)
    env.reset(seed=2)
    random, frames, over = np.random.default_rng(0), [], False
    while not over:
        _, _, terminated, truncated, _ = env.step(random.uniform(-1.0, 1.0, 3))
        over = terminated or truncated
        frames.append(env.frame)
    assert terminated
    file = tmp_path / "episode.toml"
    file.write_text(env.schedule_text(), encoding="utf-8")
    simulate_film(FilmConfig(recipe=file, out=tmp_path / "film", animation="none"), show_progress=False)
    assert np.array_equal(read_frames(tmp_path / "film" / "frames.h5").frames, np.stack(frames))


def test_many_films_at_once_have_the_drafts_of_films_one_by_one() -> None:
    arguments = {**TINY, **DRAFTY, "limit": 2, "randomize": True}
    envs = gym.make_vec(IDS[0], num_envs=3, **arguments)
    single = SyncVectorEnv(
        [lambda: gym.make(IDS[0], **arguments)] * 3, autoreset_mode=AutoresetMode.SAME_STEP
    )
    assert_same(envs.reset(seed=1), single.reset(seed=1))
    random = np.random.default_rng(0)
    for _ in range(3):
        actions = random.uniform(-1.0, 1.0, (3, 3)).astype(np.float32)
        assert_same(envs.step(actions), single.step(actions))


def test_a_restored_film_has_the_drafts_that_it_would_have_had() -> None:
    env, other = (DryingEnv(**TINY, **DRAFTY, finish=True) for _ in range(2))
    env.reset(seed=0)
    env.step(np.zeros(3))
    state = env.get_state()
    future = [env.step(np.full(3, value)) for value in (0.5, -0.5)]
    other.set_state(state)
    assert_same([other.step(np.full(3, value)) for value in (0.5, -0.5)], future)
    assert_same(other.get_state(), env.get_state())


def test_the_checkers_accept_drafts() -> None:
    check_env(DryingEnv(**TINY, **DRAFTY), skip_render_check=True)
    check_for_sb3(DryingEnv(shape=(36, 64), steps=3, **DRAFTY))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"drafts": -0.1}, "drafts is -0.1; it must be a finite number above 0 and at most 1"),
        ({"drafts": 2.0}, "drafts is 2.0"),
        ({"drafts": "windy"}, "drafts is 'windy'"),
        ({"drafts": 0.5}, "drafts 0.5 may raise evaporation 3 to 22.2; at most 20 can be simulated"),
        (
            {"drafts": 0.4, "recipe": {"evaporation_coefficient": 5.0}},
            "too wide for this film: .* Biot number",
        ),
        (
            {"drafts": 0.4, "randomize": {"evaporation_coefficient": (0.4, 5.0)}},
            "impossible film: the ranges of the knobs are too wide .* Biot number",
        ),
    ],
)
def test_drafts_that_can_t_be_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DryingEnv(**TINY, **arguments)


@pytest.mark.parametrize("kind", [VapourAnnealingEnv, AnnealingEnv])
def test_only_films_that_dry_have_drafts(kind: Any) -> None:
    with pytest.raises(
        InputError, match=r"evaporation, which is no knob of .*; only films that dry have them"
    ):
        kind(**TINY, drafts=0.1)
