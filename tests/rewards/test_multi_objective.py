"""Several rewards of a step: components in `info`, and the vector as the reward."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from morphsim import LatentGoalWrapper, LatentRewardWrapper, VectorLatentRewardWrapper
from morphsim.errors import InputError
from morphsim.rewards import MultiObjectiveWrapper, RewardConfig, Transition, VectorMultiObjectiveWrapper
from tests.encoders import blobs, small_encoder
from tests.rewards.rewards_helpers import Process, Replay, hand_encoder, layers

# Latents (0, 0), (6, 8), (3, 4) and (3, 0), the target (3, 4): distances 2.5, 2.5, 0 and 2.
FILM = np.stack([layers(0, 0), layers(6, 8), layers(3, 4), layers(3, 0)])
TARGET = layers(3, 4)
ACTIONS = [np.array([first, 1.0], np.float32) for first in (0.0, 10.0, 20.0)]


def effort(step: Transition) -> Any:
    return -step.action[:, 0]


COMPONENTS: dict[str, Any] = {"approach": "progress", "time": "time", "heat": "heat", "effort": effort}
EXPECTED = [[0.0, -1.0, 0.0, 0.0], [2.5, -2.0, -13.7, -10.0], [-2.0, -3.0, -50.55, -20.0]]


def rewarded(kind: Any = LatentRewardWrapper, **options: Any) -> Any:
    settings = {"target": TARGET, "components": COMPONENTS, **options}
    return kind(Process(FILM), hand_encoder(), **settings)


@pytest.mark.parametrize("kind", [LatentRewardWrapper, LatentGoalWrapper])
def test_info_holds_the_components_of_each_step(kind: Any) -> None:
    env = rewarded(kind, reward="distance", reward_scale=3.0, own_weight=1.0)
    assert env.reward_names == ("approach", "time", "heat", "effort")
    assert "reward_vector" not in env.reset()[1]
    steps = [env.step(action) for action in ACTIONS]
    for step, expected in zip(steps, EXPECTED, strict=True):
        vector = step[4]["reward_vector"]
        assert vector.dtype == np.float32
        assert vector == pytest.approx(expected, rel=1e-5)
    # They leave the reward alone, and its options them.
    assert [step[1] for step in steps] == pytest.approx([-7.25, 0.25, -5.75])
    assert type(steps[0][1]) is float


class LinearReward(gym.Wrapper[Any, Any, Any, Any]):
    """A linear scalarisation that reads what MO-Gymnasium's wrapper of this name reads."""

    def __init__(self, env: gym.Env[Any, Any], weight: Any) -> None:
        super().__init__(env)
        assert weight.shape == env.unwrapped.reward_space.shape  # type: ignore[attr-defined]
        self.weight = weight

    def step(self, action: Any) -> Any:
        observation, reward, *rest = self.env.step(action)
        return observation, float(np.dot(reward, self.weight)), *rest  # type: ignore[arg-type]


def test_the_vector_is_the_reward_of_an_environment_with_several_objectives() -> None:
    env = MultiObjectiveWrapper(gym.wrappers.TimeLimit(rewarded(), 3))
    assert env.reward_dim == env.unwrapped.reward_dim == 4  # type: ignore[attr-defined]
    assert env.reward_space == env.unwrapped.reward_space  # type: ignore[attr-defined]
    assert env.reward_space == gym.spaces.Box(-np.inf, np.inf, (4,), np.float32)
    env.reset()
    for action, expected, scalar in zip(ACTIONS, EXPECTED, [0.0, 2.5, -2.0], strict=True):
        _, reward, _, _, info = env.step(action)
        assert reward in env.reward_space
        assert reward == pytest.approx(expected, rel=1e-5)
        assert info["scalar_reward"] == scalar
    weight = np.array([1.0, 0.5, 0.0, 0.1])
    scalarised = LinearReward(env, weight)
    scalarised.reset()
    assert [scalarised.step(action)[1] for action in ACTIONS] == pytest.approx(np.array(EXPECTED) @ weight)


