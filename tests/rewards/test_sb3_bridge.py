"""The bridge gives Stable-Baselines3 what its own `DummyVecEnv` of the same environments gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from stable_baselines3 import DQN, PPO, HerReplayBuffer
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor, VecNormalize

import morphsim.rewards
from morphsim import (
    LatentGoalWrapper,
    LatentRewardWrapper,
    VectorLatentGoalWrapper,
    VectorLatentObservationWrapper,
    VectorLatentRewardWrapper,
)
from morphsim.errors import InputError
from morphsim.rewards import FixedTargets
from morphsim.rewards.sb3 import SB3VecEnv
from tests.rewards.rewards_helpers import Replay, hand_encoder, layers

RANDOM = np.random.default_rng(3)
FILMS = [np.stack([layers(*RANDOM.integers(0, 11, 2)) for _ in range(length)]) for length in (4, 6, 3)]
TARGETS = FixedTargets([layers(3, 4), layers(8, 1)])
SAME_STEP = AutoresetMode.SAME_STEP
Makers = list[Callable[[], gym.Env[Any, Any]]]


class Draws(gym.Env[Any, Any]):
    """Everything is drawn: observations, rewards, infos, and whether episodes end, are cut off, or both."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 7}

    def __init__(self, *, structured: bool = False, render_mode: str | None = None) -> None:
        self.structured, self.render_mode = structured, render_mode
        self.level = 0.0
        box = gym.spaces.Box(-1, 2, (3,), np.float32)
        self.observation_space: gym.spaces.Space[Any] = box
        if structured:
            self.observation_space = gym.spaces.Dict(
                {"place": box, "room": gym.spaces.Box(0, 255, (2, 2), np.uint8)}
            )
        self.action_space = gym.spaces.Box(-1, 1, (2,), np.float32)

    def _seen(self) -> tuple[Any, dict[str, Any]]:
        draw = self.np_random.random(3).astype(np.float32)
        info: dict[str, Any] = {
            "draw": draw * 2,
            "nested": {"name": f"{draw[0]:.3f}", "count": int(9 * draw[1])},
        }
        if draw[2] < 0.5:
            info["rare"] = float(draw[2])
        if not self.structured:
            return draw, info
        return {"place": draw, "room": np.full((2, 2), int(200 * draw[0]), np.uint8)}, info

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.level = 0.0 if options is None else options["level"]
        observation, info = self._seen()
        return observation, {**info, "fresh": True, "level": self.level}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, info = self._seen()
        terminated, truncated = (self.np_random.random(2) < 0.25).tolist()
        reward = float(self.np_random.normal()) + float(np.sum(action))
        return observation, reward, terminated, truncated, info

    def render(self) -> Any:
        return np.full((4, 5, 3), int(10 * self.level), np.uint8)

    def weigh(self, amount: float, *, twice: bool = False) -> float:
        return (self.level + amount) * (2 if twice else 1)


def same(one: Any, other: Any, where: str = "") -> None:
    """Equal in structure and values, down to the types of numbers."""
    if isinstance(one, dict):
        assert isinstance(other, dict), where
        assert set(one) == set(other), f"{where}: {set(one) ^ set(other)}"
        for key in one:
            same(one[key], other[key], f"{where}/{key}")
        return
    if not isinstance(one, np.ndarray):
        assert type(one) is type(other), (where, one, other)
    assert np.array_equal(one, other), (where, one, other)
    assert np.asarray(one).dtype == np.asarray(other).dtype, where


