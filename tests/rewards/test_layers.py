"""Wrappers upon wrappers: each reads the frame that it is given, and episodes begin where it sees them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import Autoreset, TransformObservation
from gymnasium.wrappers import vector as vector_wrappers

from morphsim import (
    LatentGoalWrapper,
    LatentObservationWrapper,
    LatentRewardWrapper,
    VectorLatentGoalWrapper,
    VectorLatentObservationWrapper,
    VectorLatentRewardWrapper,
)
from morphsim.encoder import Encoder
from morphsim.errors import InputError
from tests.envs.envs_helpers import assert_same
from tests.rewards.rewards_helpers import Replay, hand_encoder, layers

FILM = np.stack([layers(0, 0), layers(6, 8), layers(3, 4), layers(1, 9)])
TARGET = layers(3, 4)


def upside_down(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    return TransformObservation(env, lambda seen: seen[:, ::-1].copy(), env.observation_space)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many frames each call of an encoder has coded."""
    found: list[int] = []
    code = Encoder.encode_all

    def counting(self: Encoder, frames: Any, **options: Any) -> Any:
        found.append(len(frames))
        return code(self, frames, **options)

    monkeypatch.setattr(Encoder, "encode_all", counting)
    return found


def test_a_frame_that_a_wrapper_in_between_has_changed_is_read_anew() -> None:
    encoder = hand_encoder()
    inside = LatentRewardWrapper(Replay(FILM), encoder, target=TARGET)
    env = LatentObservationWrapper(
        LatentRewardWrapper(upside_down(inside), encoder, target=TARGET, reward="distance"),
        encoder,
        normalise=False,
    )
    env.reset()
    observation, reward, *_, info = env.step(0)
    # Upside down the second frame is (8, 6): sqrt(5^2 + 2^2) from the target, in units of 2.
    assert observation.tolist() == info["latent"].tolist() == [8.0, 6.0]
    assert reward == pytest.approx(-np.sqrt(29.0) / 2.0)


def test_it_is_in_vectors_too() -> None:
    encoder = hand_encoder()
    makers = [lambda: Replay(FILM)] * 2
    inside = VectorLatentRewardWrapper(SyncVectorEnv(makers), encoder, target=TARGET)
    turned = vector_wrappers.TransformObservation(
        inside,
        lambda seen: seen[:, :, ::-1].copy(),
        single_observation_space=inside.single_observation_space,
        observation_space=inside.observation_space,
    )
    envs = VectorLatentObservationWrapper(
        VectorLatentRewardWrapper(turned, encoder, target=TARGET, reward="distance"),
        encoder,
        normalise=False,
    )
    envs.reset()
    observations, rewards, *_ = envs.step(np.zeros(2, int))
    assert observations.tolist() == [[8.0, 6.0]] * 2
    assert rewards == pytest.approx([-np.sqrt(29.0) / 2.0] * 2)


def test_a_frame_is_coded_once_where_it_comes_through(counted: list[int]) -> None:
    encoder = hand_encoder()
    inside = LatentRewardWrapper(Replay(FILM), encoder, target=TARGET)
    limited = gym.wrappers.TimeLimit(inside, 3)
    env = LatentGoalWrapper(LatentObservationWrapper(limited, encoder), encoder, target=TARGET)
    counted.clear()
    env.reset()
    env.step(0)
    assert counted == [1, 1]


def test_each_entry_of_a_dict_is_what_its_wrapper_was_told_to_read() -> None:
    encoder = hand_encoder()
    space = gym.spaces.Box(0, 255, (1, *FILM.shape[1:]), np.uint8)
    both = TransformObservation(
        Replay(FILM),
        lambda seen: {"frame": seen, "other": seen[:, ::-1].copy()},
        gym.spaces.Dict({"frame": space, "other": space}),
    )
    other = LatentRewardWrapper(both, encoder, target=TARGET, frame="observation:other")
    env = LatentRewardWrapper(other, encoder, target=TARGET)
    env.reset()
    assert env.step(0)[4]["latent"].tolist() == [6.0, 8.0]
    # Latents hide both entries; what is meant then is what they are the latents of.
    seen = LatentObservationWrapper(both, encoder, frame="observation:other")
    env = LatentRewardWrapper(seen, encoder, target=TARGET)
    env.reset()
    assert env.step(0)[4]["latent"].tolist() == [8.0, 6.0]


@pytest.mark.parametrize("kind", [LatentRewardWrapper, LatentGoalWrapper])
def test_episodes_that_begin_by_themselves_must_do_so_outside(kind: Any) -> None:
    def draw(generator: np.random.Generator) -> Any:
        return layers(int(generator.integers(10)), 3)

    inside = gym.wrappers.TimeLimit(Autoreset(Replay(FILM)), 100)
    with pytest.raises(InputError, match="Autoreset is inside, which begins episodes unseen; put it outside"):
        kind(inside, hand_encoder(), target=draw)
    env = Autoreset(kind(Replay(FILM), hand_encoder(), target=draw, reward="progress"))
    targets = [tuple(env.reset(seed=4)[1]["target_latent"])]
    for _ in range(12):
        _, reward, *_, info = env.step(0)
        if info["number"] == 0:
            assert reward == 0.0
            targets.append(tuple(info["target_latent"]))
    assert len(set(targets)) > 1


