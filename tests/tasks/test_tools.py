"""Tools that know only the id of a task: Stable-Baselines3, Gymnasium's wrappers, RL Baselines3 Zoo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv, VecNormalize

from morphsim.tasks import TASKS

ROOT = Path(__file__).resolve().parents[2]
TASK = "morphsim:morphsim/Drying-v1"
HYPERPARAMETERS = ROOT / "examples" / "rl-zoo"


def test_films_in_processes_are_those_of_this_one() -> None:
    films = make_vec_env(TASK, n_envs=2, seed=5, vec_env_cls=SubprocVecEnv)
    try:
        observations = [films.reset()]
        actions = np.zeros((2, *films.action_space.shape), np.float32)  # type: ignore[misc]
        observations.append(films.step(actions)[0])
    finally:
        films.close()
    for number in range(2):
        env = gym.make(TASK)
        first, _ = env.reset(seed=5 + number)
        second, *_ = env.step(actions[number])
        assert observations[0][number].tolist() == first.tolist()
        assert observations[1][number].tolist() == second.tolist()


def test_an_evaluation_sees_progress_and_keeps_the_best(tmp_path: Path) -> None:
    films = VecNormalize(make_vec_env(TASK, n_envs=1, seed=0), norm_obs=True, norm_reward=False, gamma=1.0)
    others = VecNormalize(
        make_vec_env(TASK, seed=1, env_kwargs={"split": "validation"}), norm_reward=False, training=False
    )
    best = EvalCallback(
        others,
        eval_freq=4,
        n_eval_episodes=1,
        best_model_save_path=str(tmp_path),
        log_path=str(tmp_path),
        verbose=0,
    )
    model = PPO("MlpPolicy", films, n_steps=4, batch_size=4, n_epochs=1, gamma=1.0, seed=0, device="cpu")
    model.learn(4, callback=best)
    with np.load(tmp_path / "evaluations.npz") as stored:
        assert stored["results"].shape == stored["successes"].shape == (1, 1)
        (value,) = stored["results"].ravel().tolist()
    assert value == best.best_mean_reward
    # The film begins mixed, far from every target.
    assert 0.1 < value < 3.0
    assert (tmp_path / "best_model.zip").is_file()
    # Latents and states are near 1 as they are.
    assert 0.05 < float(np.median(np.sqrt(films.obs_rms.var) + np.abs(films.obs_rms.mean))) < 3.0


def test_the_return_of_an_episode_is_its_progress() -> None:
    env = gym.wrappers.RecordEpisodeStatistics(gym.make(TASK, split="test"))
    _, info = env.reset(seed=3)
    start, steps, over = info["distance"], 0, False
    while not over:
        _, _, terminated, truncated, info = env.step(np.zeros(3, np.float32))
        over, steps = terminated or truncated, steps + 1
    assert terminated and not truncated
    assert info["episode"]["l"] == steps
    assert info["episode"]["r"] == pytest.approx(start - info["distance"], abs=1e-5)


def test_a_video_shows_the_film(tmp_path: Path) -> None:
    pytest.importorskip("moviepy", reason="moviepy is not installed")
    folder = tmp_path / "videos"
    shown = gym.make(TASK, render_mode="rgb_array")
    env = gym.wrappers.RecordVideo(shown, str(folder), video_length=2, disable_logger=True)
    env.reset(seed=0)
    for _ in range(3):
        env.step(np.zeros(3, np.float32))
    env.close()
    (video,) = folder.glob("*.mp4")
    assert video.stat().st_size > 1000


def hyperparameters(algorithm: str) -> dict[str, dict[str, Any]]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    stored: dict[str, dict[str, Any]] = yaml.safe_load((HYPERPARAMETERS / f"{algorithm}.yml").read_text())
    return stored


class Still(gym.Env[Any, Any]):
    """Spaces as those of a task, without a film."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (5,), np.float32)
    action_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)


@pytest.mark.parametrize(("algorithm", "kind"), [("ppo", PPO), ("sac", SAC)])
def test_there_are_hyperparameters_for_every_task(algorithm: str, kind: Any) -> None:
    stored = hyperparameters(algorithm)
    assert list(stored) == [f"morphsim/{name}" for name in TASKS]
    for given in stored.values():
        options = dict(given)
        assert options.pop("n_timesteps") >= 10_000
        envs = DummyVecEnv([Still] * options.pop("n_envs"))
        options["policy_kwargs"] = {"net_arch": [64, 64]}
        assert given["policy_kwargs"] == "dict(net_arch=[64, 64])"
        model = kind(env=envs, device="cpu", **options)
        # Otherwise the return would not be the score.
        assert model.gamma == 1.0
        if algorithm == "ppo":
            assert (model.n_steps * envs.num_envs) % model.batch_size == 0


@pytest.mark.slow
def test_the_zoo_trains_and_enjoys(tmp_path: Path) -> None:
    pytest.importorskip("rl_zoo3", reason="rl_zoo3 is not installed")
    shared = ["--algo", "ppo", "--env", "morphsim/Drying-v1", "--gym-packages", "morphsim"]
    trained = zoo(
        tmp_path,
        *("train", *shared, "--conf-file", str(HYPERPARAMETERS / "ppo.yml"), "-n", "32", "--seed", "1"),
        *("-params", "n_steps:16", "batch_size:32", "--eval-freq", "32", "--eval-episodes", "1"),
        *("--eval-env-kwargs", "split:'validation'"),
    )
    assert "New best mean reward!" in trained
    folder = tmp_path / "logs" / "ppo" / "morphsim-Drying-v1_1"
    with np.load(folder / "evaluations.npz") as stored:
        assert stored["results"].min() > 0.1
    assert (folder / "best_model.zip").is_file()
    enjoyed = zoo(tmp_path, "enjoy", *shared, "-f", "logs", "--load-best", "--no-render", "-n", "17")
    assert "Mean reward: " in enjoyed and "Success rate: " in enjoyed


def zoo(folder: Path, script: str, *words: str) -> str:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", f"rl_zoo3.{script}", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