def compare(bridge: VecEnv, dummy: VecEnv, *, steps: int, seed: int = 5) -> dict[str, int]:
    """Step both side by side; returns how often episodes ended in which way."""
    ways = {"ended": 0, "cut off": 0}
    assert bridge.observation_space == dummy.observation_space
    assert bridge.action_space == dummy.action_space
    assert bridge.seed(seed) == dummy.seed(seed)
    same(bridge.reset(), dummy.reset(), "reset")
    for number in range(steps):
        for row in range(dummy.num_envs):
            same(bridge.reset_infos[row], dummy.reset_infos[row], f"reset_infos before step {number}")
        actions = np.stack([dummy.action_space.sample() for _ in range(dummy.num_envs)])
        observations, rewards, dones, infos = bridge.step(actions)
        others = dummy.step(actions)
        same(observations, others[0], f"observations of step {number}")
        same(rewards, others[1], f"rewards of step {number}")
        same(dones, others[2], f"dones of step {number}")
        assert rewards.dtype == np.float32
        assert len({id(info) for info in infos}) == len(infos)
        for info, other, done in zip(infos, others[3], dones, strict=True):
            if "episode" in other:
                assert 0 <= info["episode"].pop("t") < 60
                del other["episode"]["t"]
            same(info, other, f"info of step {number}")
            ways["ended"] += bool(done) and not info["TimeLimit.truncated"]
            ways["cut off"] += info["TimeLimit.truncated"]
            assert done == ("terminal_observation" in info) == ("episode" in info)
    return ways


def bridge_and_dummy(makers: Makers, vector: type[VectorEnv[Any, Any, Any]] = SyncVectorEnv) -> Any:
    envs: Any = vector(makers, autoreset_mode=SAME_STEP)  # type: ignore[call-arg]
    return SB3VecEnv(envs), DummyVecEnv([lambda make=make: Monitor(make()) for make in makers])


def replays(**arguments: Any) -> Makers:
    return [lambda film=film: Replay(film, **arguments) for film in FILMS]


@pytest.mark.parametrize("structured", [False, True])
def test_it_steps_as_dummy_vec_env_of_monitors_does(structured: bool) -> None:
    bridge, dummy = bridge_and_dummy([lambda: Draws(structured=structured) for _ in range(3)])
    ways = compare(bridge, dummy, steps=120)
    assert min(ways.values()) >= 20
    same(bridge.reset(), dummy.reset(), "another reset, which has no seed and goes on drawing")
    compare(bridge, dummy, steps=10, seed=11)


def test_worker_processes() -> None:
    bridge, dummy = bridge_and_dummy([Draws, Draws], AsyncVectorEnv)
    compare(bridge, dummy, steps=25)
    assert bridge.get_attr("level") == [0.0, 0.0]
    assert bridge.has_attr("weigh")
    assert not bridge.has_attr("weight")
    with pytest.raises(AttributeError, match="weight"):
        bridge.get_attr("weight")
    with pytest.raises(AttributeError, match="weight"):
        bridge.env_method("weight")
    bridge.set_attr("level", 3.0, indices=1)
    assert bridge.env_method("weigh", 1.0, twice=True) == [2.0, 8.0]
    with pytest.raises(InputError, match=r"weigh can't be called for environments \[0\] alone"):
        bridge.env_method("weigh", 1.0, indices=[0])
    assert len(bridge.step(np.zeros((2, 2), np.float32))[3]) == 2
    bridge.close()
    bridge.close()


@pytest.mark.parametrize("terminates", [True, False])
def test_latent_rewards_of_a_vector_are_those_of_single_environments(terminates: bool) -> None:
    encoder = hand_encoder()
    settings: dict[str, Any] = {"target": layers(3, 4), "reward": "progress", "threshold": 0.0}
    envs: Any = SyncVectorEnv(replays(terminates=terminates), autoreset_mode=SAME_STEP)
    bridge = SB3VecEnv(VectorLatentRewardWrapper(envs, encoder, **settings))
    dummy = DummyVecEnv(
        [
            lambda make=make: Monitor(LatentRewardWrapper(make(), encoder, **settings))
            for make in replays(terminates=terminates)
        ]
    )
    ways = compare(bridge, dummy, steps=15)
    assert ways == {"ended": 15 if terminates else 0, "cut off": 0 if terminates else 15}


