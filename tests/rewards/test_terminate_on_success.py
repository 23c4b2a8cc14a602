"""Episodes that end on success, in single and in vector environments."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from morphsim import (
    LatentGoalWrapper,
    LatentObservationWrapper,
    LatentRewardWrapper,
    VectorLatentGoalWrapper,
    VectorLatentObservationWrapper,
    VectorLatentRewardWrapper,
)
from morphsim.errors import InputError
from morphsim.rewards import FixedTargets, SB3VecEnv
from tests.encoders import blobs, small_encoder
from tests.rewards.rewards_helpers import Process, Replay, hand_encoder, layers
from tests.rewards.vector_helpers import compare, same

# The target (3, 4) is reached by the second step; the last frame misses it.
FILM = np.stack([layers(0, 0), layers(6, 8), layers(3, 4), layers(3, 0)])
TARGET = layers(3, 4)
# Successes: after two steps; with the last step; never; after one step and, but for the reset, after three.
FILMS = [FILM, FILM[[0, 1, 2]], FILM[[0, 1, 3]], FILM[[0, 2, 1, 2, 3]]]
SAME_STEP = AutoresetMode.SAME_STEP


def settings(**options: Any) -> dict[str, Any]:
    return {"target": TARGET, "terminate_on_success": True, **options}


@pytest.mark.parametrize("kind", [LatentRewardWrapper, LatentGoalWrapper])
def test_success_terminates_an_episode(kind: Any) -> None:
    env = kind(Replay(FILM), hand_encoder(), **settings(reward="sparse"))
    env.reset()
    steps = [env.step(0) for _ in range(2)]
    assert [step[1:4] for step in steps] == [(-1.0, False, False), (0.0, True, False)]
    assert [type(step[2]) for step in steps] == [bool, bool]
    assert steps[1][4]["success"] is True
    plain = kind(Replay(FILM), hand_encoder(), target=TARGET)
    plain.reset()
    assert [plain.step(0)[2] for _ in range(3)] == [False, False, True]


def test_a_success_is_a_terminal_state_of_shaping() -> None:
    env = LatentRewardWrapper(
        Replay(FILM[[0, 1, 2, 3]]), hand_encoder(), **settings(reward="shaped", threshold=3.0)
    )
    env.reset()
    # 0.25 + 2.5, without the potential of the frame reached, whose distance is 2.5.
    assert env.step(0)[1:3] == (2.75, True)


def test_a_success_in_the_last_step_of_a_time_limit_is_both() -> None:
    env = LatentRewardWrapper(
        Replay(FILM[:3], terminates=False), hand_encoder(), **settings(truncation_penalty=8.0)
    )
    env.reset()
    env.step(0)
    _, reward, terminated, truncated, _ = env.step(0)
    # The film was not cut off before its end.
    assert (reward, terminated, truncated) == (2.5, True, True)


@pytest.mark.parametrize("mode", [SAME_STEP, AutoresetMode.DISABLED])
@pytest.mark.parametrize("reward", ["progress", "shaped", lambda step: step.elapsed_steps - step.distance])
def test_vector_environments_end_the_same_episodes(mode: AutoresetMode, reward: Any) -> None:
    encoder = hand_encoder(known=True)
    targets = FixedTargets([TARGET, layers(6, 8), np.stack([TARGET, layers(9, 9)])])
    options = settings(target=targets, reward=reward, components={"a": "sparse"}, own_weight=0.5)
    for makers in (
        [lambda film=film: Replay(film) for film in FILMS],
        [lambda film=film: Process(film, terminates=False) for film in FILMS],
    ):
        for single, vector in (
            (LatentRewardWrapper, VectorLatentRewardWrapper),
            (LatentGoalWrapper, VectorLatentGoalWrapper),
        ):
            compare(
                makers,
                lambda env, single=single: single(env, encoder, **options),
                lambda envs, vector=vector: vector(envs, encoder, **options),
                mode,
                steps=1 if mode is AutoresetMode.DISABLED else 12,
            )


def test_wrappers_around_see_the_final_frame_and_the_first_one(encoded_counts: list[int]) -> None:
    encoder = hand_encoder(known=True)
    parts: Any = ["content", "target"]
    makers = [lambda film=film: Replay(film) for film in FILMS]
    targets = FixedTargets([TARGET, layers(6, 8)])
    compare(
        makers,  # type: ignore[arg-type]
        lambda env: LatentObservationWrapper(
            LatentRewardWrapper(
                LatentRewardWrapper(env, encoder, target=TARGET), encoder, **settings(target=targets)
            ),
            encoder,
            parts=parts,
        ),
        lambda envs: VectorLatentObservationWrapper(
            VectorLatentRewardWrapper(
                VectorLatentRewardWrapper(envs, encoder, target=TARGET), encoder, **settings(target=targets)
            ),
            encoder,
            parts=parts,
        ),
        SAME_STEP,
        steps=12,
    )
    envs = VectorLatentObservationWrapper(
        VectorLatentRewardWrapper(SyncVectorEnv(makers[:1], autoreset_mode=SAME_STEP), encoder, **settings()),  # type: ignore[arg-type]
        encoder,
    )
    encoded_counts.clear()
    envs.reset(seed=0)
    envs.step(np.zeros(1, int))
    envs.step(np.zeros(1, int))
    # The frame of the success, and the first one of the next episode.
    assert encoded_counts == [1, 1, 1, 1]


def test_latents_of_another_encoder_inside_are_kept() -> None:
    other, encoder = hand_encoder(), hand_encoder()
    other.metadata["weights_sha256"] = "other"
    assert other.hash != encoder.hash
    makers = [lambda film=film: Replay(film, place="info") for film in FILMS]
    place: dict[str, Any] = {"frame": "info:picture"}
    compare(
        makers,  # type: ignore[arg-type]
        lambda env: LatentObservationWrapper(
            LatentRewardWrapper(LatentObservationWrapper(env, other, **place), encoder, **settings(**place)),
            other,
        ),
        lambda envs: VectorLatentObservationWrapper(
            VectorLatentRewardWrapper(
                VectorLatentObservationWrapper(envs, other, **place), encoder, **settings(**place)
            ),
            other,
        ),
        SAME_STEP,
        steps=8,
    )


class OneArray(SyncVectorEnv):
    """Returns the array that it fills, as vector environments may."""

    def __init__(self, makers: Any) -> None:
        super().__init__(makers, autoreset_mode=SAME_STEP, copy=False)


def test_final_observations_are_kept_where_the_environment_reuses_its_array() -> None:
    envs = VectorLatentRewardWrapper(OneArray([lambda: Replay(FILM)] * 2), hand_encoder(), **settings())
    envs.reset()
    envs.step(np.zeros(2, int))
    observations, *_, infos = envs.step(np.zeros(2, int))
    assert infos["final_obs"][1].tolist() == (255 * FILM[2][None]).tolist()
    assert observations[1].tolist() == (255 * FILM[0][None]).tolist()


def test_processes_are_reset_by_a_mask() -> None:
    envs = VectorLatentRewardWrapper(
        AsyncVectorEnv([lambda: Replay(FILM), lambda: Replay(FILM[[0, 1, 3]])], autoreset_mode=SAME_STEP),
        hand_encoder(),
        **settings(),
    )
    try:
        envs.reset()
        envs.step(np.zeros(2, int))
        *_, terminated, truncated, infos = envs.step(np.zeros(2, int))
        assert (terminated.tolist(), truncated.tolist()) == ([True, True], [False, False])
        assert infos["number"].tolist() == [0, 0]
        assert infos["final_info"]["success"].tolist() == [True, False]
        *_, infos = envs.step(np.zeros(2, int))
        assert infos["number"].tolist() == [1, 1]
    finally:
        envs.close()


def test_films_that_succeed_are_replaced(tmp_path: Path) -> None:
    name = "morphsim:morphsim/Annealing-v0"
    encoder = small_encoder(tmp_path / "encoder", (36, 64))
    arguments: dict[str, Any] = {"shape": (36, 64), "steps": 3, "observation": "dict"}
    targets = FixedTargets(list(blobs(3, (36, 64), seed=4)))

    def probe(threshold: float) -> dict[str, Any]:
        return settings(target=targets, threshold=threshold, components={"time": "time", "heat": "heat"})

    env = LatentRewardWrapper(gym.make(name, **arguments), encoder, **probe(0.0))
    action = np.zeros(env.action_space.shape or (), np.float32)
    env.reset(seed=3)
    distances = sorted(float(env.step(action)[4]["distance"]) for _ in range(2))
    # One of the first two steps succeeds, or both do.
    options = probe((distances[0] + distances[1]) / 2)
    one = SyncVectorEnv(
        [lambda: LatentRewardWrapper(gym.make(name, **arguments), encoder, **options)] * 2,
        autoreset_mode=SAME_STEP,
    )
    other = VectorLatentRewardWrapper(gym.make_vec(name, num_envs=2, **arguments), encoder, **options)
    same(one.reset(seed=3), other.reset(seed=3), "reset")
    succeeded = []
    for number in range(4):
        actions = np.stack([action, action])
        left, right = one.step(actions), other.step(actions)
        same(left, right, f"step {number}")
        succeeded.append(right[2] & ~right[3])
    assert np.any(succeeded)


def test_stable_baselines_gets_the_end_of_each_episode() -> None:
    envs = SB3VecEnv(
        VectorLatentRewardWrapper(
            SyncVectorEnv([lambda: Replay(FILM)] * 2, autoreset_mode=SAME_STEP), hand_encoder(), **settings()
        )
    )
    envs.reset()
    envs.step(np.zeros(2, int))
    _, _, done, infos = envs.step(np.zeros(2, int))
    assert done.tolist() == [True, True]
    assert infos[0]["is_success"] is True
    assert infos[0]["TimeLimit.truncated"] is False
    assert infos[0]["terminal_observation"].tolist() == (255 * FILM[2][None]).tolist()
    assert infos[0]["episode"]["l"] == 2


def test_environments_that_can_not_be_reset_are_refused() -> None:
    makers = [lambda: Replay(FILM)] * 2
    with pytest.raises(InputError, match="can't end episodes with autoreset_mode NEXT_STEP"):
        VectorLatentRewardWrapper(
            SyncVectorEnv(makers, autoreset_mode=AutoresetMode.NEXT_STEP), hand_encoder(), **settings()
        )

    class Foreign(gym.vector.VectorEnv[Any, Any, Any]):
        metadata: ClassVar[dict[str, Any]] = {"autoreset_mode": SAME_STEP}
        num_envs = 2
        single_observation_space = Replay(FILM).observation_space
        single_action_space = Replay(FILM).action_space

    with pytest.raises(InputError, match=r"'reset_mask'.*which Foreign does not promise; .*metadata\["):
        VectorLatentRewardWrapper(Foreign(), hand_encoder(), **settings())
    promising = Foreign()
    promising.metadata = {**Foreign.metadata, "resets_by_mask": True}
    VectorLatentRewardWrapper(promising, hand_encoder(), **settings())
    with pytest.raises(InputError, match="terminate_on_success is 1; use True or False"):
        LatentRewardWrapper(Replay(FILM), hand_encoder(), **settings(terminate_on_success=1))


def test_warnings_of_rewards_that_success_would_end() -> None:
    for reward in ("sparse", "distance", "progress"):
        LatentRewardWrapper(Replay(FILM), hand_encoder(), **settings(reward=reward))
    with pytest.warns(UserWarning, match="paid for staying just short of success"):
        LatentRewardWrapper(Replay(FILM), hand_encoder(), **settings(reward="log_prob"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inner = LatentRewardWrapper(Replay(FILM), hand_encoder(), **settings(reward="sparse"))
    # A wrapper around it learns that the agent ends the episodes.
    with pytest.warns(UserWarning, match="every step earns 'squared', but .*the agent sets how many"):
        LatentRewardWrapper(inner, hand_encoder(), target=TARGET, reward="squared")
