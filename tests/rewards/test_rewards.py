"""The wrappers: numbers by hand, the checkers, one encoding a step, any environment with frames."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_by_gymnasium
from stable_baselines3.common.env_checker import check_env as check_by_sb3

from morphsim import LatentObservationWrapper, LatentRewardWrapper
from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.frames import FrameSet, write_frames
from tests.encoders import blobs, small_encoder

SHAPE = (36, 64)
IDS = ["morphsim:morphsim/Drying-v0", "morphsim:morphsim/Annealing-v0"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return small_encoder(tmp_path_factory.mktemp("rewards") / "encoder", SHAPE)


class Replay(gym.Env[Any, Any]):
    """Somebody's environment: it shows given frames, one after the other."""

    def __init__(self, frames: np.ndarray[Any, Any], *, hidden: bool = False) -> None:
        self.frames, self.hidden, self.number = frames, hidden, 0
        shape = (3,) if hidden else frames.shape[1:]
        self.observation_space = gym.spaces.Box(0, 255, shape, np.uint8)
        self.action_space = gym.spaces.Discrete(2)

    def _seen(self) -> tuple[Any, dict[str, Any]]:
        frame = self.frames[self.number]
        observation = np.zeros(3, np.uint8) if self.hidden else frame * np.uint8(255)
        return observation, {"picture": frame, "number": self.number}

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.number = 0
        return self._seen()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.number += 1
        observation, info = self._seen()
        return observation, 0.25, self.number == len(self.frames) - 1, False, info


def wrapped(name: str, encoder: Encoder, **arguments: Any) -> gym.Env[Any, Any]:
    env = gym.make(name, shape=SHAPE, steps=4).unwrapped
    return LatentRewardWrapper(env, encoder, target=blobs(2, SHAPE, seed=9), **arguments)


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("reward", ["distance", "squared", "progress"])
def test_both_checkers_accept_the_wrapped_environment(
    name: str, reward: str, encoder: Encoder, recwarn: pytest.WarningsRecorder
) -> None:
    env = wrapped(name, encoder, reward=reward)
    check_by_gymnasium(env, skip_render_check=True)
    check_by_sb3(env, warn=False)
    # Both checkers warn that they'd rather have the bare environment; the bare one is checked elsewhere.
    assert all("unwrapped" in str(warning.message) for warning in recwarn)


@pytest.mark.parametrize("name", IDS)
def test_both_checkers_accept_latent_observations(
    name: str, encoder: Encoder, recwarn: pytest.WarningsRecorder
) -> None:
    env = LatentObservationWrapper(wrapped(name, encoder), encoder, info_keys=["step_fraction"])
    check_by_gymnasium(env, skip_render_check=True)
    check_by_sb3(env, warn=False)
    # Latents have no bounds, which Gymnasium points out.
    assert all("unwrapped" in str(w.message) or "infinity" in str(w.message) for w in recwarn)


def test_rewards_are_what_the_distances_say(encoder: Encoder) -> None:
    frames = blobs(5, SHAPE, seed=1)
    latents = np.stack([encoder.encode(frame[None])[0] for frame in frames])
    scale = encoder.metadata["distances"]["euclidean"]["scale"]
    expected = np.linalg.norm(latents - latents[-1], axis=1) / scale
    by_hand = {
        "distance": -expected[1:],
        "squared": -(expected[1:] ** 2),
        "progress": expected[:-1] - expected[1:],
    }
    for name, rewards in by_hand.items():
        env = LatentRewardWrapper(Replay(frames), encoder, target=frames[-1], reward=name)  # type: ignore[arg-type]
        _, info = env.reset()
        assert "original_reward" not in info
        assert info["distance"] == pytest.approx(expected[0], rel=1e-5)
        for number in range(4):
            _, reward, terminated, _, info = env.step(0)
            assert reward == pytest.approx(rewards[number], rel=1e-5, abs=1e-6)
            assert type(reward) is float
            assert info["original_reward"] == 0.25
            assert info["latent"] == pytest.approx(latents[number + 1])
            assert info["encoder_hash"] == encoder.hash
        assert terminated
        # The target itself is at distance 0 exactly, and no random pair is closer.
        assert info["distance"] == 0.0
        assert info["percentile"] == 0.0


def test_progress_sums_to_the_whole_gain(encoder: Encoder) -> None:
    frames = blobs(6, SHAPE, seed=2)
    env = LatentRewardWrapper(Replay(frames), encoder, target=frames[3], reward="progress")
    _, first = env.reset()
    steps = [env.step(0) for _ in range(5)]
    total = sum(float(step[1]) for step in steps)
    assert total == pytest.approx(first["distance"] - steps[-1][4]["distance"])