def test_goals_of_a_vector_are_those_of_single_environments() -> None:
    encoder = hand_encoder()
    settings: dict[str, Any] = {"target": TARGETS, "reward": "sparse", "threshold": 2.0}
    envs: Any = SyncVectorEnv(replays(), autoreset_mode=SAME_STEP)
    bridge = SB3VecEnv(VectorLatentGoalWrapper(envs, encoder, **settings))
    dummy = DummyVecEnv(
        [lambda make=make: Monitor(LatentGoalWrapper(make(), encoder, **settings)) for make in replays()]
    )
    assert compare(bridge, dummy, steps=15)["ended"] == 15


def test_what_is_handed_out_stays_as_it_is() -> None:
    """Agents keep observations and infos of earlier steps, also if the environments write over theirs."""
    envs: Any = SyncVectorEnv([Draws, Draws], autoreset_mode=SAME_STEP, copy=False)
    bridge, dummy = SB3VecEnv(envs), DummyVecEnv([Draws, Draws])
    bridge.seed(1), dummy.seed(1)
    kept, expected = [bridge.reset()], [dummy.reset()]
    for _ in range(10):
        kept.append(bridge.step(np.zeros((2, 2), np.float32))[0])
        expected.append(dummy.step(np.zeros((2, 2), np.float32))[0])
    for one, other in zip(kept, expected, strict=True):
        same(one, other)


def test_a_film_environment_in_one_batch() -> None:
    """The batch of films, which codes and simulates all at once, through two episodes."""
    envs = gym.make_vec(
        "morphsim:morphsim/Drying-v0", num_envs=2, knobs=["evaporation"], shape=(32, 32), steps=2
    )
    bridge = SB3VecEnv(envs)
    bridge.seed(4)
    first = bridge.reset()
    assert first.shape == (2, *envs.single_observation_space.shape)
    seeds = bridge.get_attr("film_seed")
    for number in range(1, 3):
        _, rewards, dones, infos = bridge.step(np.zeros((2, 1), np.float32))
        assert rewards.shape == (2,)
        assert dones.tolist() == [number == 2] * 2
    for row, info in enumerate(infos):
        assert info["episode"]["l"] == 2
        assert info["terminal_observation"].shape == envs.single_observation_space.shape
        assert bridge.get_attr("film_seed", indices=row) != [seeds[row]]
    assert bridge.env_method("action_of")[0].shape == (1,)
    bridge.close()


def test_options_and_seeds_reach_the_environments_once() -> None:
    bridge, dummy = bridge_and_dummy([Draws, Draws])
    for env in (bridge, dummy):
        env.seed(8)
        env.set_options({"level": 2.5})
    same(bridge.reset(), dummy.reset())
    assert [info["level"] for info in bridge.reset_infos] == [2.5, 2.5]
    assert bridge.get_attr("np_random_seed") == [8, 9]
    same(bridge.reset(), dummy.reset())
    assert bridge.get_attr("level") == [0.0, 0.0]
    bridge.set_options([{"level": 1.5}, {"level": 1.5}])
    bridge.reset()
    assert bridge.get_attr("level") == [1.5, 1.5]
    with pytest.raises(InputError, match="one dict for all"):
        bridge.set_options([{"level": 1.0}, {"level": 2.0}])


def test_the_target_of_a_reset() -> None:
    encoder = hand_encoder()
    envs: Any = SyncVectorEnv(replays(), autoreset_mode=SAME_STEP)
    bridge = SB3VecEnv(VectorLatentGoalWrapper(envs, encoder, target=layers(3, 4)))
    bridge.set_options({"target": layers(10, 0)})
    observation: Any = bridge.reset()
    unit = observation["desired_goal"][0, 0]
    assert np.allclose(observation["desired_goal"], [[unit, 0.0]] * 3)
    assert np.allclose(bridge.reset()["desired_goal"], [[0.3 * unit, 0.4 * unit]] * 3)  # type: ignore[call-overload,index]


