"""One configuration builds every wrapper, and a reward from outside the package works in all of them."""

from __future__ import annotations

import inspect
import math
from dataclasses import fields
from typing import Any, get_type_hints

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
from morphsim.rewards import RewardConfig, RewardFunction, Transition
from morphsim.rewards.config import RewardOptions
from morphsim.rewards.frame_encoder import BaseFrameEncoder
from tests.rewards.rewards_helpers import Replay, hand_encoder, layers

# Latents (0, 0), (6, 8), (3, 4) and (3, 0), the target (3, 4): distances 2.5, 2.5, 0 and 2.
FILM = np.stack([layers(0, 0), layers(6, 8), layers(3, 4), layers(3, 0)])
TARGET = layers(3, 4)
WRAPPERS: list[Any] = [
    LatentRewardWrapper,
    LatentGoalWrapper,
    VectorLatentRewardWrapper,
    VectorLatentGoalWrapper,
]


def replay(kind: Any) -> Any:
    """A third-party environment, or a vector environment of two, as the wrapper takes it."""
    if kind in (LatentRewardWrapper, LatentGoalWrapper):
        return Replay(FILM)
    return SyncVectorEnv([lambda: Replay(FILM)] * 2, autoreset_mode=AutoresetMode.SAME_STEP)


def rewards(env: Any) -> list[float]:
    """The rewards of an episode; in a vector environment those of its second environment."""
    env.reset(seed=0)
    many = isinstance(env, VectorLatentRewardWrapper)
    earned = [env.step(np.zeros(2, int) if many else 0)[1] for _ in range(len(FILM) - 1)]
    return [float(each[1] if many else each) for each in earned]


def overshoot(step: Transition) -> Any:
    """A reward of the user's own: twice the distance lost, and a bonus of 10 on success."""
    return 2.0 * (step.previous_distance - step.distance) + 10.0 * step.success


@pytest.mark.parametrize("kind", WRAPPERS)
def test_a_reward_from_outside_the_package_is_used_by_every_wrapper(kind: Any) -> None:
    own: RewardFunction = overshoot
    env = kind(replay(kind), hand_encoder(), target=TARGET, reward=own)
    assert rewards(env) == [0.0, 15.0, -4.0]


@pytest.mark.parametrize("kind", [LatentGoalWrapper, VectorLatentGoalWrapper])
def test_a_reward_from_outside_the_package_is_computed_for_stored_goals(kind: Any) -> None:
    env = kind(replay(kind), hand_encoder(), target=TARGET, reward=overshoot)
    goal, unit = np.array([3.0, 4.0], np.float32), env.goals.unit
    info = {
        "previous_achieved_goal": np.array([6.0, 8.0], np.float32) / unit,
        "terminated": False,
        "original_reward": 0.25,
    }
    assert env.compute_reward(goal / unit, goal / unit, info) == 15.0
    assert env.compute_reward(np.array([3.0, 0.0], np.float32) / unit, goal / unit, info) == 1.0


@pytest.mark.parametrize("kind", WRAPPERS)
def test_a_wrapper_from_a_configuration_is_the_one_from_its_arguments(kind: Any) -> None:
    options: dict[str, Any] = {
        "target": TARGET,
        "reward": "squared",
        "distance": "mahalanobis",
        "own_weight": 0.5,
        "reward_scale": 3.0,
        "frame_threshold": 0.3,
    }
    encoder = hand_encoder()
    built = kind.from_config(replay(kind), encoder, RewardConfig(**options))
    plain = kind(replay(kind), encoder, **options)
    assert rewards(built) == rewards(plain)
    # Distances sqrt(40) / 4, 0 and 1/2; 0.25 is earned by each step of the environment itself.
    by_hand = [-3.0 * distance**2 + 0.125 for distance in (math.sqrt(40) / 4, 0.0, 0.5)]
    assert rewards(built) == pytest.approx(by_hand)
    assert built.frame_encoder.binarisation.threshold == 0.3


def test_further_arguments_go_to_the_goal_wrapper() -> None:
    config = RewardConfig(target=TARGET)
    env = LatentGoalWrapper.from_config(Replay(FILM), hand_encoder(), config, info_keys=["number"])
    assert env.reset()[0]["observation"].tolist() == [0.0, 0.0, 0.0]


def test_the_typed_options_are_the_fields_of_the_configuration() -> None:
    types = get_type_hints(RewardConfig)
    assert get_type_hints(RewardOptions) == {name: types[name] for name in types if name != "target"}
    # Frames are found by the same defaults where there is no reward.
    defaults = {entry.name: entry.default for entry in fields(RewardConfig)}
    frame_options = set(RewardConfig(target=TARGET).frame_options())
    for name, parameter in inspect.signature(BaseFrameEncoder).parameters.items():
        if name in frame_options:
            assert parameter.default == defaults[name]
            frame_options.remove(name)
    assert not frame_options


@pytest.mark.parametrize("kind", WRAPPERS)
def test_the_target_is_a_required_argument(kind: Any) -> None:
    assert inspect.signature(kind).parameters["target"].default is inspect.Parameter.empty
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'target'"):
        kind(replay(kind), hand_encoder())
    with pytest.raises(TypeError, match="'rewards'"):
        kind(replay(kind), hand_encoder(), target=TARGET, rewards="distance")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reward": "closeness"}, "reward is 'closeness'; use one of distance"),
        ({"gamma": math.nan}, "gamma is nan; it must be a finite number of at least 0"),
        ({"threshold": True}, "threshold is True; it must be a finite number"),
        ({"own_weight": math.inf}, "own_weight is inf; it must be a finite number$"),
        ({"reward": "mahalanobis", "distance": "cosine"}, "leave distance out"),
    ],
)
def test_a_configuration_is_checked_without_an_encoder(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RewardConfig(target=TARGET, **options)


def test_warnings_point_at_the_line_that_made_the_wrapper() -> None:
    encoder = hand_encoder(known=True)
    encoder.training_latents = encoder.training_latents / np.float32(20.0)  # type: ignore[operator]
    for kind in WRAPPERS:
        env = replay(kind)
        with pytest.warns(UserWarning, match="target 0 lies outside") as caught:
            kind(env, encoder, target=layers(9, 9))
        assert {each.filename for each in caught} == {__file__}
