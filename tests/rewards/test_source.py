"""Sources of frames in environments of all kinds."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from morphsim import LatentObservationWrapper, LatentRewardWrapper, VectorLatentRewardWrapper
from morphsim.errors import InputError
from morphsim.frames import FrameSet
from morphsim.rewards.source import FrameReader
from tests.rewards.rewards_helpers import SHAPE, Replay, hand_encoder, layers

FILM = np.stack([layers(0, 0), layers(6, 8), layers(3, 4)])


@pytest.mark.parametrize(
    ("place", "frame"),
    [
        ("observation", "observation"),
        ("frame", "observation"),
        ("picture", "observation:picture"),
        ("info", "info:picture"),
        ("nowhere", "render"),
        ("info", lambda observation, info: info["picture"]),
    ],
)
def test_frames_are_found_in_every_source(place: str, frame: Any) -> None:
    env = LatentRewardWrapper(
        Replay(FILM, place=place, render_mode="rgb_array"), hand_encoder(), target=FILM[1], frame=frame
    )
    env.reset()
    assert env.step(0)[4]["distance"] == 0.0
    assert env.step(0)[4]["distance"] == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("place", "frame", "message"),
    [
        ("nowhere", "observation", "which is not a picture; set frame to where frames are: 'observation'"),
        ("picture", "observation", "no entry 'frame'; name one as frame='observation:KEY' with KEY one of"),
        ("picture", "observation:image", "but the observation has .*picture"),
        ("nowhere", "observation:image", "no keys"),
        ("info", "pixels", "frame is 'pixels'; set frame to where frames are"),
        ("info", 3, "frame is 3; set frame to where frames are"),
    ],
)
def test_a_missing_frame_is_refused_at_once(place: str, frame: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        LatentRewardWrapper(Replay(FILM, place=place), hand_encoder(), target=FILM[1], frame=frame)


def test_errors_at_reset_name_the_missing_frame_and_how_to_fix_it() -> None:
    encoder = hand_encoder()
    with pytest.raises(InputError, match=r"info has no 'picture'.*it has number"):
        LatentRewardWrapper(
            Replay(FILM, place="nowhere"), encoder, target=FILM[1], frame="info:picture"
        ).reset()
    with pytest.raises(InputError, match="render_mode='rgb_array'"):
        LatentRewardWrapper(Replay(FILM, place="nowhere"), encoder, target=FILM[1], frame="render").reset()
    with pytest.raises(InputError, match=r"shape \(3,\), which is no"):
        LatentRewardWrapper(Replay(FILM), encoder, target=FILM[1], frame=lambda *_: np.zeros(3)).reset()
    with pytest.raises(InputError, match="this encoder takes"):
        LatentRewardWrapper(Replay(FILM), encoder, target=FILM[1], frame=lambda *_: np.zeros((3, 3))).reset()
    with pytest.raises(InputError, match="NaN"):
        LatentRewardWrapper(
            Replay(FILM), encoder, target=FILM[1], frame=lambda *_: np.full(SHAPE, np.nan)
        ).reset()


def test_frames_of_another_shape_are_refused_before_the_first_step() -> None:
    small = np.zeros((3, 6, 6), np.uint8)
    with pytest.raises(InputError, match=r"shape \(1, 6, 6\), but the encoder takes frames of \(4, 10\)"):
        LatentRewardWrapper(Replay(small), hand_encoder(), target=FILM[1])


def test_films_with_another_boundary_than_the_encoder_s_are_refused() -> None:
    encoder = hand_encoder()
    env = LatentRewardWrapper(Replay(FILM, boundary="no-flux"), encoder, target=FILM[1])
    with pytest.raises(
        InputError, match="the film's boundary is no-flux, but the encoder was trained on periodic"
    ):
        env.reset()
    LatentRewardWrapper(Replay(FILM, boundary="periodic"), encoder, target=FILM[1]).reset()


def test_colour_and_greyscale_are_thresholded_at_one_half() -> None:
    reader = FrameReader("info:x", gym.spaces.Discrete(2), hand_encoder())
    grey = np.array([[0, 127], [128, 255]], np.uint8)
    assert reader.as_frame(grey).tolist() == [[0, 0], [1, 1]]
    colour = np.zeros((2, 2, 3), np.uint8)
    colour[0, 0] = (255, 255, 0)
    colour[1, 1] = (255, 60, 60)
    assert reader.as_frame(colour).tolist() == [[1, 0], [0, 0]]
    assert reader.as_frame(colour.transpose(2, 0, 1)).tolist() == [[1, 0], [0, 0]]
    assert reader.as_frame(colour / 255.0).tolist() == [[1, 0], [0, 0]]
    assert reader.as_frame(np.array([[0.0, 0.49], [0.5, 1.0]])).tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.full(SHAPE, np.nan), "the frame holds NaN"),
        (np.full(SHAPE, 1.5), "the frame holds values from 1.5 to 1.5; give whole numbers 0/1"),
        (np.full(SHAPE, -1), "the frame holds values from -1 to -1"),
        (np.full(SHAPE, 256), "the frame holds values from 256 to 256"),
        (np.full(SHAPE, "a"), "the frame has the dtype <U1"),
    ],
)
def test_pictures_with_invalid_values_are_refused(picture: Any, message: str) -> None:
    reader = FrameReader("info:x", gym.spaces.Discrete(2), hand_encoder())
    with pytest.raises(InputError, match=message):
        reader.as_frame(picture)


def test_observations_of_zeros_and_ones_may_be_of_any_type() -> None:
    spaces: list[gym.Space[Any]] = [gym.spaces.MultiBinary(SHAPE)]
    spaces += [gym.spaces.Box(0, 1, SHAPE, kind) for kind in (np.int8, np.int64, np.float32, np.bool_)]
    for space in spaces:
        env = gym.wrappers.TransformObservation(
            Replay(FILM), lambda seen, kind=space.dtype: (seen[0] // 255).astype(kind), space
        )
        wrapper = LatentRewardWrapper(env, hand_encoder(), target=FILM[1])
        wrapper.reset()
        assert wrapper.step(0)[4]["distance"] == 0.0


@pytest.mark.parametrize("name", ["Drying-v0", "Annealing-v0", "FrameReplay-v0"])
def test_rendered_pictures_of_films_are_refused_as_frames(name: str) -> None:
    arguments: dict[str, Any] = {"shape": (16, 32)}
    if name == "FrameReplay-v0":
        arguments = {"frames": FrameSet(frames=FILM, columns={"trajectory": np.zeros(3, int)})}
    env = gym.make(f"morphsim:morphsim/{name}", render_mode="rgb_array", **arguments)
    with pytest.raises(InputError, match="this environment's pictures are for people"):
        LatentRewardWrapper(env, hand_encoder(), target=FILM[1], frame="render")
    if name != "FrameReplay-v0":
        envs = gym.make_vec(f"morphsim:morphsim/{name}", num_envs=2, render_mode="rgb_array", **arguments)
        with pytest.raises(InputError, match="this environment's pictures are for people"):
            VectorLatentRewardWrapper(envs, hand_encoder(), target=FILM[1], frame="render")


@settings(max_examples=60, deadline=None)
@given(
    frame=hnp.arrays(np.uint8, SHAPE, elements=st.integers(0, 1)),
    form=st.sampled_from(["plain", "channel first", "channel last", "bytes", "bool", "float", "int64"]),
)
def test_a_frame_means_the_same_in_every_form(frame: Any, form: str) -> None:
    reader = FrameReader("info:x", gym.spaces.Discrete(2), hand_encoder())
    given_as = {
        "plain": frame,
        "channel first": frame[None],
        "channel last": frame[..., None],
        "bytes": frame * np.uint8(255),
        "bool": frame.astype(bool),
        "float": frame.astype(np.float32),
        "int64": frame.astype(np.int64),
    }[form]
    assert np.array_equal(np.asarray(reader.as_frame(given_as)), frame)


def test_latents_and_chosen_numbers_are_observed() -> None:
    encoder = hand_encoder()
    env = LatentObservationWrapper(Replay(FILM), encoder, info_keys=["number"], normalise=False)
    observation, info = env.reset()
    assert observation.tolist() == [0.0, 0.0, 0.0]
    assert observation.dtype == np.float32
    observation, *_, info = env.step(0)
    assert observation.tolist() == [6.0, 8.0, 1.0]
    assert info["latent"].tolist() == [6.0, 8.0]
    # Normalised by the power of two nearest to 2 / sqrt(2 x 2) = 1.
    both = LatentObservationWrapper(
        LatentRewardWrapper(Replay(FILM), encoder, target=layers(3, 4)),
        encoder,
        parts=["target", "content", "deviation", "pose"],
    )
    observation, _ = both.reset()
    assert observation.tolist() == [3.0, 4.0, 0.0, 0.0, 0.5, 2.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"parts": ["colour"]}, "part 'colour' is unknown; use some of content, pose"),
        ({"parts": ["content", "content"]}, "each once"),
        ({"parts": []}, "name at least one"),
    ],
)
def test_wrong_parts_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LatentObservationWrapper(Replay(FILM), hand_encoder(), **arguments)


def test_missing_numbers_and_targets_are_named() -> None:
    with pytest.raises(InputError, match="info has no number dryness; it has number"):
        LatentObservationWrapper(Replay(FILM), hand_encoder(), info_keys=["dryness"]).reset()
    with pytest.raises(InputError, match="info has no number boundary; it has number"):
        LatentObservationWrapper(
            Replay(FILM, boundary="periodic"), hand_encoder(), info_keys=["boundary"]
        ).reset()
    with pytest.raises(InputError, match=r"info_keys is the text 'dryness'; give a list, \['dryness'\]"):
        LatentObservationWrapper(Replay(FILM), hand_encoder(), info_keys="dryness")
    with pytest.raises(InputError, match="wrap the environment with LatentRewardWrapper first"):
        LatentObservationWrapper(Replay(FILM), hand_encoder(), parts=["target"]).reset()