@pytest.mark.parametrize("alone", [True, False])
def test_episode_statistics_that_others_kept_are_kept(alone: bool) -> None:
    """Below the latent reward they are those of the environment's own reward, 0.25 a step."""
    make: Makers = replays()
    if alone:
        make = [lambda one=one: gym.wrappers.RecordEpisodeStatistics(one()) for one in replays()]
    envs: Any = SyncVectorEnv(make, autoreset_mode=SAME_STEP)
    if not alone:
        envs = RecordEpisodeStatistics(envs)
    bridge = SB3VecEnv(VectorLatentRewardWrapper(envs, hand_encoder(), target=layers(3, 4)))
    bridge.reset()
    lengths: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for _ in range(10):
        _, _, dones, infos = bridge.step(np.zeros(3, np.int64))
        for row, (done, info) in enumerate(zip(dones, infos, strict=True)):
            assert ("episode" in info) == done
            assert "episode" not in bridge.reset_infos[row]
            if done:
                episode = info["episode"]
                assert {key: type(value) for key, value in episode.items()} == {
                    "r": float,
                    "l": int,
                    "t": float,
                }
                assert episode["r"] == pytest.approx(0.25 * episode["l"])
                lengths[row].append(episode["l"])
    assert lengths == {0: [3, 3, 3], 1: [5, 5], 2: [2, 2, 2, 2, 2]}


def test_attributes_and_methods() -> None:
    encoder = hand_encoder()
    base: Any = SyncVectorEnv(replays(render_mode="rgb_array"), autoreset_mode=SAME_STEP)
    envs = VectorLatentGoalWrapper(base, encoder, target=layers(3, 4))
    bridge = SB3VecEnv(envs)
    assert bridge.get_attr("render_mode") == ["rgb_array"] * 3
    assert bridge.get_attr("observation_space", indices=0) == [envs.single_observation_space]
    assert bridge.get_attr("action_space", indices=[0, 2]) == [gym.spaces.Discrete(2)] * 2
    assert bridge.get_attr("encoder") == [encoder] * 3
    assert [len(frames) for frames in bridge.get_attr("frames")] == [4, 6, 3]
    assert bridge.get_attr("get_state", indices=1)[0]() == {"number": 0}
    assert bridge.has_attr("frames")
    assert bridge.has_attr("judge")
    assert not bridge.has_attr("nothing")
    with pytest.raises(AttributeError, match="nothing"):
        bridge.get_attr("nothing")
    with pytest.raises(AttributeError, match="nothing"):
        bridge.env_method("nothing")

    bridge.set_attr("number", 1, indices=[0, 2])
    assert [env.unwrapped.number for env in base.envs] == [1, 0, 1]
    bridge.set_attr("place", ["a", "list"])
    assert bridge.get_attr("place") == [["a", "list"]] * 3
    bridge.env_method("set_state", {"number": 2}, indices=1)
    assert bridge.env_method("get_state") == [{"number": 1}, {"number": 2}, {"number": 1}]
    with pytest.raises(InputError, match="share encoder"):
        bridge.set_attr("encoder", encoder, indices=0)
    with pytest.raises(InputError, match="bridge's own"):
        bridge.env_method("reset")

    assert bridge.env_is_wrapped(VectorLatentGoalWrapper) == [True] * 3
    assert bridge.env_is_wrapped(Monitor) == [False] * 3
    watched: Any = SyncVectorEnv([lambda: Monitor(Draws()), Draws], autoreset_mode=SAME_STEP)
    assert SB3VecEnv(watched).env_is_wrapped(Monitor) == [True, False]


def test_pictures() -> None:
    makers: Makers = [lambda: Draws(render_mode="rgb_array") for _ in range(2)]
    bridge, dummy = bridge_and_dummy(makers)
    bridge.reset(), dummy.reset()
    bridge.set_attr("level", 4.0, indices=1)
    dummy.envs[1].unwrapped.level = 4.0
    assert [picture.max() for picture in bridge.get_images()] == [0, 40]
    assert np.array_equal(bridge.render(), dummy.render())
    assert np.array_equal(bridge.env_method("render", indices=1)[0], bridge.get_images()[1])
    assert bridge.metadata["render_fps"] == 7
    blind, _ = bridge_and_dummy([Draws])
    with pytest.warns(UserWarning, match="render_mode='rgb_array'"):
        assert blind.get_images() == [None]