@pytest.mark.parametrize(
    ("mode", "success"), [*((mode, False) for mode in AutoresetMode), (AutoresetMode.SAME_STEP, True)]
)
def test_vectors_of_many_environments(mode: AutoresetMode, success: bool) -> None:
    films = [FILM, FILM[[1, 0, 2]]]
    options: dict[str, Any] = {"target": TARGET, "components": COMPONENTS, "terminate_on_success": success}
    many = VectorMultiObjectiveWrapper(
        VectorLatentRewardWrapper(
            SyncVectorEnv([lambda film=film: Process(film) for film in films], autoreset_mode=mode),  # type: ignore[misc]
            hand_encoder(),
            **options,
        )
    )
    assert many.reward_space == many.unwrapped.reward_space  # type: ignore[attr-defined]
    single = [
        MultiObjectiveWrapper(LatentRewardWrapper(Process(film), hand_encoder(), **options)) for film in films
    ]
    for env in (many, *single):
        env.reset(seed=0)  # type: ignore[attr-defined]
    over = [False, False]
    for number in range(2 if mode is AutoresetMode.DISABLED else 6):
        action = ACTIONS[number % 3]
        _, rewards, _, _, infos = many.step(np.stack([action, action]))
        assert rewards.shape == (2, 4)
        assert rewards.dtype == np.float32
        for row, env in enumerate(single):
            if over[row] and mode is AutoresetMode.NEXT_STEP:
                env.reset()
                over[row] = False
                assert rewards[row].tolist() == [0.0] * 4
                continue
            if over[row]:
                env.reset()
            _, reward, terminated, truncated, info = env.step(action)
            over[row] = terminated or truncated
            assert rewards[row] == pytest.approx(reward, rel=1e-5)
            final = over[row] and mode is AutoresetMode.SAME_STEP
            found = (infos["final_info"] if final else infos)["scalar_reward"][row]
            assert found == pytest.approx(info["scalar_reward"])


def test_wrapped_environments_can_be_pickled_and_rebuilt(tmp_path: Path) -> None:
    folder = tmp_path / "encoder"
    small_encoder(folder, (36, 64))
    env = MultiObjectiveWrapper(
        LatentRewardWrapper(
            gym.make("morphsim:morphsim/Drying-v0", shape=(36, 64), steps=3),
            folder,
            target=blobs(1, (36, 64))[0],
            components={"near": "distance", "time": "time", "heat": "heat", "effort": effort},
            terminate_on_success=True,
        )
    )
    assert env.spec is not None
    action = np.full(3, 0.2, np.float32)
    rewards = []
    for each in (env, pickle.loads(pickle.dumps(env)), gym.make(env.spec)):
        assert isinstance(each, MultiObjectiveWrapper)
        assert each.reward_names == ("near", "time", "heat", "effort")
        each.reset(seed=4)
        rewards.append(each.step(action)[1])
    assert rewards[0].tolist() == rewards[1].tolist() == rewards[2].tolist()
    # Films take time, and are heated.
    assert (rewards[0][:3] < 0).all()
    later = pickle.loads(pickle.dumps(env))
    assert later.step(action)[1].tolist() == env.step(action)[1].tolist()


def test_log_prob_and_other_distances_are_components_too() -> None:
    env = rewarded(reward="distance", components={"density": "log_prob", "near": "distance"})
    env.reset()
    env.step(ACTIONS[0])
    vector = env.step(ACTIONS[1])[4]["reward_vector"]
    assert vector == pytest.approx([-np.log(2 * np.pi) / 2, 0.0])
    with pytest.raises(InputError, match="the target has no posterior"):
        rewarded(target=np.array([3.0, 4.0]), components={"density": "log_prob"})
    env = rewarded(reward="mahalanobis", components={"near": "mahalanobis"})
    env.reset()
    _, reward, *_, info = env.step(ACTIONS[0])
    assert info["reward_vector"].tolist() == [reward] == pytest.approx([-np.sqrt(40) / 4])


LISTS: list[Any] = [{}, ["progress"], "progress"]


@pytest.mark.parametrize("components", LISTS)
def test_components_are_a_dict(components: Any) -> None:
    with pytest.raises(InputError, match="give at least one, as a dict of names and rewards"):
        RewardConfig(target=TARGET, components=components)


@pytest.mark.parametrize(
    ("components", "message"),
    [
        ({"a": "closeness"}, "reward is 'closeness'; use one of distance"),
        ({"": "time"}, "components has the name ''; use a text"),
        ({1: "time"}, "components has the name 1; use a text"),
        ({"a": "cosine"}, "component 'a' is 'cosine', but distances are euclidean; .*distance='cosine'"),
    ],
)
def test_errors_name_the_wrong_component(components: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        RewardConfig(target=TARGET, components=components)


def test_a_component_that_returns_no_number_is_refused() -> None:
    env = rewarded(components={"a": lambda step: np.full(1, np.nan)})
    env.reset()
    with pytest.raises(InputError, match=r"component 'a' returned .*finite numbers"):
        env.step(ACTIONS[0])


MAKERS: list[Callable[[], Any]] = [
    lambda: MultiObjectiveWrapper(Replay(FILM)),
    lambda: MultiObjectiveWrapper(LatentRewardWrapper(Replay(FILM), hand_encoder(), target=TARGET)),
    lambda: VectorMultiObjectiveWrapper(SyncVectorEnv([lambda: Replay(FILM)])),
]


@pytest.mark.parametrize("make", MAKERS)
def test_a_vector_of_rewards_needs_components(make: Callable[[], Any]) -> None:
    with pytest.raises(InputError, match="there is no vector of rewards; give components="):
        make()
