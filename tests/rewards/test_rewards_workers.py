"""Wrapped environments can be pickled, rebuilt from their spec, and run in worker processes."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv
from stable_baselines3.common.vec_env import SubprocVecEnv

from morphsim import LatentGoalWrapper, LatentObservationWrapper, LatentRewardWrapper
from morphsim.encoder import Encoder
from morphsim.rewards import DataSetTargets, FixedTargets, PriorTargets
from tests.encoders import blobs, small_encoder

SHAPE = (36, 64)
NAME = "morphsim:morphsim/Drying-v0"
STARTS = ["fork", "forkserver", "spawn"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("workers") / "encoder"
    small_encoder(place, SHAPE)
    return place


def wrapped(folder: Path, kind: str) -> gym.Env[Any, Any]:
    """A wrapped environment, made in the process that calls this, from the folder of an encoder."""
    env = gym.make(NAME, shape=SHAPE, steps=3)
    targets = FixedTargets(list(blobs(2, SHAPE, seed=5)))
    if kind == "goal":
        return LatentGoalWrapper(env, folder, target=targets)
    rewarded = LatentRewardWrapper(env, folder, target=targets, reward="progress")
    return LatentObservationWrapper(rewarded, folder, info_keys=["dryness"])


def episode(env: gym.Env[Any, Any]) -> list[float]:
    env.reset(seed=4)
    return [float(env.step(np.full(3, value, np.float32))[1]) for value in (0.2, -0.6)]


@pytest.mark.parametrize("kind", ["reward", "goal"])
def test_pickles_continue_where_the_original_was(folder: Path, kind: str) -> None:
    env = wrapped(folder, kind)
    copy = pickle.loads(pickle.dumps(env))
    assert episode(copy) == episode(env)
    later = pickle.loads(pickle.dumps(env))
    action = np.zeros(3, np.float32)
    assert later.step(action)[1] == env.step(action)[1]


@pytest.mark.parametrize("kind", ["reward", "goal"])
def test_the_spec_rebuilds_all_wrappers(folder: Path, kind: str) -> None:
    env = wrapped(folder, kind)
    assert env.spec is not None
    again = gym.make(env.spec)
    assert type(again) is type(env)
    assert again.observation_space == env.observation_space
    assert episode(again) == episode(env)


def test_samplers_can_be_pickled() -> None:
    frames = blobs(3, SHAPE)
    from morphsim.frames import FrameSet

    data = FrameSet(frames=frames, columns={"trajectory": np.zeros(3, int)})
    for sampler in (DataSetTargets(data), FixedTargets(list(frames))):
        copy = pickle.loads(pickle.dumps(sampler))
        drawn = [each(np.random.default_rng(1)) for each in (sampler, copy)]
        assert np.array_equal(*drawn)


def test_prior_targets_can_be_pickled(folder: Path) -> None:
    from morphsim import load_encoder

    encoder: Encoder = load_encoder(folder, device="cpu")
    sampler = PriorTargets(encoder)
    copy = pickle.loads(pickle.dumps(sampler))
    assert np.array_equal(sampler(np.random.default_rng(1)), copy(np.random.default_rng(1)))


@pytest.mark.parametrize("start", STARTS)
def test_every_start_method_gives_the_same_rewards(start: str, folder: Path) -> None:
    expected = episode(wrapped(folder, "reward"))
    makers: list[Callable[[], gym.Env[Any, Any]]] = [partial(wrapped, folder, "reward")]
    actions = [np.full((1, 3), value, np.float32) for value in (0.2, -0.6)]
    envs = AsyncVectorEnv(makers, context=start)
    try:
        envs.reset(seed=4)
        # Freshly compiled loops may round differently from cached ones.
        earned = [float(envs.step(action)[1][0]) for action in actions]
        assert earned == pytest.approx(expected, rel=1e-4, abs=1e-6)
    finally:
        envs.close()
    workers = SubprocVecEnv(makers, start_method=start)
    try:
        workers.seed(4)
        workers.reset()
        found = [float(workers.step(action)[1][0]) for action in actions]
    finally:
        workers.close()
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)