def test_the_nearest_of_several_targets_counts(encoder: Encoder) -> None:
    frames = blobs(4, SHAPE, seed=3)
    env = LatentRewardWrapper(Replay(frames), encoder, target=frames[[2, 1]])
    env.reset()
    infos = [env.step(0)[4] for _ in range(2)]
    assert [(info["nearest_target"], info["distance"]) for info in infos] == [(1, 0.0), (0, 0.0)]


def test_a_target_comes_from_a_frame_file(encoder: Encoder, tmp_path: Path) -> None:
    frames = blobs(3, SHAPE, seed=4)
    write_frames(tmp_path / "t.h5", FrameSet(frames=frames, columns={"trajectory": np.zeros(3, int)}))
    env = LatentRewardWrapper(Replay(frames), encoder, target=f"{tmp_path / 't.h5'}:1")
    env.reset()
    assert env.step(0)[4]["distance"] == 0.0


def test_one_frame_is_encoded_once_a_step(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    env = LatentObservationWrapper(wrapped(IDS[0], encoder), encoder, info_keys=["dryness"])
    counted: list[int] = []
    encode = Encoder.encode
    monkeypatch.setattr(
        Encoder, "encode", lambda self, frames: counted.append(len(frames)) or encode(self, frames)
    )
    env.reset(seed=0)
    for _ in range(3):
        env.step(env.action_space.sample())
    assert counted == [1, 1, 1, 1]


def test_latent_observations_hold_latents_and_chosen_numbers(encoder: Encoder) -> None:
    frames = blobs(3, SHAPE, seed=5)
    env = LatentObservationWrapper(Replay(frames), encoder, info_keys=["number"])
    observation, _ = env.reset()
    assert observation.shape == env.observation_space.shape == (5,)
    assert observation.dtype == np.float32
    observation, *_ = env.step(0)
    assert observation[:4] == pytest.approx(encoder.encode(frames[1:2])[0])
    assert observation[4] == 1.0


def test_any_environment_works_through_a_function(encoder: Encoder) -> None:
    frames = blobs(3, SHAPE, seed=6)
    env = LatentRewardWrapper(
        Replay(frames, hidden=True),
        encoder,
        target=frames[1],
        frame=lambda observation, info: info["picture"],
    )
    env.reset()
    assert env.step(0)[4]["distance"] == 0.0
    with pytest.raises(InputError, match=r"shape \(3,\), which is no frame"):
        LatentRewardWrapper(Replay(frames, hidden=True), encoder, target=frames[1]).reset()


def test_the_same_episode_twice_bit_for_bit(encoder: Encoder) -> None:
    def rewards() -> list[float]:
        env = wrapped(IDS[0], encoder, reward="progress")
        env.reset(seed=2)
        env.action_space.seed(2)
        return [float(env.step(env.action_space.sample())[1]) for _ in range(4)]

    assert rewards() == rewards()


def test_wrapped_environments_are_rebuilt_from_their_spec_and_pickled(encoder: Encoder) -> None:
    frames = blobs(1, SHAPE)
    env = LatentRewardWrapper(gym.make(IDS[0], shape=SHAPE, steps=4), encoder, target=frames[0])
    assert env.spec is not None
    again = gym.make(env.spec)
    env.reset(seed=1)
    again.reset(seed=1)
    action = np.zeros(3, np.float32)
    assert env.step(action)[1] == again.step(action)[1]
    copy = pickle.loads(pickle.dumps(env))
    assert copy.step(action)[1] == env.step(action)[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "target is missing"),
        ({"target": np.zeros((0, *SHAPE), np.uint8)}, "target holds no frame"),
        ({"target": np.zeros((8, 8), np.uint8)}, "36"),
        ({"target": np.full(SHAPE, np.nan)}, "NaN"),
        (
            {"target": np.zeros(SHAPE, np.uint8), "reward": "closeness"},
            "reward is 'closeness'; use one of distance",
        ),
        ({"target": "absent.h5:3"}, "absent.h5"),
    ],
)
def test_wrong_use_names_the_mend(arguments: dict[str, Any], message: str, encoder: Encoder) -> None:
    with pytest.raises(InputError, match=message):
        LatentRewardWrapper(Replay(blobs(2, SHAPE)), encoder, **arguments)


def test_frames_of_another_shape_and_missing_numbers_are_refused(encoder: Encoder) -> None:
    env = LatentRewardWrapper(Replay(blobs(2, (20, 20))), encoder, target=blobs(1, SHAPE)[0])
    with pytest.raises(InputError, match="20"):
        env.reset()
    other = LatentObservationWrapper(Replay(blobs(2, SHAPE)), encoder, info_keys=["dryness"])
    with pytest.raises(InputError, match="info has no dryness; of numbers it has number"):
        other.reset()
