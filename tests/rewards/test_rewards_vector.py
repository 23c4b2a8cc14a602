"""A wrapped vector environment equals a vector environment of wrapped environments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

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
from morphsim.rewards import FixedTargets
from morphsim.rewards.vector.batching import observation_of
from tests.encoders import blobs, small_encoder
from tests.rewards.rewards_helpers import Replay, hand_encoder, layers
from tests.rewards.vector_helpers import MODES, compare, same

RANDOM = np.random.default_rng(0)
FILMS = [np.stack([layers(*RANDOM.integers(0, 11, 2)) for _ in range(length)]) for length in (4, 6, 3)]
TARGETS = FixedTargets([layers(3, 4), layers(8, 1), np.stack([layers(9, 9), layers(0, 5)])])


def replays(**arguments: Any) -> list[Callable[[], gym.Env[Any, Any]]]:
    return [lambda film=film: Replay(film, **arguments) for film in FILMS]


@pytest.mark.parametrize("wrapper", [VectorLatentRewardWrapper, VectorLatentGoalWrapper])
def test_an_unusable_target_ends_no_episode(wrapper: Any) -> None:
    inside = SyncVectorEnv(replays())
    envs = wrapper(inside, hand_encoder(), target=TARGETS)
    envs.reset(seed=1)
    envs.step(envs.action_space.sample())
    with pytest.raises(InputError, match="this encoder takes"):
        envs.reset(options={"target": np.zeros((3, 3), np.uint8)})
    assert [env.unwrapped.number for env in inside.envs] == [1, 1, 1]  # type: ignore[attr-defined]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("reward", ["distance", "mahalanobis", "sparse", "progress", "shaped", "log_prob"])
def test_rewards(mode: AutoresetMode, reward: Any) -> None:
    encoder = hand_encoder(known=True)
    settings: dict[str, Any] = {"target": TARGETS, "reward": reward, "own_weight": 0.5}
    compare(
        replays(),
        lambda env: LatentRewardWrapper(env, encoder, **settings),
        lambda envs: VectorLatentRewardWrapper(envs, encoder, **settings),
        mode,
        steps=14,
    )


@pytest.mark.parametrize("mode", MODES)
def test_truncation_penalties(mode: AutoresetMode) -> None:
    encoder = hand_encoder()
    settings: dict[str, Any] = {"target": TARGETS, "truncation_penalty": 0.75}
    for single, vector in (
        (LatentRewardWrapper, VectorLatentRewardWrapper),
        (LatentGoalWrapper, VectorLatentGoalWrapper),
    ):
        compare(
            replays(terminates=False),
            lambda env, single=single: single(env, encoder, **settings),  # type: ignore[misc]
            lambda envs, vector=vector: vector(envs, encoder, **settings),  # type: ignore[misc]
            mode,
            steps=8,
        )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("place", ["frame", "info", "function"])
def test_frames_from_other_places(mode: AutoresetMode, place: str) -> None:
    encoder = hand_encoder()
    frame: Any = {
        "frame": "observation",
        "info": "info:picture",
        "function": lambda observation, info: info["picture"],
    }[place]
    settings: dict[str, Any] = {"target": layers(5, 5), "frame": frame}
    compare(
        replays(place="info" if place == "function" else place, terminates=False),
        lambda env: LatentRewardWrapper(env, encoder, **settings),
        lambda envs: VectorLatentRewardWrapper(envs, encoder, **settings),
        mode,
        steps=9,
        seed=[3, 1, 4],
    )


@pytest.mark.parametrize("mode", MODES)
def test_observations(mode: AutoresetMode) -> None:
    encoder = hand_encoder()
    settings: dict[str, Any] = {"parts": ["content", "deviation"], "info_keys": ["number"]}
    compare(
        replays(),
        lambda env: LatentObservationWrapper(env, encoder, **settings),
        lambda envs: VectorLatentObservationWrapper(envs, encoder, **settings),
        mode,
        steps=14,
    )


@pytest.mark.parametrize("mode", MODES)
def test_observations_around_rewards(mode: AutoresetMode) -> None:
    encoder = hand_encoder(known=True)
    parts: Any = ["content", "target"]
    compare(
        replays(),
        lambda env: LatentObservationWrapper(
            LatentRewardWrapper(env, encoder, target=TARGETS), encoder, parts=parts
        ),
        lambda envs: VectorLatentObservationWrapper(
            VectorLatentRewardWrapper(envs, encoder, target=TARGETS), encoder, parts=parts
        ),
        mode,
        steps=14,
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("reward", ["distance", "log_prob", "progress", "shaped"])
def test_goals(mode: AutoresetMode, reward: Any) -> None:
    encoder = hand_encoder()
    settings: dict[str, Any] = {"target": TARGETS, "reward": reward, "info_keys": ["number"]}
    compare(
        replays(),
        lambda env: LatentGoalWrapper(env, encoder, **settings),
        lambda envs: VectorLatentGoalWrapper(envs, encoder, **settings),
        mode,
        steps=14,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return small_encoder(tmp_path_factory.mktemp("vector") / "encoder", (36, 64))


@pytest.mark.parametrize("name", ["morphsim:morphsim/Drying-v0", "morphsim:morphsim/Annealing-v0"])
@pytest.mark.parametrize("kind", ["reward", "observation", "goal"])
def test_films(name: str, kind: str, trained: Encoder) -> None:
    """Wrapped batched films beside wrapped single films."""
    arguments: dict[str, Any] = {"shape": (36, 64), "steps": 3}
    targets = FixedTargets(list(blobs(3, (36, 64), seed=4)))
    wrappers: dict[str, tuple[Any, Any, dict[str, Any]]] = {
        "reward": (LatentRewardWrapper, VectorLatentRewardWrapper, {"target": targets, "reward": "progress"}),
        "observation": (
            LatentObservationWrapper,
            VectorLatentObservationWrapper,
            {"info_keys": ["step_fraction"]},
        ),
        "goal": (LatentGoalWrapper, VectorLatentGoalWrapper, {"target": targets}),
    }
    single, vector, settings = wrappers[kind]
    one = SyncVectorEnv(
        [lambda: single(gym.make(name, **arguments), trained, **settings)] * 2,
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    other = vector(gym.make_vec(name, num_envs=2, **arguments), trained, **settings)
    same(one.reset(seed=3), other.reset(seed=3), "reset")
    one.action_space.seed(1)
    for number in range(7):
        actions = one.action_space.sample()
        same(one.step(actions), other.step(actions), f"step {number}")


def test_a_step_encodes_one_batch(encoded_counts: list[int]) -> None:
    encoder = hand_encoder(known=True)
    envs = VectorLatentObservationWrapper(
        VectorLatentRewardWrapper(
            SyncVectorEnv(replays(), autoreset_mode="SameStep"), encoder, target=layers(3, 4)
        ),
        encoder,
    )
    encoded_counts.clear()
    envs.reset(seed=0)
    ended = [int((envs.step(np.zeros(3, int))[4].get("_final_obs", np.zeros(3))).sum()) for _ in range(4)]
    # One call per step, with the three present frames and the final ones of the episodes that ended.
    assert encoded_counts == [3, *(3 + each for each in ended)]
    assert sum(ended) > 0


def test_the_observation_of_one_environment_has_the_form_of_its_space() -> None:
    batch = {"a": np.arange(3), "b": (np.arange(6).reshape(3, 2), np.ones(3))}
    one = observation_of(batch, 1)
    assert one["a"] == 1
    assert isinstance(one["b"], tuple)
    assert (one["b"][0].tolist(), float(one["b"][1])) == ([2, 3], 1.0)


def test_errors_name_the_wrong_option_and_how_to_fix_it() -> None:
    encoder = hand_encoder()
    envs = SyncVectorEnv(replays(), autoreset_mode=AutoresetMode.SAME_STEP)
    with pytest.raises(InputError, match="the last picture of an episode is gone"):
        VectorLatentRewardWrapper(envs, encoder, target=layers(1, 1), frame="render")
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'target'"):
        VectorLatentRewardWrapper(envs, encoder)  # type: ignore[call-arg]
    with pytest.raises(InputError, match="target is missing"):
        VectorLatentRewardWrapper(envs, encoder, target=None)  # type: ignore[arg-type]
    envs.metadata = {}
    with pytest.raises(InputError, match="no autoreset_mode"):
        VectorLatentRewardWrapper(envs, encoder, target=layers(1, 1))
