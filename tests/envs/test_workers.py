"""Environments in worker processes, for every start method."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode
from stable_baselines3.common.vec_env import SubprocVecEnv

from morphsim.frames import FrameSet, write_frames
from morphsim.registration import ENTRY_POINTS, register_environments
from tests.envs.envs_helpers import IDS, TINY, assert_same

METHODS = ["fork", "forkserver", "spawn"]


def test_registering_twice_changes_nothing() -> None:
    before = {name: gym.registry[name] for name in ENTRY_POINTS}
    register_environments()
    assert all(gym.registry[name] is spec for name, spec in before.items())


@pytest.mark.parametrize("method", METHODS)
def test_stable_baselines_workers_make_them_by_name(method: str) -> None:
    workers = SubprocVecEnv([functools.partial(gym.make, IDS[1], **TINY)], start_method=method)
    try:
        workers.seed(3)
        frames = workers.reset()
        _, rewards, _, infos = workers.step(np.zeros((1, 1), np.float32))
    finally:
        workers.close()
    here = gym.make(IDS[1], **TINY)
    assert np.array_equal(frames[0], here.reset(seed=3)[0])
    time = here.step(np.zeros(1, np.float32))[4]["time_s"]
    assert infos[0]["time_s"] == pytest.approx(time, rel=1e-6)
    assert not rewards.any()


def through_workers(method: str, name: str, **arguments: Any) -> tuple[Any, Any]:
    makers = [functools.partial(gym.make, name, **arguments)]
    workers = AsyncVectorEnv(makers, context=method, autoreset_mode=AutoresetMode.SAME_STEP)
    try:
        return workers.reset(seed=3), workers.step(np.zeros(workers.action_space.shape, np.float32))
    finally:
        workers.close()


@pytest.mark.parametrize("method", METHODS)
def test_gymnasium_workers_make_them_by_name(method: str) -> None:
    together = gym.make_vec(IDS[0], num_envs=1, **TINY)
    here = together.reset(seed=3), together.step(np.zeros((1, 3), np.float32))
    assert_same(through_workers(method, IDS[0], **TINY), here, rounding=1e-6)


def test_stored_frames_travel_to_workers(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 2, (3, 16, 32)).astype(np.uint8)
    write_frames(tmp_path / "film.h5", FrameSet(frames=frames, columns={"trajectory": [0, 0, 0]}))
    name = "morphsim:morphsim/FrameReplay-v0"
    (first, _), (second, *_) = through_workers("spawn", name, frames=tmp_path / "film.h5")
    assert np.array_equal(np.concatenate([first, second])[:, 0], frames[:2] * 255)
