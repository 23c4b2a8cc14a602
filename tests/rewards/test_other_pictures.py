"""Ambiguous pictures of third-party environments."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from gymnasium.wrappers import FrameStackObservation, TimeLimit, TransformObservation

from morphsim import (
    LatentGoalWrapper,
    LatentObservationWrapper,
    LatentRewardWrapper,
    VectorLatentObservationWrapper,
    VectorLatentRewardWrapper,
    score,
)
from morphsim.errors import InputError
from morphsim.rewards import FixedTargets
from tests.rewards.rewards_helpers import SHAPE, Replay, hand_encoder
from tests.rewards.test_binarisation import FILM, Grey


class Coloured(gym.Env[Any, Any]):
    """Donor is yellow and acceptor blue; colours are in the first axis, as networks take them."""

    def __init__(self, *, in_info: bool = False) -> None:
        self.in_info = in_info
        self.action_space = gym.spaces.Discrete(2)
        self.observation_space = gym.spaces.Box(0, 255, (3, *SHAPE), np.uint8)
        if in_info:
            self.observation_space = gym.spaces.Box(0, 255, (1,), np.float32)

    def seen(self) -> Any:
        donor = FILM[self.number] == 1
        picture = np.stack([np.where(donor, 250, 20), np.where(donor, 240, 10), np.where(donor, 5, 200)])
        picture = picture.astype(np.uint8)
        return (np.zeros(1, np.float32), {"picture": picture}) if self.in_info else (picture, {})

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.number = 0
        return self.seen()

    def step(self, action: Any) -> Any:
        self.number += 1
        observation, info = self.seen()
        return observation, 0.0, self.number == 2, False, info


def number_of_targets(env: LatentRewardWrapper) -> int:
    target = env.latent_reward.fixed_target
    assert target is not None
    return len(target.latents)


def test_a_colour_picture_of_the_environment_is_one_target() -> None:
    env = Coloured()
    env.reset()
    target = env.step(0)[0]
    for given in (target, FixedTargets([target]), target / 255.0):
        for kind in (LatentRewardWrapper, LatentGoalWrapper):
            wrapped = kind(env, hand_encoder(), target=given)
            assert wrapped.reset()[1]["target_latent"].tolist() == [6.0, 8.0]
            assert wrapped.step(0)[4]["distance"] == 0.0
    envs = VectorLatentRewardWrapper(SyncVectorEnv([Coloured] * 2), hand_encoder(), target=target)
    assert envs.reset()[1]["target_latent"].tolist() == [[6.0, 8.0]] * 2
    # Three frames are three targets here too.
    assert number_of_targets(LatentRewardWrapper(env, hand_encoder(), target=FILM)) == 3


def test_an_ambiguous_colour_picture_is_refused() -> None:
    env = Coloured(in_info=True)
    env.reset()
    target = env.step(0)[4]["picture"]
    with pytest.raises(InputError, match=r"may be three pictures, or one in colours; give three as frames"):
        LatentRewardWrapper(env, hand_encoder(), target=target, frame="info:picture")
    masks = FILM * np.uint8(255)
    for given in (np.moveaxis(target, 0, -1), masks):
        wrapped = LatentRewardWrapper(env, hand_encoder(), target=given, frame="info:picture")
        assert wrapped.reset()[1]["nearest_target"] == 0
    # Where pictures are in greyscale, three are three targets.
    greys = np.where(FILM, 200, 30).astype(np.uint8)
    assert number_of_targets(LatentRewardWrapper(Grey(FILM), hand_encoder(), target=greys)) == 3
    assert len(score(greys, FILM, encoder=hand_encoder())) == 3


def test_frames_of_three_steps_are_not_taken_for_colours() -> None:
    def stacked() -> Any:
        return FrameStackObservation(Grey(FILM), 3)

    with pytest.raises(InputError, match="holds the frames of 3 steps"):
        LatentRewardWrapper(stacked(), hand_encoder(), target=FILM[1])
    for kind in (SyncVectorEnv, AsyncVectorEnv):
        envs = kind([stacked] * 2)
        with pytest.raises(InputError, match="holds the frames of 3 steps"):
            VectorLatentObservationWrapper(envs, hand_encoder())
        envs.close()
    # The last of them is the present frame.
    env = LatentRewardWrapper(
        stacked(), hand_encoder(), target=FILM[1], frame=lambda seen, _: seen[-1], frame_threshold=0.3
    )
    env.reset()
    assert env.step(0)[4]["distance"] == 0.0


def test_a_wrapper_adopts_the_binarisation_of_the_one_inside() -> None:
    picture = np.where(FILM[1], 90, 40).astype(np.uint8)
    inside = LatentObservationWrapper(Grey(FILM), hand_encoder(), frame_threshold=0.3)
    env = LatentRewardWrapper(inside, hand_encoder(), target=picture)
    env.reset()
    assert env.step(0)[4]["distance"] == 0.0
    rewarded = LatentRewardWrapper(Grey(FILM), hand_encoder(), target=FILM[1], frame_threshold=0.3)
    seen = LatentObservationWrapper(rewarded, hand_encoder(), normalise=False)
    seen.reset()
    assert seen.step(0)[0].tolist() == [6.0, 8.0]


@pytest.mark.parametrize("many", [False, True])
def test_frames_binarised_inside_can_not_be_binarised_otherwise(many: bool) -> None:
    settings: dict[str, Any] = {"target": FILM[1], "frame_threshold": 0.3}
    with pytest.raises(InputError, match=r"wrapper inside .* frame_threshold=0.5 and invert=False; give"):
        if many:
            envs = VectorLatentObservationWrapper(SyncVectorEnv([lambda: Grey(FILM)] * 2), hand_encoder())
            VectorLatentRewardWrapper(envs, hand_encoder(), **settings)
        else:
            env = LatentObservationWrapper(Grey(FILM), hand_encoder())
            LatentRewardWrapper(env, hand_encoder(), **settings)


def test_rendered_pictures_are_binarised_by_each_wrapper() -> None:
    env = Replay(FILM, place="nowhere", render_mode="rgb_array")
    inside = LatentObservationWrapper(env, hand_encoder(), frame="render", invert=True)
    outside = LatentRewardWrapper(
        inside, hand_encoder(), target=FILM[1], frame="render", invert=False, guard=False
    )
    outside.reset()
    observation, *_, info = outside.step(0)
    assert info["distance"] == 0.0
    assert (observation * 2.0).tolist() != info["latent"].tolist()


def test_a_picture_of_another_size_is_not_replaced_by_the_one_inside() -> None:
    inside = LatentRewardWrapper(Grey(FILM), hand_encoder(), target=FILM[1])
    lower = gym.spaces.Box(0, 255, (2, 10), np.uint8)
    cropped = TransformObservation(inside, lambda seen: seen[:2], lower)
    with pytest.raises(InputError, match=r"the observation has the shape \(2, 10\)"):
        LatentObservationWrapper(cropped, hand_encoder())
    # Latents of several steps are not a picture: "observation" means the frame that they encode.
    latents = LatentObservationWrapper(Grey(FILM, high=255), hand_encoder())
    env = LatentRewardWrapper(FrameStackObservation(latents, 3), hand_encoder(), target=FILM[1])
    env.reset()
    assert env.step(0)[4]["distance"] == 0.0


def test_a_film_that_ends_in_its_last_step_is_not_cut_off() -> None:
    env = LatentRewardWrapper(
        TimeLimit(Replay(FILM), 2), hand_encoder(), target=FILM[1], truncation_penalty=8.0
    )
    env.reset()
    assert env.step(0)[1:4] == (5.0, False, False)
    assert env.step(0)[1:4] == (-2.5, True, True)
    env = LatentRewardWrapper(
        TimeLimit(Replay(FILM), 1), hand_encoder(), target=FILM[1], truncation_penalty=8.0
    )
    env.reset()
    assert env.step(0)[1:4] == (-3.0, False, True)
