"""Attributes and methods of environments through the bridge to Stable-Baselines3."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from stable_baselines3.common.monitor import Monitor

from morphsim.errors import InputError
from morphsim.rewards import SB3VecEnv
from tests.rewards.sb3_helpers import COUNT, VectorWalk, walks


def test_attributes_and_methods_of_single_environments() -> None:
    bridge = SB3VecEnv(RecordEpisodeStatistics(SyncVectorEnv(walks(), autoreset_mode="SameStep")))
    assert bridge.get_attr("longest") == [4, 5, 7]
    assert bridge.get_attr("longest", indices=[2, 0]) == [7, 4]
    assert bridge.get_attr("action_space", 1) == [bridge.action_space]
    assert bridge.get_attr("episode_count") == [0] * COUNT
    bridge.set_attr("level", 10, indices=1)
    assert bridge.env_method("raised", 2, indices=[0, 1]) == [3, 12]
    assert bridge.get_attr("level") == [3, 12, 1]
    bridge.set_attr("level", 4)
    assert bridge.env_method("raised", by=1) == [5] * COUNT
    with pytest.raises(InputError, match="without indices"):
        bridge.set_attr("episode_count", 3, indices=0)
    assert bridge.has_attr("goal") is False
    assert bridge.has_attr("raised") and bridge.has_attr("episode_count")
    assert bridge.get_attr("raised", indices=2)[0](0) == 5
    for name in ("reset", "step", "close"):
        with pytest.raises(InputError, match=f"{name} can't be called"):
            bridge.env_method(name)
    assert bridge.metadata["render_fps"] == 1
    assert bridge.env_is_wrapped(RecordEpisodeStatistics) == [True] * COUNT  # type: ignore[arg-type]
    assert bridge.env_is_wrapped(Monitor, indices=[0]) == [True]
    assert bridge.env_is_wrapped(gym.wrappers.TimeLimit) == [False] * COUNT
    bridge.reset()
    assert bridge.render_mode == "rgb_array"
    picture = bridge.render()
    assert picture is not None and picture.shape == (8, 12, 3)


def test_attributes_and_methods_of_processes() -> None:
    bridge = SB3VecEnv(AsyncVectorEnv(walks(), autoreset_mode="SameStep", context="fork"))
    try:
        assert bridge.has_attr("nothing_of_this_name") is False
        assert bridge.get_attr("longest", indices=[1]) == [5]
        with pytest.raises(AttributeError, match="no attribute"):
            bridge.get_attr("nothing_of_this_name")
        # Neither call runs the method, which would end the processes since its argument is missing.
        assert bridge.has_attr("raised") is True
        assert bridge.get_attr("raised", indices=1)[0](5) == 6
        bridge.set_attr("level", 10, indices=[1])
        assert bridge.env_method("raised", 1) == [2, 11, 2]
        with pytest.raises(InputError, match="in all environments at once"):
            bridge.env_method("raised", 1, indices=[0])
        with pytest.raises(AttributeError, match="no method"):
            bridge.env_method("nothing_of_this_name")
        goals = np.zeros((6, 1), np.float32)
        (rewards,) = bridge.env_method("compute_reward", goals, goals + 1, [{}] * 6, indices=[0])
        assert rewards.tolist() == [-1.0] * 6
    finally:
        bridge.close()


def test_methods_of_vector_environments_are_called_once() -> None:
    envs = VectorWalk(COUNT)
    bridge = SB3VecEnv(envs)
    goals = np.zeros((6, 1), np.float32)
    assert len(bridge.env_method("compute_reward", goals, goals, [{}] * 6)) == COUNT
    assert envs.calls == 1
    assert bridge.get_attr("calls", indices=[0]) == [1]
    bridge.set_attr("calls", 5)
    assert envs.calls == 5
    with pytest.raises(AttributeError):
        bridge.env_method("nothing_of_this_name")
