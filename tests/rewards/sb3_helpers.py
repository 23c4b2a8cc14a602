"""Walks on a line: environments to compare the bridge with Stable-Baselines3's own vector environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from stable_baselines3.common.vec_env import DummyVecEnv

from morphsim.rewards import SB3VecEnv
from tests.rewards.rewards_helpers import layers

COUNT = 3
Maker = Callable[[], gym.Env[Any, Any]]


class Walk(gym.Env[Any, Any]):
    """A walk on a line to a goal: terminated where it is reached, truncated after a number of steps."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 1}

    def __init__(self, longest: int = 5, *, discrete: bool = False, goals: bool = True) -> None:
        self.longest, self.discrete, self.goals = longest, discrete, goals
        self.render_mode = "rgb_array"
        self.action_space = gym.spaces.Discrete(3) if discrete else gym.spaces.Box(-1, 1, (1,), np.float32)
        line = gym.spaces.Box(-100, 100, (1,), np.float32)
        names = ("observation", "achieved_goal", "desired_goal")
        self.observation_space = gym.spaces.Dict(dict.fromkeys(names, line)) if goals else line
        self.level = 1

    def compute_reward(self, achieved: Any, desired: Any, info: Any) -> Any:
        return -(np.abs(achieved - desired)[..., 0] > 0.3).astype(np.float32)

    def raised(self, by: int) -> int:
        self.level += by
        return self.level

    def _seen(self) -> Any:
        place = np.array([self.place], np.float32)
        if not self.goals:
            return place
        return {"observation": place, "achieved_goal": place.copy(), "desired_goal": self.goal.copy()}

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        self.place = (options or {}).get("place", float(self.np_random.uniform(-1, 1)))
        self.goal = self.np_random.uniform(-1, 1, 1).astype(np.float32)
        return self._seen(), {"begun": True, "start": self.place}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        self.place += 0.3 * (float(action) - 1 if self.discrete else float(action[0]))
        reached = bool(abs(self.place - self.goal[0]) <= 0.3)
        earned = float(self.compute_reward(np.array([self.place]), self.goal, {}))
        info: dict[str, Any] = {
            "distance": float(abs(self.place - self.goal[0])),
            "is_success": reached,
            "latent": np.array([self.place, 1.0], np.float32),
            "parts": {"steps": self.steps, "name": f"step {self.steps}"},
        }
        if self.steps % 2:
            info["odd"] = self.steps
        # Possibly both at once: the last step may reach the goal.
        return self._seen(), earned, reached, self.steps >= self.longest, info

    def render(self) -> Any:
        return np.full((4, 6, 3), self.steps, np.uint8)


class VectorWalk(VectorEnv[Any, Any, Any]):
    """A third-party vector environment: `compute_reward` of all, and no method of single environments."""

    def __init__(self, count: int, **arguments: Any) -> None:
        self.walks = [Walk(**arguments) for _ in range(count)]
        self.num_envs = count
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space = self.walks[0].observation_space
        self.single_action_space = self.walks[0].action_space
        self.observation_space = batch_space(self.single_observation_space, count)
        self.action_space = batch_space(self.single_action_space, count)
        self.calls = 0

    def compute_reward(self, achieved: Any, desired: Any, info: Any) -> Any:
        self.calls += 1
        return self.walks[0].compute_reward(achieved, desired, info)

    def _batched(self, seen: list[Any]) -> Any:
        return {name: np.stack([each[name] for each in seen]) for name in seen[0]}

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        assert seed is None or isinstance(seed, int)
        infos: dict[str, Any] = {}
        seen = []
        for row, walk in enumerate(self.walks):
            observation, info = walk.reset(seed=None if seed is None else seed + row, options=options)
            infos = self._add_info(infos, info, row)
            seen.append(observation)
        return self._batched(seen), infos

    def step(self, actions: Any) -> Any:
        infos: dict[str, Any] = {}
        seen, ends = [], []
        for row, (walk, action) in enumerate(zip(self.walks, actions, strict=True)):
            observation, reward, terminated, truncated, info = walk.step(action)
            if terminated or truncated:
                infos = self._add_info(infos, {"final_obs": observation, "final_info": info}, row)
                observation, info = walk.reset()
            infos = self._add_info(infos, info, row)
            seen.append(observation)
            ends.append((reward, terminated, truncated))
        rewards, terminated, truncated = (np.array(values) for values in zip(*ends, strict=True))
        return self._batched(seen), rewards, terminated, truncated, infos


def walks(**arguments: Any) -> list[Maker]:
    return [lambda longest=longest: Walk(longest, **arguments) for longest in (4, 5, 7)]


def same(one: Any, other: Any, where: str = "") -> None:
    """Assert equal structure and values, except the seconds of episodes."""
    if isinstance(one, dict):
        assert isinstance(other, dict), where
        assert set(one) == set(other), f"{where}: {set(one) ^ set(other)}"
        for key in one:
            if not where.endswith("episode") or key != "t":
                same(one[key], other[key], f"{where}/{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            same(left, right, f"{where}/{number}")
    elif where.endswith(("episode/r", "episode/l")):
        assert float(one) == other, where
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, where
        np.testing.assert_array_equal(one, other, err_msg=where)
    else:
        assert type(one) is type(other), f"{where}: {type(one)} and {type(other)}"
        assert one == other, where


def compare(bridge: SB3VecEnv, usual: DummyVecEnv, *, steps: int = 40) -> list[dict[str, Any]]:
    """Step both with the same seeds and actions; returns the infos of the last steps of episodes."""
    assert bridge.observation_space == usual.observation_space
    assert bridge.action_space == usual.action_space
    bridge.seed(7), usual.seed(7)
    same(bridge.reset(), usual.reset())
    same(bridge.reset_infos, usual.reset_infos)
    bridge.action_space.seed(1)
    ends = []
    for _ in range(steps):
        actions = np.stack([bridge.action_space.sample() for _ in range(bridge.num_envs)])
        observations, rewards, done, infos = bridge.step(actions)
        same([observations, rewards, done, infos], list(usual.step(actions)))
        same(bridge.reset_infos, usual.reset_infos)
        assert rewards.dtype == np.float32
        ends += [info for info, over in zip(infos, done, strict=True) if over]
    return ends


def frames(seed: int) -> Any:
    random = np.random.default_rng(seed)
    return np.stack([layers(*random.integers(0, 11, 2)) for _ in range(4)])
