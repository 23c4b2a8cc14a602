"""Compares wrapped vector environments with vector environments of wrapped environments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

Make = Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]]
MakeVector = Callable[[VectorEnv[Any, Any, Any]], VectorEnv[Any, Any, Any]]
MODES = [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP]


def same(one: Any, other: Any, where: str = "") -> None:
    """Assert equal structure, types and masks, and floats equal up to the rounding of a batch."""
    if isinstance(one, dict):
        assert isinstance(other, dict), where
        assert set(one) == set(other), f"{where}: {set(one) ^ set(other)}"
        for key in one:
            same(one[key], other[key], f"{where}/{key}")
        return
    if isinstance(one, tuple):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            same(left, right, f"{where}/{number}")
        return
    one, other = np.asarray(one), np.asarray(other)
    assert one.shape == other.shape, where
    assert one.dtype == other.dtype, where
    if one.dtype == object:
        for left, right in zip(one.ravel(), other.ravel(), strict=True):
            if isinstance(left, dict | np.ndarray):
                same(left, right, where)
            else:
                assert left == right, where
    elif one.dtype.kind == "f":
        assert np.allclose(one, other, rtol=1e-5, atol=1e-5, equal_nan=True), (where, one, other)
    else:
        assert np.array_equal(one, other), (where, one, other)


def compare(
    makers: list[Callable[[], gym.Env[Any, Any]]],
    single: Make,
    vector: MakeVector,
    mode: AutoresetMode,
    *,
    steps: int,
    seed: Any = 5,
    options: dict[str, Any] | None = None,
) -> None:
    """Step both side by side through the ends of several episodes."""
    one = SyncVectorEnv([lambda make=make: single(make()) for make in makers], autoreset_mode=mode)
    other = vector(SyncVectorEnv(makers, autoreset_mode=mode))
    assert one.single_observation_space == other.single_observation_space
    assert one.observation_space == other.observation_space
    assert one.action_space == other.action_space
    given = [None if options is None else dict(options) for _ in range(2)]
    same(one.reset(seed=seed, options=given[0]), other.reset(seed=seed, options=given[1]), "reset")
    one.action_space.seed(0)
    for number in range(steps):
        actions = one.action_space.sample()
        for name, left, right in zip(
            ("observations", "rewards", "terminated", "truncated", "infos"),
            one.step(actions),
            other.step(actions),
            strict=True,
        ):
            same(left, right, f"step {number}: {name}")
    mask = np.zeros(len(makers), np.bool_)
    mask[1] = True
    left = one.reset(seed=9, options={"reset_mask": mask})
    right = other.reset(seed=9, options={"reset_mask": mask})
    same(left, right, "masked reset")
    if mode is AutoresetMode.SAME_STEP:
        for number in range(3):
            actions = one.action_space.sample()
            same(one.step(actions), other.step(actions), f"step {number} after the masked reset")
    one.close()
    other.close()
