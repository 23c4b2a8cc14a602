"""What a reward function sees of a step: action, observation, info and time, in every wrapper alike."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from morphsim import (
    LatentGoalWrapper,
    LatentRewardWrapper,
    VectorLatentGoalWrapper,
    VectorLatentRewardWrapper,
)
from morphsim.errors import InputError
from morphsim.rewards import Transition
from morphsim.rewards.batches import batch_of
from tests.rewards.rewards_helpers import Process, Replay, hand_encoder, layers
from tests.rewards.vector_helpers import MODES, compare

# Latents (0, 0), (6, 8), (3, 4) and (3, 0), the target (3, 4): distances 2.5, 2.5, 0 and 2.
FILM = np.stack([layers(0, 0), layers(6, 8), layers(3, 4), layers(3, 0)])
FILMS = [FILM, FILM[[1, 0, 2]], FILM[[0, 2, 3, 1, 0]]]
TARGET = layers(3, 4)
ACTIONS = [np.array([first, 1.0], np.float32) for first in (0.0, 10.0, 20.0)]


def every_field(step: Transition) -> Any:
    """A number that changes if any field of the transition does."""
    assert step.elapsed_steps is not None
    assert len(step.info) == len(step.distance)
    assert [each["time_s"] for each in step.info] == step.elapsed_time.tolist()
    assert step.info[-1:] == [step.info[len(step.info) - 1]]
    return (
        step.distance
        + 2.0 * step.previous_distance
        + 3.0 * step.latent.sum(axis=1)
        + 5.0 * step.previous_latent.sum(axis=1)
        + 7.0 * step.target.sum(axis=1)
        + 11.0 * step.success
        + 13.0 * step.terminated
        + 17.0 * step.original_reward
        + 19.0 * step.bounded_log_density
        + 0.01 * step.log_density
        + 23.0 * step.action @ np.array([1.0, 0.5])
        + 29.0 * step.observation["state"] @ np.array([1.0, 0.1, 0.01])
        + 31.0 * step.observation["frame"].mean(axis=(1, 2))
        + 37.0 * step.elapsed_steps
        + 0.41 * step.elapsed_time
        + 0.43 * step.step_time
        + 0.47 * step.info.numbers("temperature_K")
        + 53.0 * step.info.numbers("gauge")
    )


@pytest.mark.parametrize("mode", [*MODES, AutoresetMode.DISABLED])
@pytest.mark.parametrize("terminates", [True, False])
def test_single_and_vector_wrappers_see_the_same_transitions(mode: AutoresetMode, terminates: bool) -> None:
    encoder = hand_encoder()
    makers = [lambda film=film: Process(film, terminates=terminates) for film in FILMS]
    settings: dict[str, Any] = {
        "target": TARGET,
        "reward": every_field,
        "components": {"all": every_field, "time": "time"},
    }
    for single, vector in (
        (LatentRewardWrapper, VectorLatentRewardWrapper),
        (LatentGoalWrapper, VectorLatentGoalWrapper),
    ):
        compare(
            makers,  # type: ignore[arg-type]
            lambda env, single=single: single(env, encoder, **settings),  # type: ignore[misc]
            lambda envs, vector=vector: vector(envs, encoder, **settings),  # type: ignore[misc]
            mode,
            steps=2 if mode is AutoresetMode.DISABLED else 9,
        )


def transitions(env: Any, actions: Any) -> list[Transition]:
    seen: list[Transition] = []

    def reward(step: Transition) -> Any:
        seen.append(step)
        return step.distance

    wrapped = (VectorLatentRewardWrapper if isinstance(env, SyncVectorEnv) else LatentRewardWrapper)(
        env, hand_encoder(), target=TARGET, reward=reward
    )
    wrapped.reset(seed=0)
    for action in actions:
        wrapped.step(action)
    return seen


def test_a_transition_holds_action_observation_info_and_time() -> None:
    seen = transitions(Process(FILM), ACTIONS)
    assert [step.action.tolist() for step in seen] == [[[0.0, 1.0]], [[10.0, 1.0]], [[20.0, 1.0]]]
    assert [step.elapsed_steps.tolist() for step in seen] == [[1], [2], [3]]  # type: ignore[union-attr]
    assert [step.elapsed_time.tolist() for step in seen] == [[101.0], [103.0], [106.0]]
    assert [step.step_time.tolist() for step in seen] == [[1.0], [2.0], [3.0]]
    assert seen[1].observation["state"].tolist() == [[2.0, 10.0, 1.0]]
    assert seen[1].observation["frame"].tolist() == [(FILM[2] * 255).tolist()]
    assert list(seen[1].info) == [{"time_s": 103.0, "temperature_K": 300.0, "gauge": np.float32(0.2)}]
    assert seen[1].info.numbers("temperature_K").tolist() == [300.0]


def test_without_a_clock_the_time_is_unknown() -> None:
    (step,) = transitions(Replay(FILM), [1])
    assert step.action.tolist() == [1]
    assert np.isnan(step.elapsed_time).tolist() == np.isnan(step.step_time).tolist() == [True]
    assert step.observation.shape == (1, 1, *FILM.shape[1:])
    assert np.isnan(step.info.numbers("temperature_K")).tolist() == [True]
    many = transitions(
        SyncVectorEnv([lambda: Replay(FILM), lambda: Replay(FILM, boundary="periodic")]), [[1, 0]]
    )
    assert many[0].action.tolist() == [1, 0]
    # Texts are no numbers, and not every environment has an entry.
    assert np.isnan(many[0].info.numbers("boundary")).tolist() == [True, True]
    assert many[0].info.numbers("number").tolist() == [1.0, 1.0]


def test_the_last_step_of_an_episode_sees_its_final_observation_and_info() -> None:
    envs = SyncVectorEnv(
        [lambda: Process(FILM[:3]), lambda: Process(FILM)], autoreset_mode=AutoresetMode.SAME_STEP
    )
    _, last, after = transitions(envs, [np.stack([action, action]) for action in ACTIONS])
    # The first film ended with its second step; its next episode counts from the start.
    assert last.observation["state"][:, 0].tolist() == [2.0, 2.0]
    assert last.terminated.tolist() == [True, False]
    assert [info["time_s"] for info in last.info] == last.elapsed_time.tolist() == [103.0, 103.0]
    assert after.elapsed_steps is not None
    assert after.elapsed_steps.tolist() == [1, 3]
    assert after.elapsed_time.tolist() == [101.0, 106.0]
    assert after.step_time.tolist() == [1.0, 3.0]
    assert after.info.numbers("temperature_K").tolist() == [310.0, 310.0]


def test_batches_follow_the_space() -> None:
    box = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
    space = gym.spaces.Tuple([box, gym.spaces.Dict({"n": gym.spaces.Discrete(3)})])
    first, second = batch_of(space, [([0.0, 0.5], {"n": 2}), ([1.0, 0.0], {"n": 0})])
    assert first.tolist() == [[0.0, 0.5], [1.0, 0.0]]
    assert first.dtype == np.float32
    assert second["n"].tolist() == [2, 0]
    # Sequences differ in length.
    assert batch_of(gym.spaces.Sequence(box), [(1,), (1, 2)]) == ((1,), (1, 2))


def test_time_and_heat_are_costs_of_the_process() -> None:
    def rewards(reward: Any) -> list[float]:
        env = LatentRewardWrapper(Process(FILM), hand_encoder(), target=TARGET, reward=reward)
        env.reset()
        return [float(env.step(action)[1]) for action in ACTIONS]

    assert rewards("time") == [-1.0, -2.0, -3.0]
    # 290 K, 300 K for 2 s and 310 K for 3 s.
    assert rewards("heat") == pytest.approx([0.0, -2 * 6.85, -3 * 16.85], rel=1e-5)


@pytest.mark.parametrize("kind", [LatentRewardWrapper, LatentGoalWrapper])
def test_costs_need_the_numbers_of_info(kind: Any) -> None:
    env = kind(Process(FILM, measured=False), hand_encoder(), target=TARGET, components={"cost": "time"})
    env.reset()
    with pytest.raises(InputError, match="the reward 'time' needs the number 'time_s' in the environment's"):
        env.step(ACTIONS[0])

    class Cold(Process):
        def _seen(self) -> Any:
            observation, info = super()._seen()
            del info["temperature_K"]
            return observation, info

    env = kind(Cold(FILM), hand_encoder(), target=TARGET, reward="heat")
    env.reset()
    with pytest.raises(InputError, match="the reward 'heat' needs the number 'temperature_K'"):
        env.step(ACTIONS[0])


def without_observation(step: Transition) -> Any:
    return step.distance + step.action[:, 0] + step.elapsed_steps + step.elapsed_time * step.step_time


def frugal(step: Transition) -> Any:
    return step.observation["state"][:, 0]


@pytest.mark.parametrize("reward", ["time", "heat", without_observation])
def test_stored_goals_earn_exactly_the_reward_of_the_step(reward: Any) -> None:
    env = LatentGoalWrapper(Process(FILM), hand_encoder(), target=TARGET, reward=reward)
    env.reset()
    stored = [env.step(action) for action in ACTIONS]
    achieved, desired = (
        np.stack([step[0][key] for step in stored]) for key in ("achieved_goal", "desired_goal")
    )
    infos = [step[4] for step in stored]
    assert env.compute_reward(achieved, desired, infos).tolist() == [step[1] for step in stored]
    assert [env.compute_reward(*each) for each in zip(achieved, desired, infos, strict=True)] == [
        step[1] for step in stored
    ]


def test_stored_goals_have_no_observation_and_need_their_infos() -> None:
    env = LatentGoalWrapper(Process(FILM), hand_encoder(), target=TARGET, reward=frugal)
    env.reset()
    observation, reward, _, _, info = env.step(ACTIONS[0])
    assert reward == 1.0
    goal = observation["desired_goal"]
    with pytest.raises(
        InputError, match="reward function failed for stored goals, which have no observation"
    ):
        env.compute_reward(goal, goal, info)
    env = LatentGoalWrapper(Process(FILM), hand_encoder(), target=TARGET, reward=without_observation)
    del info["action"]
    with pytest.raises(InputError, match="which have no action, observation"):
        env.compute_reward(goal, goal, info)
    env = LatentGoalWrapper(Process(FILM), hand_encoder(), target=TARGET, reward="time")
    with pytest.raises(InputError, match=r"needs 'step_time_s' of each step's info.*copy_info_dict=True"):
        env.compute_reward(goal, goal, {})


def test_errors_in_a_function_are_not_hidden() -> None:
    env = LatentRewardWrapper(
        Process(FILM), hand_encoder(), target=TARGET, reward=lambda step: step.distances
    )
    env.reset()
    with pytest.raises(AttributeError, match="distances"):
        env.step(ACTIONS[0])


def test_steps_and_time_go_back_with_the_state() -> None:
    env = LatentRewardWrapper(
        FilmLike(FILM), hand_encoder(), target=TARGET, reward=lambda step: step.elapsed_steps + step.step_time
    )
    env.reset()
    env.step(ACTIONS[0])
    state = env.get_state()
    ahead = [env.step(action)[1] for action in ACTIONS[1:]]
    assert ahead == [4.0, 6.0]
    env.set_state(state)
    assert [env.step(action)[1] for action in ACTIONS[1:]] == ahead


class FilmLike(Process):
    def get_state(self) -> dict[str, Any]:
        return {"number": self.number, "time": self.time}

    def set_state(self, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        self.number, self.time = state["number"], state["time"]
        return self._seen()