def test_set_state_tells_what_is_seen_there_at_every_layer() -> None:
    encoder = hand_encoder(known=True)
    env = LatentObservationWrapper(
        LatentGoalWrapper(Replay(FILM), encoder, target=[3.0, 4.0], reward="progress"),
        encoder,
        parts=["content", "target"],
        info_keys=["distance"],
    )
    env.reset()
    observation, *_, info = env.step(0)
    state = env.get_state()
    ahead = env.step(0)
    again, told = env.set_state(state)
    assert_same(again, observation)
    of_the_step = {"original_reward", "previous_achieved_goal", "terminated", "truncated"}
    assert set(info) - set(told) == of_the_step
    assert_same(told, {key: value for key, value in info.items() if key not in of_the_step})
    assert_same(env.step(0), ahead)
    goal, _ = env.env.set_state(state)
    assert goal["achieved_goal"].tolist() == [6.0, 8.0]


def test_an_environment_whose_set_state_tells_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Replay, "set_state", lambda self, state: None)
    env = LatentRewardWrapper(Replay(FILM), hand_encoder(), target=TARGET)
    env.reset()
    with pytest.raises(InputError, match=r"returned NoneType; it must return \(observation, info\)"):
        env.set_state(env.get_state())


class InPlace(gym.Wrapper[Any, Any, Any, Any]):
    """Turns the frame upside down in the very array that it lies in, wherever that is."""

    def __init__(self, env: gym.Env[Any, Any], place: str) -> None:
        super().__init__(env)
        self.place = place

    def turn(self, observation: Any, info: dict[str, Any]) -> None:
        picture = {"observation": observation, "info": info.get("picture")}.get(self.place)
        picture = observation[self.place] if picture is None else picture
        picture[:] = picture[..., ::-1, :].copy()

    def reset(self, **arguments: Any) -> Any:
        observation, info = self.env.reset(**arguments)
        self.turn(observation, info)
        return observation, info

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.turn(observation, info)
        return observation, reward, terminated, truncated, info


PLACES = [("observation", "observation"), ("frame", "observation"), ("info", "info:picture")]


@pytest.mark.parametrize(("place", "frame"), PLACES)
@pytest.mark.parametrize("outer", [LatentRewardWrapper, LatentGoalWrapper, LatentObservationWrapper])
def test_a_frame_that_is_changed_in_place_is_read_anew(place: str, frame: str, outer: Any) -> None:
    encoder = hand_encoder()
    # A copy of each frame: in place means in the film itself where `info` holds it.
    inside = LatentRewardWrapper(Replay(FILM.copy(), place=place), encoder, target=TARGET, frame=frame)
    settings = {} if outer is LatentObservationWrapper else {"target": TARGET}
    env = outer(InPlace(inside, place), encoder, frame=frame, **settings)
    env.reset()
    assert env.step(0)[4]["latent"].tolist() == [8.0, 6.0]


class VectorInPlace(gym.vector.VectorWrapper):
    """`InPlace` around many."""

    def __init__(self, envs: Any, place: str) -> None:
        super().__init__(envs)
        self.place = place

    def turn(self, observations: Any, infos: dict[str, Any]) -> None:
        parts = [(observations, infos)]
        if "final_obs" in infos:
            parts += [
                (infos["final_obs"][row], {key: value[row] for key, value in infos["final_info"].items()})
                for row in np.flatnonzero(infos["_final_obs"])
            ]
        for observation, info in parts:
            picture = {"observation": observation, "info": info.get("picture")}.get(self.place)
            picture = observation[self.place] if picture is None else picture
            picture[:] = picture[..., ::-1, :].copy()

    def reset(self, **arguments: Any) -> Any:
        observations, infos = self.env.reset(**arguments)
        self.turn(observations, infos)
        return observations, infos

    def step(self, actions: Any) -> Any:
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        self.turn(observations, infos)
        return observations, rewards, terminated, truncated, infos


@pytest.mark.parametrize(("place", "frame"), PLACES)
@pytest.mark.parametrize("outer", [VectorLatentRewardWrapper, VectorLatentGoalWrapper])
def test_vectors_read_what_is_changed_in_place_anew(place: str, frame: str, outer: Any) -> None:
    encoder = hand_encoder()
    makers = [lambda: Replay(FILM[:2].copy(), place=place), lambda: Replay(FILM.copy(), place=place)]
    inside = VectorLatentRewardWrapper(
        SyncVectorEnv(makers, autoreset_mode="SameStep"), encoder, target=TARGET, frame=frame
    )
    envs = outer(VectorInPlace(inside, place), encoder, target=TARGET, frame=frame)
    envs.reset()
    infos = envs.step(np.zeros(2, int))[4]
    # The first film has ended: its last frame is told in the final info.
    assert infos["final_info"]["latent"][0].tolist() == [8.0, 6.0]
    assert infos["latent"].tolist() == [[0.0, 0.0], [8.0, 6.0]]


def test_pictures_are_drawn_once_unless_a_wrapper_in_between_draws_others() -> None:
    encoder = hand_encoder()
    drawn: list[int] = []

    class Drawing(Replay):
        def render(self) -> Any:
            drawn.append(self.number)
            return super().render()

    class Turned(gym.Wrapper[Any, Any, Any, Any]):
        def render(self) -> Any:
            return self.env.render()[::-1]

    inside = LatentRewardWrapper(
        Drawing(FILM, place="nowhere", render_mode="rgb_array"), encoder, target=TARGET, frame="render"
    )
    plain = LatentObservationWrapper(inside, encoder, frame="render", normalise=False)
    plain.reset()
    assert plain.step(0)[0].tolist() == [6.0, 8.0]
    assert drawn == [0, 1]
    turned = LatentObservationWrapper(Turned(inside), encoder, frame="render", normalise=False)
    turned.reset()
    assert turned.step(0)[0].tolist() == [8.0, 6.0]