class Shared(VectorEnv[Any, Any, Any]):
    """Somebody's batch that knows of no single environments."""

    num_envs = 2
    metadata: ClassVar[dict[str, Any]] = {"autoreset_mode": SAME_STEP}  # type: ignore[misc]
    single_observation_space = gym.spaces.Box(0, 9, (1,), np.float32)
    single_action_space = gym.spaces.Discrete(2)
    observation_space = gym.spaces.Box(0, 9, (2, 1), np.float32)
    action_space = gym.spaces.MultiDiscrete([2, 2])

    def __init__(self, *, tells: bool = True) -> None:
        self.tells = tells

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        return np.zeros((2, 1), np.float32), {}

    def step(self, actions: Any) -> Any:
        ended = np.array([False, True])
        last = {"final_obs": np.full((2, 1), 5, np.float32), "_final_obs": ended}
        nothing = np.zeros(2, np.bool_)
        return np.ones((2, 1), np.float32), np.ones(2), nothing, ended, last if self.tells else {}

    def double(self, value: float) -> float:
        return 2 * value


def test_a_batch_without_single_environments() -> None:
    bridge = SB3VecEnv(Shared())
    assert bridge.get_attr("render_mode") == [None, None]
    assert bridge.get_attr("tells") == [True, True]
    assert bridge.env_method("double", 1.5, indices=[1]) == [3.0]
    bridge.set_attr("tells", True)
    assert not bridge.has_attr("nothing")
    assert bridge.env_is_wrapped(Monitor) == [False, False]
    bridge.reset()
    _, _, dones, infos = bridge.step(np.zeros(2, np.int64))
    assert dones.tolist() == [False, True]
    assert infos[0] == {"TimeLimit.truncated": False}
    assert infos[1]["terminal_observation"].tolist() == [5.0]
    assert infos[1]["TimeLimit.truncated"] is True
    silent = SB3VecEnv(Shared(tells=False))
    silent.reset()
    with pytest.raises(InputError, match="no final_obs"):
        silent.step(np.zeros(2, np.int64))


def test_what_is_refused() -> None:
    for mode in (AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED):
        with pytest.raises(InputError, match=r'SyncVectorEnv\(\.\.\., autoreset_mode="SameStep"\)'):
            SB3VecEnv(SyncVectorEnv([Draws], autoreset_mode=mode))
    with pytest.raises(InputError, match=r"Draws is no gymnasium\.vector\.VectorEnv"):
        SB3VecEnv(Draws())  # type: ignore[arg-type]
    bridge, _ = bridge_and_dummy([Draws])
    with pytest.raises(InputError, match="step_async"):
        bridge.step_wait()


def test_closing_closes_the_environments() -> None:
    closed: list[int] = []

    class Closing(Draws):
        def close(self) -> None:
            closed.append(1)

    bridge, _ = bridge_and_dummy([Closing, Closing])
    bridge.close()
    bridge.close()
    assert closed == [1, 1]


def test_vec_monitor_counts_the_same() -> None:
    bridge, dummy = bridge_and_dummy([Draws, Draws])
    monitored = VecMonitor(bridge)
    monitored.seed(2), dummy.seed(2)
    monitored.reset(), dummy.reset()
    ends = 0
    for _ in range(40):
        actions = np.zeros((2, 2), np.float32)
        for info, other in zip(monitored.step(actions)[3], dummy.step(actions)[3], strict=True):
            assert ("episode" in info) == ("episode" in other)
            if "episode" in other:
                ends += 1
                assert info["episode"]["r"] == pytest.approx(other["episode"]["r"], abs=1e-5)
                assert info["episode"]["l"] == other["episode"]["l"]
    assert ends > 10


