"""What Gymnasium and Stable-Baselines3 ask of wrapped environments, and one coding a step."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as check_by_gymnasium
from stable_baselines3.common.env_checker import check_env as check_by_sb3
from stable_baselines3.common.monitor import Monitor

from morphsim import LatentGoalWrapper, LatentObservationWrapper, LatentRewardWrapper
from morphsim.encoder import Encoder
from morphsim.frames import FrameSet
from tests.encoders import blobs, small_encoder

SHAPE = (36, 64)
FILMS: dict[str, dict[str, Any]] = {
    "morphsim:morphsim/Drying-v0": {"shape": SHAPE, "steps": 4},
    "morphsim:morphsim/Annealing-v0": {"shape": SHAPE, "steps": 4},
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return small_encoder(tmp_path_factory.mktemp("checkers") / "encoder", SHAPE)


def film(name: str, **arguments: Any) -> gym.Env[Any, Any]:
    # Checkers want the bare environment; time limits have checks of their own.
    return gym.make(name, **FILMS[name], **arguments).unwrapped


def rewarded(env: gym.Env[Any, Any], encoder: Encoder, **settings: Any) -> gym.Env[Any, Any]:
    return LatentRewardWrapper(env, encoder, **{"target": blobs(2, SHAPE, seed=9), **settings})


def check(env: gym.Env[Any, Any], recwarn: pytest.WarningsRecorder) -> None:
    recwarn.clear()
    check_by_gymnasium(env, skip_render_check=True)
    check_by_sb3(env, warn=False)
    # Both checkers say that they would rather have the bare environment, which is checked elsewhere, and that
    # latents have no bounds; wrappers say of some rewards that they are not for films.
    known = ("unwrapped", "the agent sets how many steps", "the environment earned 0")
    odd = [
        text for text in (str(each.message) for each in recwarn) if not any(part in text for part in known)
    ]
    assert all("infinity" in text for text in odd), odd


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("reward", ["distance", "squared", "cosine", "mahalanobis", "sparse", "progress"])
def test_rewards(name: str, reward: str, encoder: Encoder, recwarn: pytest.WarningsRecorder) -> None:
    check(rewarded(film(name), encoder, reward=reward), recwarn)


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("observation", ["frame", "dict"])
def test_all_wrappers_in_both_orders(
    name: str, observation: str, encoder: Encoder, recwarn: pytest.WarningsRecorder
) -> None:
    def env() -> gym.Env[Any, Any]:
        return film(name, observation=observation)

    keys = ["step_fraction"]
    check(rewarded(env(), encoder, reward="log_prob"), recwarn)
    check(LatentObservationWrapper(env(), encoder, info_keys=keys), recwarn)
    check(LatentObservationWrapper(rewarded(env(), encoder), encoder, parts=["content", "target"]), recwarn)
    check(rewarded(LatentObservationWrapper(env(), encoder, info_keys=keys), encoder), recwarn)
    check(LatentGoalWrapper(env(), encoder, target=blobs(1, SHAPE)[0], reward="shaped"), recwarn)


@pytest.mark.parametrize("name", FILMS)
def test_one_frame_is_coded_once_a_step(name: str, encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = LatentObservationWrapper(rewarded(film(name), encoder), encoder)
    env = LatentGoalWrapper(inner, encoder, target=blobs(1, SHAPE)[0])
    counted: list[int] = []
    code = Encoder.encode_all

    def counting(self: Encoder, frames: Any, **options: Any) -> Any:
        counted.append(len(frames))
        return code(self, frames, **options)

    monkeypatch.setattr(Encoder, "encode_all", counting)
    env.reset(seed=0)
    for _ in range(3):
        env.step(env.action_space.sample())
    assert counted == [1, 1, 1, 1]


def test_monitor_sums_an_episode_and_records_what_info_tells(encoder: Encoder) -> None:
    env = Monitor(
        rewarded(film("morphsim:morphsim/Drying-v0"), encoder, reward="progress"),
        info_keywords=("distance", "percentile", "is_success", "out_of_distribution"),
    )
    _, first = env.reset(seed=1)
    over, info = False, first
    while not over:
        _, _, terminated, truncated, info = env.step(env.action_space.sample())
        over = terminated or truncated
    episode = info["episode"]
    assert episode["r"] == pytest.approx(first["distance"] - info["distance"], abs=1e-5)
    assert episode["distance"] == info["distance"]
    assert set(episode) == {"r", "l", "t", "distance", "percentile", "is_success", "out_of_distribution"}


def test_a_stored_film_is_rewarded_as_it_is_replayed(encoder: Encoder) -> None:
    frames = blobs(5, SHAPE, seed=8)
    film = FrameSet(frames=frames, columns={"trajectory": np.zeros(5, int)}, boundary="periodic")
    env = LatentRewardWrapper(
        gym.make("morphsim:morphsim/FrameReplay-v0", frames=film),
        encoder,
        target=frames[3],
        reward="progress",
    )
    _, first = env.reset(seed=0)
    steps = [env.step(env.action_space.sample()) for _ in range(4)]
    assert [step[4]["distance"] == 0.0 for step in steps] == [False, False, True, False]
    total = sum(float(step[1]) for step in steps)
    assert total == pytest.approx(first["distance"] - steps[-1][4]["distance"], abs=1e-5)
    assert steps[-1][2]


def test_the_same_episode_twice_bit_for_bit(encoder: Encoder) -> None:
    def rewards() -> list[float]:
        env = rewarded(film("morphsim:morphsim/Drying-v0"), encoder, reward="progress")
        env.reset(seed=2)
        env.action_space.seed(2)
        return [float(env.step(env.action_space.sample())[1]) for _ in range(4)]

    assert rewards() == rewards()


@pytest.mark.parametrize("kind", ["reward", "goal"])
def test_branches_from_a_saved_state_earn_what_the_episode_earned(kind: str, encoder: Encoder) -> None:
    targets = list(blobs(3, SHAPE, seed=2))
    make: Any = LatentRewardWrapper if kind == "reward" else LatentGoalWrapper
    env = make(
        film("morphsim:morphsim/Drying-v0"),
        encoder,
        target=lambda generator: targets[int(generator.integers(3))],
        reward="progress",
    )
    env.reset(seed=3)
    env.step(np.zeros(3, np.float32))
    state = env.get_state()

    def ahead() -> list[Any]:
        env.set_state(state)
        steps = [env.step(np.full(3, value, np.float32)) for value in (0.5, -0.5)]
        _, info = env.reset()
        return [*(step[1] for step in steps), *(step[4]["distance"] for step in steps), info["distance"]]

    assert ahead() == ahead()
