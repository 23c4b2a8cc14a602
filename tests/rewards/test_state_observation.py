"""One flat observation of the latents, the state of the process and the target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from morphsim import (
    LatentGoalWrapper,
    LatentObservationWrapper,
    LatentRewardWrapper,
    VectorLatentGoalWrapper,
    VectorLatentObservationWrapper,
    VectorLatentRewardWrapper,
)
from morphsim.errors import InputError
from tests.encoders import blobs, small_encoder
from tests.rewards.rewards_helpers import Process, Replay, hand_encoder, layers
from tests.rewards.vector_helpers import MODES, compare

FILM = np.stack([layers(0, 0), layers(6, 8), layers(3, 4), layers(3, 0)])
TARGET = layers(3, 4)
PARTS: Any = ["content", "state", "target"]


def test_parts_are_observed_in_their_order() -> None:
    encoder = hand_encoder()
    rewarded = LatentRewardWrapper(Process(FILM), encoder, target=TARGET)
    env = LatentObservationWrapper(rewarded, encoder, parts=PARTS, info_keys=["time_s"], normalise=False)
    bounds = np.full((2, 8), [[-np.inf], [np.inf]], np.float32)
    # The state keeps its bounds.
    bounds[:, 2:5] = [[-1.0], [100.0]]
    assert env.observation_space == gym.spaces.Box(*bounds, dtype=np.float32)
    observation, _ = env.reset()
    assert observation.tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 4.0, 100.0]
    observation = env.step(np.array([20.0, 5.0], np.float32))[0]
    assert observation.dtype == np.float32
    assert observation.tolist() == [6.0, 8.0, 1.0, 20.0, 5.0, 3.0, 4.0, 101.0]


@pytest.mark.parametrize("mode", MODES)
def test_vector_environments_observe_the_same(mode: AutoresetMode) -> None:
    encoder = hand_encoder()
    makers = [lambda film=film: Process(film) for film in (FILM, FILM[:3], FILM[[2, 1]])]
    compare(
        makers,  # type: ignore[arg-type]
        lambda env: LatentObservationWrapper(
            LatentRewardWrapper(env, encoder, target=TARGET), encoder, parts=PARTS
        ),
        lambda envs: VectorLatentObservationWrapper(
            VectorLatentRewardWrapper(envs, encoder, target=TARGET), encoder, parts=PARTS
        ),
        mode,
        steps=8,
    )
    compare(
        makers,  # type: ignore[arg-type]
        lambda env: LatentGoalWrapper(env, encoder, target=TARGET, parts=["state", "content"]),
        lambda envs: VectorLatentGoalWrapper(envs, encoder, target=TARGET, parts=["state", "content"]),
        mode,
        steps=8,
    )


def test_films_show_their_state(tmp_path: Path) -> None:
    encoder = small_encoder(tmp_path / "encoder", (36, 64))
    film = gym.make("morphsim:morphsim/Drying-v0", shape=(36, 64), steps=3, observation="dict")
    target = blobs(1, (36, 64))[0]
    env = LatentObservationWrapper(LatentRewardWrapper(film, encoder, target=target), encoder, parts=PARTS)
    observation, info = env.reset(seed=1)
    size = encoder.latent_size
    state = film.unwrapped._observed()[0]["state"]  # type: ignore[attr-defined]
    assert observation.shape == env.observation_space.shape == (2 * size + len(state),)
    assert observation[size:-size].tolist() == state.tolist()
    assert observation[-size:] == pytest.approx(info["target_latent"] / env.features.unit)


def test_without_a_state_there_is_nothing_to_observe() -> None:
    with pytest.raises(InputError, match="there is no state to observe: the observation is Box"):
        LatentObservationWrapper(Replay(FILM), hand_encoder(), parts=PARTS)
    with pytest.raises(InputError, match=r"there is no state.*observation='dict'"):
        LatentGoalWrapper(Replay(FILM, place="frame"), hand_encoder(), target=TARGET, parts=["state"])