def test_ppo_learns_as_it_does_from_single_environments() -> None:
    """The same weights and the same logged returns as with `DummyVecEnv` of the same environments."""
    encoder = hand_encoder()
    settings: dict[str, Any] = {"target": layers(3, 4), "reward": "progress"}
    makers = replays(terminates=False)
    envs: Any = SyncVectorEnv(makers, autoreset_mode=SAME_STEP)
    envs = VectorLatentRewardWrapper(envs, encoder, **settings)
    envs = VectorLatentObservationWrapper(envs, encoder, parts=["content", "target"])
    singles = [
        lambda make=make: Monitor(
            morphsim.rewards.LatentObservationWrapper(
                LatentRewardWrapper(make(), encoder, **settings), encoder, parts=["content", "target"]
            )
        )
        for make in makers
    ]
    learned = []
    for vec_env in (VecNormalize(SB3VecEnv(envs)), VecNormalize(DummyVecEnv(singles))):  # type: ignore[arg-type]
        model = PPO("MlpPolicy", vec_env, n_steps=8, batch_size=12, n_epochs=2, seed=0, device="cpu")
        model.learn(48)
        returns = [(episode["r"], episode["l"]) for episode in model.ep_info_buffer or ()]
        weights = np.concatenate([value.detach().numpy().ravel() for value in model.policy.parameters()])
        learned.append((returns, weights))
    (returns, weights), (expected, others) = learned
    assert len(returns) == 16
    assert np.allclose(returns, expected, atol=1e-5)
    assert np.allclose(weights, others, atol=1e-4)


def test_hindsight_relabels_with_the_rewards_of_the_vector_wrapper() -> None:
    encoder = hand_encoder()
    envs: Any = SyncVectorEnv(replays(), autoreset_mode=SAME_STEP)
    goals = VectorLatentGoalWrapper(envs, encoder, target=TARGETS, reward="progress")
    bridge = SB3VecEnv(goals)
    model = DQN(
        "MultiInputPolicy",
        bridge,
        replay_buffer_class=HerReplayBuffer,
        replay_buffer_kwargs={"n_sampled_goal": 4, "copy_info_dict": True},
        learning_starts=30,
        train_freq=3,
        batch_size=16,
        seed=0,
        device="cpu",
    )
    model.learn(90)
    buffer: Any = model.replay_buffer
    sample = buffer.sample(64)
    achieved = sample.next_observations["achieved_goal"].numpy()
    desired = sample.next_observations["desired_goal"].numpy()
    before = sample.observations["achieved_goal"].numpy()
    infos = [{"previous_achieved_goal": one, "terminated": False, "original_reward": 0.25} for one in before]
    expected = goals.compute_reward(achieved, desired, infos)
    assert np.allclose(sample.rewards.numpy().ravel(), expected, atol=1e-6)
    # Without new goals only the two targets would be seen.
    assert len(np.unique(desired, axis=0)) > 2
    (alone,) = bridge.env_method("compute_reward", achieved, desired, infos, indices=[0])
    assert np.array_equal(alone, expected)


def test_hindsight_on_single_environments_side_by_side() -> None:
    encoder = hand_encoder()
    makers = [
        lambda make=make: LatentGoalWrapper(make(), encoder, target=TARGETS, reward="distance")
        for make in replays()
    ]
    envs: Any = SyncVectorEnv(makers, autoreset_mode=SAME_STEP)
    bridge = SB3VecEnv(envs)
    observation: Any = bridge.reset()
    achieved, desired = observation["achieved_goal"], observation["desired_goal"]
    (rewards,) = bridge.env_method("compute_reward", achieved, desired, [{}] * 3, indices=[0])
    expected = [envs.envs[0].compute_reward(achieved[row], desired[row], {}) for row in range(3)]
    assert rewards.tolist() == expected


def test_evaluation() -> None:
    bridge, dummy = bridge_and_dummy([Draws, Draws])
    model = PPO("MlpPolicy", bridge, n_steps=8, batch_size=8, seed=0, device="cpu")
    results = []
    for vec_env in (VecMonitor(bridge), dummy):
        vec_env.seed(3)
        results.append(evaluate_policy(model, vec_env, n_eval_episodes=6, return_episode_rewards=True))
    assert np.allclose(results[0][0], results[1][0], atol=1e-5)
    assert results[0][1] == results[1][1]
