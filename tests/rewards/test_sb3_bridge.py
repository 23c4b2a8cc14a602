"""The bridge to Stable-Baselines3 gives what SB3's own vector environment gives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from stable_baselines3 import DQN, PPO, SAC, HerReplayBuffer
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from morphsim import LatentGoalWrapper, VectorLatentGoalWrapper, VectorLatentRewardWrapper
from morphsim.errors import InputError
from morphsim.rewards import FixedTargets, SB3VecEnv
from tests.rewards.rewards_helpers import Replay, hand_encoder, layers

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
        # Both at once, too: the last step may reach the goal.
        return self._seen(), earned, reached, self.steps >= self.longest, info

    def render(self) -> Any:
        return np.full((4, 6, 3), self.steps, np.uint8)


class VectorWalk(VectorEnv[Any, Any, Any]):
    """Walks by somebody who writes vector environments: rewards of all, nothing to call one by one."""

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
    """Equal in structure and values. Seconds differ."""
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


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("arguments", [{}, {"goals": False, "discrete": True}], ids=["goals", "discrete"])
def test_steps_are_those_of_the_usual_vector_environment(kind: str, arguments: dict[str, Any]) -> None:
    makers = walks(**arguments)
    envs = SyncVectorEnv(makers, autoreset_mode="SameStep")
    if kind == "async":
        envs = AsyncVectorEnv(makers, autoreset_mode="SameStep", context="fork")
    usual = DummyVecEnv([lambda maker=maker: Monitor(maker()) for maker in makers])
    bridge = SB3VecEnv(envs)
    ends = compare(bridge, usual)
    bridge.close()
    assert len(ends) > 10
    assert {info["TimeLimit.truncated"] for info in ends} == {True, False}
    assert all(info["terminal_observation"] is not None for info in ends)


def test_vector_environments_of_other_people() -> None:
    bridge = SB3VecEnv(VectorWalk(COUNT))
    usual = DummyVecEnv([lambda: Monitor(Walk()) for _ in range(COUNT)])
    ends = compare(bridge, usual)
    assert all(set(info["terminal_observation"]) == set(bridge.observation_space.spaces) for info in ends)


def test_monitors_within_and_counters_around_say_the_same() -> None:
    makers = [lambda maker=maker: Monitor(maker(), info_keywords=("distance",)) for maker in walks()]
    within = SB3VecEnv(SyncVectorEnv(makers, autoreset_mode="SameStep"))
    ends = compare(within, DummyVecEnv(makers))
    assert all(info["episode"]["distance"] == info["distance"] for info in ends)
    around = SB3VecEnv(RecordEpisodeStatistics(SyncVectorEnv(walks(), autoreset_mode="SameStep")))
    compare(around, DummyVecEnv([lambda maker=maker: Monitor(maker()) for maker in walks()]))


def test_vec_monitor_around_counts_the_same() -> None:
    bridge = SB3VecEnv(SyncVectorEnv(walks(), autoreset_mode="SameStep"))
    with pytest.warns(UserWarning, match="already wrapped"):
        monitored = VecMonitor(bridge)
    counted = SB3VecEnv(SyncVectorEnv(walks(), autoreset_mode="SameStep"))
    for envs in (monitored, counted):
        envs.seed(7)
    same(monitored.reset(), counted.reset())
    for _ in range(20):
        actions = np.ones((COUNT, 1), np.float32)
        same(list(monitored.step(actions)), list(counted.step(actions)))
    assert monitored.episode_count > 5


def frames(seed: int) -> Any:
    random = np.random.default_rng(seed)
    return np.stack([layers(*random.integers(0, 11, 2)) for _ in range(4)])


def test_latent_goals_are_those_of_single_environments() -> None:
    encoder, targets = hand_encoder(known=True), FixedTargets([layers(3, 4), layers(8, 1)])
    makers = [lambda seed=seed: Replay(frames(seed), terminates=seed > 0) for seed in range(COUNT)]
    envs = VectorLatentGoalWrapper(
        SyncVectorEnv(makers, autoreset_mode="SameStep"), encoder, target=targets, reward="distance"
    )
    usual = DummyVecEnv(
        [
            lambda maker=maker: Monitor(
                LatentGoalWrapper(maker(), encoder, target=targets, reward="distance")
            )
            for maker in makers
        ]
    )
    bridge = SB3VecEnv(envs)
    ends = compare(bridge, usual)
    assert {"distance", "is_success", "latent", "previous_achieved_goal"} <= set(ends[0])
    goals = np.ones((5, *bridge.observation_space["achieved_goal"].shape), np.float32)
    (rewards,) = bridge.env_method("compute_reward", goals, 2 * goals, [{}] * 5, indices=[0])
    same(rewards, usual.env_method("compute_reward", goals, 2 * goals, [{}] * 5, indices=[0])[0])
    assert rewards.shape == (5,) and rewards.dtype == np.float32


def test_the_mode_of_autoreset_must_fit() -> None:
    with pytest.raises(InputError, match=r'autoreset_mode is NEXT_STEP.*autoreset_mode="SameStep"'):
        SB3VecEnv(SyncVectorEnv(walks()))
    with pytest.raises(InputError, match="DISABLED"):
        SB3VecEnv(SyncVectorEnv(walks(), autoreset_mode="Disabled"))
    with pytest.raises(InputError, match=r"envs is a Walk"):
        SB3VecEnv(Walk())  # type: ignore[arg-type]
    mended = gym.make_vec(
        "CartPole-v1",
        num_envs=2,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
    )
    assert SB3VecEnv(mended).num_envs == 2


def test_a_missing_last_observation_is_told() -> None:
    class Silent(VectorWalk):
        def step(self, actions: Any) -> Any:
            *rest, infos = super().step(actions)
            return *rest, {key: value for key, value in infos.items() if "final" not in key}

    bridge = SB3VecEnv(Silent(1, longest=1))
    bridge.reset()
    with pytest.raises(InputError, match="no final_obs"):
        bridge.step(np.zeros((1, 1), np.float32))


def test_infos_and_observations_are_the_callers_own() -> None:
    envs = SyncVectorEnv(walks(), copy=False, autoreset_mode="SameStep")
    bridge = SB3VecEnv(envs)
    bridge.seed(1)
    first = bridge.reset()
    kept = {name: values.copy() for name, values in first.items()}
    _, _, _, infos = bridge.step(np.ones((COUNT, 1), np.float32))
    same(first, kept)
    latents = [info["latent"] for info in infos]
    infos[0]["latent"][:] = 99
    infos[0]["more"] = True
    assert "more" not in infos[1]
    assert (latents[1] != 99).all()


def test_seeds_and_options_are_for_one_reset() -> None:
    bridge = SB3VecEnv(SyncVectorEnv(walks(), autoreset_mode="SameStep"))
    bridge.seed(5)
    bridge.set_options({"place": 0.5})
    assert (bridge.reset()["observation"] == 0.5).all()
    second = bridge.reset()["observation"]
    assert len(set(second[:, 0].tolist())) == COUNT
    assert not (second == 0.5).any()
    for _ in range(2):
        bridge.seed(5)
        same(bridge.reset()["observation"][:, 0].tolist(), second_of(5))
    bridge.set_options([{"place": value} for value in (0.1, 0.2, 0.3)])
    with pytest.raises(InputError, match="options differ"):
        bridge.reset()


def second_of(seed: int) -> list[float]:
    """Where walks begin that are seeded from `seed` on."""
    return [float(Walk().reset(seed=seed + row)[0]["observation"][0]) for row in range(COUNT)]


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
        # Neither question calls the method, which would end the processes for want of an argument.
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


def test_films_in_one_batch() -> None:
    envs = gym.make_vec(
        "morphsim:morphsim/Drying-v0", num_envs=2, knobs=["evaporation"], shape=(32, 32), steps=2
    )
    bridge = SB3VecEnv(envs)
    bridge.seed(4)
    bridge.reset()
    seeds = bridge.get_attr("film_seed")
    assert len(set(seeds)) == 2
    for number in (1, 2):
        shown = bridge.get_attr("frame")
        _, _, done, infos = bridge.step(np.zeros((2, 1), np.float32))
        assert done.tolist() == [number == 2] * 2
    for row, info in enumerate(infos):
        assert info["episode"]["l"] == 2
        assert info["terminal_observation"].shape == bridge.observation_space.shape
        # The film that ended is another than the one that was shown before, and than the one that has begun.
        assert not np.array_equal(info["terminal_observation"][0] > 0, shown[row] > 0)
        assert bridge.get_attr("film_seed", indices=row) != [seeds[row]]
    assert [values.shape for values in bridge.env_method("action_of")] == [(1,), (1,)]
    bridge.close()


def test_ppo_learns_and_its_returns_are_logged() -> None:
    encoder = hand_encoder(known=True)
    makers = [lambda seed=seed: Replay(frames(seed), place="info") for seed in range(2)]
    envs = VectorLatentRewardWrapper(
        SyncVectorEnv(makers, autoreset_mode="SameStep"),
        encoder,
        target=layers(5, 5),
        reward="progress",
        frame="info:picture",
    )
    bridge = SB3VecEnv(envs)
    model = PPO("MlpPolicy", bridge, n_steps=32, batch_size=32, n_epochs=1, device="cpu", seed=0)
    model.learn(128)
    episodes = list(model.ep_info_buffer or [])
    assert [episode["l"] for episode in episodes] == [3] * (2 * (64 // 3))
    # The frames, and so the returns, are the same whatever the agent does.
    mean, _ = evaluate_policy(model, bridge, n_eval_episodes=4)
    returns = [episode["r"] for episode in episodes]
    assert mean == pytest.approx(np.mean(returns), abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("vector", DQN), ("vector", SAC), ("sync", SAC), ("async", DQN)]
)
def test_hindsight_replay_runs(kind: str, algorithm: Any) -> None:
    arguments = {"discrete": algorithm is DQN}
    envs: Any = VectorWalk(COUNT, **arguments)
    if kind == "sync":
        envs = SyncVectorEnv(walks(**arguments), autoreset_mode="SameStep")
    elif kind == "async":
        envs = AsyncVectorEnv(walks(**arguments), autoreset_mode="SameStep", context="fork")
    bridge = SB3VecEnv(envs)
    model = algorithm(
        "MultiInputPolicy",
        bridge,
        replay_buffer_class=HerReplayBuffer,
        replay_buffer_kwargs={"n_sampled_goal": 4, "copy_info_dict": kind == "vector"},
        learning_starts=50,
        train_freq=16,
        batch_size=32,
        policy_kwargs={"net_arch": [16]},
        device="cpu",
        seed=0,
    )
    model.learn(210)
    # Rewards of relabelled steps are what the environments say of the relabelled goals.
    batch = model.replay_buffer.sample(200)
    achieved = batch.next_observations["achieved_goal"].numpy()
    desired = batch.next_observations["desired_goal"].numpy()
    expected = Walk().compute_reward(achieved, desired, {})
    np.testing.assert_array_equal(batch.rewards.numpy()[:, 0], expected)
    assert (expected == 0).any() and (expected == -1).any()
    bridge.close()


def test_the_package_does_not_import_stable_baselines3() -> None:
    code = "import sys, morphsim.rewards as r; print('stable_baselines3' in sys.modules); r.SB3VecEnv"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
