"""Every reward against numbers worked out by hand, with the latents of `rewards_helpers.Shares`."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv

from morphsim import (
    LatentGoalWrapper,
    LatentRewardWrapper,
    VectorLatentGoalWrapper,
    VectorLatentRewardWrapper,
)
from morphsim.errors import InputError
from morphsim.rewards import OutOfDistributionGuard, Transition
from tests.rewards.rewards_helpers import SHAPE, Replay, hand_encoder, layers

# Latents (0, 0) -> (6, 8) -> (3, 4) -> (3, 0); the target is (3, 4). Euclidean distances: 5, 5, 0, 4.
FILM = np.stack([layers(0, 0), layers(6, 8), layers(3, 4), layers(3, 0)])
TARGET = layers(3, 4)


def rewards(film: Any = FILM, *, terminates: bool = True, **settings: Any) -> list[float]:
    env = LatentRewardWrapper(
        Replay(film, terminates=terminates), hand_encoder(), **{"target": TARGET, **settings}
    )
    env.reset(seed=0)
    return [float(env.step(0)[1]) for _ in range(len(film) - 1)]


def test_distance_is_in_units_of_the_scale() -> None:
    assert rewards(reward="distance") == pytest.approx([-2.5, 0.0, -2.0])


def test_squared() -> None:
    assert rewards(reward="squared") == pytest.approx([-6.25, 0.0, -4.0])


def test_cosine() -> None:
    # (6, 8) has the direction of (3, 4); (3, 0) makes an angle with cosine 3/5: 1 - 0.6 = 0.4, scale 0.5.
    assert rewards(reward="cosine") == pytest.approx([0.0, 0.0, -0.8], abs=1e-6)


def test_mahalanobis() -> None:
    # Differences (3, 4), (0, 0), (0, -4), times diag(2, 1/2): lengths sqrt(36 + 4), 0, 2; scale 4.
    assert rewards(reward="mahalanobis") == pytest.approx([-math.sqrt(40) / 4, 0.0, -0.5])
    assert rewards(reward="distance", distance="mahalanobis") == rewards(reward="mahalanobis")


def test_log_prob_is_the_density_under_the_target_s_posterior() -> None:
    # Deviations 0.5 and 2: -1/2 [((z1-3)/0.5)^2 + ((z2-4)/2)^2] - ln 0.5 - ln 2 - ln 2 pi.
    # The mean over both latents is earned.
    best = -math.log(2 * math.pi)
    assert rewards(reward="log_prob") == pytest.approx(
        [(best - 0.5 * (36 + 4)) / 2, best / 2, (best - 0.5 * 4) / 2], rel=1e-5
    )


def test_log_prob_caps_each_latent_at_ten_deviations() -> None:
    # (9, 4) is 12 deviations of 0.5 from the target in one latent, and none in the other.
    film = np.stack([layers(0, 0), layers(9, 4), layers(8, 4), layers(3, 4)])
    best = -math.log(2 * math.pi)
    wanted = [(best - 0.5 * 100) / 2, (best - 0.5 * 100) / 2, best / 2]
    assert rewards(film, reward="log_prob") == pytest.approx(wanted, rel=1e-5)

    def plain(step: Transition) -> Any:
        return step.log_density

    assert rewards(film, reward=plain)[0] == pytest.approx(best - 0.5 * 144, rel=1e-5)


def test_truncation_costs_a_penalty() -> None:
    plain = rewards(reward="progress", terminates=False)
    found = rewards(reward="progress", terminates=False, truncation_penalty=0.75)
    assert found == pytest.approx([plain[0], plain[1], plain[2] - 0.75])
    # An episode that terminates costs nothing.
    assert rewards(reward="progress", truncation_penalty=0.75) == pytest.approx(plain)


def test_progress_is_the_default_and_telescopes() -> None:
    assert rewards() == rewards(reward="progress")
    # From 5 to 4 in units of 2, whatever the frames and the number of steps in between.
    assert sum(rewards()) == pytest.approx(2.5 - 2.0)
    assert sum(rewards(FILM[[0, 3]])) == pytest.approx(2.5 - 2.0)


PER_STEP = ["distance", "squared", "cosine", "mahalanobis", "log_prob", "sparse"]


@pytest.mark.parametrize("kind", [LatentRewardWrapper, LatentGoalWrapper])
@pytest.mark.parametrize("many", [False, True])
def test_rewards_per_step_give_a_warning_if_the_agent_sets_the_number_of_steps(kind: Any, many: bool) -> None:
    class Ending(Replay):
        metadata: ClassVar[dict[str, Any]] = {**Replay.metadata, "agent_sets_length": True}

    def wrapped(env: type[Replay], **settings: Any) -> Any:
        if not many:
            return kind(env(FILM), hand_encoder(), target=TARGET, **settings)
        vector = VectorLatentRewardWrapper if kind is LatentRewardWrapper else VectorLatentGoalWrapper
        return vector(SyncVectorEnv([lambda: env(FILM)] * 2), hand_encoder(), target=TARGET, **settings)

    for reward in PER_STEP:
        with pytest.warns(UserWarning, match=f"every step earns '{reward}', but .*the agent sets how many"):
            wrapped(Ending, reward=reward)
        wrapped(Replay, reward=reward)
    for reward in (None, "progress", "shaped", lambda step: -step.distance):
        wrapped(Ending, **({} if reward is None else {"reward": reward}))


def test_shaping_alone_gives_one_warning() -> None:
    class Free(Replay):
        def step(self, action: Any) -> Any:
            observation, _, *rest = super().step(action)
            return observation, 0.0, *rest

    env = LatentRewardWrapper(Free(FILM), hand_encoder(), target=TARGET, reward="shaped")
    env.reset()
    env.step(0)
    env.step(0)
    with pytest.warns(UserWarning, match="earned 0 until its first episode ended"):
        env.step(0)
    # Only once, and not around another reward.
    env.reset()
    for _ in range(3):
        env.step(0)
    inner = LatentRewardWrapper(Free(FILM), hand_encoder(), target=TARGET, reward="sparse")
    outer = LatentRewardWrapper(inner, hand_encoder(), target=TARGET, reward="shaped")
    outer.reset()
    for _ in range(3):
        outer.step(0)
    envs = VectorLatentRewardWrapper(
        SyncVectorEnv([lambda: Free(FILM)] * 2), hand_encoder(), target=TARGET, reward="shaped"
    )
    envs.reset()
    envs.step(np.zeros(2, int))
    envs.step(np.zeros(2, int))
    with pytest.warns(UserWarning, match="earned 0 until its first episode ended"):
        envs.step(np.zeros(2, int))


def test_log_prob_of_a_distribution_has_the_moments_of_the_mixture() -> None:
    # Targets (2, 4) and (4, 4): mean (3, 4), variances 0.25 + 1 and 4; half of the density is earned.
    targets = np.stack([layers(2, 4), layers(4, 4)])
    best = -math.log(2 * math.pi) - 0.5 * math.log(1.25 * 4)
    found = 2.0 * np.array(rewards(reward="log_prob", target=targets, several="distribution"))
    assert found == pytest.approx([best - 0.5 * (9 / 1.25 + 4), best, best - 0.5 * 4], rel=1e-5)
    assert rewards(target=targets, several="distribution", reward="distance") == pytest.approx(
        [-2.5, 0.0, -2.0]
    )
    # The nearest of them instead: (6, 8) to (4, 4), (3, 4) to either, (3, 0) to either.
    assert rewards(target=targets, reward="distance") == pytest.approx(
        [-math.sqrt(20) / 2, -0.5, -math.sqrt(17) / 2], rel=1e-6
    )


def test_the_threshold_of_sparse_is_calibrated_on_the_data() -> None:
    # The quantiles run evenly from 0 to 4: the 50th percentile is 2, that is 1.0 in units of the scale.
    film = np.stack([layers(0, 0), layers(3, 6), layers(3, 7)])
    assert rewards(film, reward="sparse", success_percentile=50.0) == [0.0, -1.0]
    assert rewards(film, reward="sparse", success_percentile=49.0) == [-1.0, -1.0]
    assert rewards(film, reward="sparse", threshold=1.6) == [0.0, 0.0]


def test_progress_is_the_decrease_of_the_distance() -> None:
    assert rewards(reward="progress") == pytest.approx([0.0, 2.5, -2.0])


def test_shaped_adds_the_difference_of_potentials_to_the_own_reward() -> None:
    # 0.25 + 0.9 (-d') + d; at the terminal state the potential is 0.
    by_hand = [0.25 - 0.9 * 2.5 + 2.5, 0.25 + 2.5, 0.25 + 0.0]
    assert rewards(reward="shaped", gamma=0.9) == pytest.approx(by_hand)
    # A time limit is not a terminal state.
    by_hand[2] = 0.25 - 0.9 * 2.0
    assert rewards(reward="shaped", gamma=0.9, terminates=False) == pytest.approx(by_hand)
    assert rewards(reward="shaped", gamma=0.9, own_weight=0.0, terminates=False) == pytest.approx(
        [value - 0.25 for value in by_hand]
    )


def test_a_function_sees_the_whole_transition() -> None:
    seen: list[Transition] = []

    def reward(step: Transition) -> Any:
        seen.append(step)
        return step.previous_distance - 2.0 * step.distance + step.original_reward + step.terminated

    found = rewards(reward=reward)
    assert found == pytest.approx([2.5 - 5.0 + 0.25, 2.5 + 0.25, -4.0 + 0.25 + 1.0])
    last = seen[-1]
    assert last.latent.tolist() == [[3.0, 0.0]]
    assert last.previous_latent.tolist() == [[3.0, 4.0]]
    assert last.target.tolist() == [[3.0, 4.0]]
    assert last.success.tolist() == [False]
    assert seen[1].success.tolist() == [True]


def test_the_own_reward_is_mixed_in_by_a_weight() -> None:
    assert rewards(reward="distance", own_weight=2.0) == pytest.approx([-2.0, 0.5, -1.5])
    assert rewards(reward="distance", own_weight=-1.0, reward_scale=2.0) == pytest.approx(
        [-5.25, -0.25, -4.25]
    )


def test_stacked_shaping_adds_to_the_reward_inside() -> None:
    encoder = hand_encoder()
    inner = LatentRewardWrapper(Replay(FILM), encoder, target=TARGET, reward="sparse")
    env = LatentRewardWrapper(inner, encoder, target=TARGET, reward="shaped", gamma=1.0)
    _, first = env.reset()
    steps = [env.step(0) for _ in range(3)]
    # With gamma 1 the potentials telescope to the first distance.
    assert sum(float(step[1]) for step in steps) == pytest.approx(-2.0 + first["distance"])
    assert steps[0][4]["original_reward"] == -1.0


def test_the_info_holds_the_terms_of_the_reward() -> None:
    encoder = hand_encoder()
    env = LatentRewardWrapper(Replay(FILM), encoder, target=TARGET, reward="squared")
    _, info = env.reset(seed=0)
    assert "original_reward" not in info
    _, reward, *_, info = env.step(0)
    assert type(reward) is float
    assert info["latent"].tolist() == [6.0, 8.0]
    assert info["target_latent"].tolist() == [3.0, 4.0]
    assert info["distance"] == pytest.approx(2.5)
    # 5 lies beyond the largest known distance, 4.
    assert info["percentile"] == 100.0
    assert (info["success"], info["is_success"], info["nearest_target"]) == (False, False, 0)
    assert info["original_reward"] == 0.25
    assert info["encoder_hash"] == encoder.hash
    _, _, _, _, info = env.step(0)
    assert (info["distance"], info["percentile"], info["success"]) == (0.0, 0.0, True)
    _, _, _, _, info = env.step(0)
    assert info["percentile"] == 100.0


def test_out_of_distribution_frames_cost_a_penalty() -> None:
    # Training latents are integers up to 10; frames of two layers are reconstructed exactly.
    encoder = hand_encoder(known=True)

    class Flags(OutOfDistributionGuard):
        """Flags frames with more donor in the lower half."""

        def check(self, frames: Any, codes: Any) -> Any:
            report = super().check(frames, codes)
            flagged = codes.content[:, 1] > codes.content[:, 0]
            return type(report)(**{**vars(report), "out_of_distribution": flagged})

    env = LatentRewardWrapper(
        Replay(FILM),
        encoder,
        target=TARGET,
        reward="distance",
        guard=Flags(encoder),
        out_of_distribution_penalty=3.0,
    )
    env.reset()
    found = [env.step(0) for _ in range(3)]
    assert [float(step[1]) for step in found] == pytest.approx([-5.5, -3.0, -2.0])
    assert [step[4]["out_of_distribution"] for step in found] == [True, True, False]


class Chain(gym.Env[Any, Any]):
    """States 0 to 5 in a row, each with a frame; actions move left or right; 5 is terminal; steps cost."""

    frames = np.stack([layers(0, 0), layers(2, 2), layers(9, 1), layers(3, 4), layers(1, 9), layers(5, 5)])
    tolls = (-1.0, -1.2, -4.0, -0.5, -3.0)

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(0, 1, SHAPE, np.uint8)
        self.action_space = gym.spaces.Discrete(2)
        self.state = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.state = options["state"]
        return self.frames[self.state], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        toll = self.tolls[self.state]
        self.state = max(self.state - 1, 0) if action == 0 else self.state + 1
        return self.frames[self.state], toll, self.state == 5, False, {"state": self.state}


def optimal(env: gym.Env[Any, Any], gamma: float) -> tuple[list[int], np.ndarray[Any, Any]]:
    """The optimal policy and values of `Chain`, by value iteration on the rewards of its steps."""
    earned, after = np.zeros((5, 2)), np.zeros((5, 2), int)
    for state in range(5):
        for action in range(2):
            env.reset(options={"state": state})
            _, reward, _, _, info = env.step(action)
            earned[state, action], after[state, action] = float(reward), info["state"]
    values = np.zeros(6)
    for _ in range(2000):
        quality = earned + gamma * values[after]
        values[:5] = quality.max(axis=1)
    return quality.argmax(axis=1).tolist(), values


@pytest.mark.parametrize("gamma", [0.5, 0.8, 0.95])
def test_shaping_leaves_the_optimal_policy_unchanged(gamma: float) -> None:
    encoder = hand_encoder()
    policy, values = optimal(Chain(), gamma)
    shaped = LatentRewardWrapper(Chain(), encoder, target=TARGET, reward="shaped", gamma=gamma)
    shaped_policy, shaped_values = optimal(shaped, gamma)
    assert shaped_policy == policy
    # The values differ by the potential of the state: Phi = -d. Ng, Harada and Russell (1999).
    distance = np.linalg.norm([[-3, -4], [-1, -2], [6, -3], [0, 0], [-2, 5]], axis=1) / 2.0
    assert shaped_values[:5] == pytest.approx(values[:5] + distance, abs=1e-4)


def test_other_rewards_do_change_the_optimal_policy() -> None:
    # Shows that the test above can fail: an agent rewarded for being near stays near the target.
    policy, _ = optimal(Chain(), 0.95)
    paid = LatentRewardWrapper(
        Chain(), hand_encoder(), target=TARGET, reward=lambda step: 3.0 - step.distance
    )
    near, _ = optimal(paid, 0.95)
    assert near != policy


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": None}, "target is missing; give a frame"),
        ({"reward": "closeness"}, "reward is 'closeness'; use one of distance, squared, cosine"),
        ({"reward": ["sparse", "progress"]}, r"reward is \['sparse', 'progress'\]; use one of distance"),
        ({"distance": "manhattan"}, "distance is 'manhattan'; use one of euclidean"),
        ({"reward": "cosine", "distance": "mahalanobis"}, "leave distance out"),
        ({"several": "all"}, "several is 'all'"),
        ({"gamma": 1.5}, "gamma is 1.5"),
        ({"threshold": -1.0}, "threshold is -1"),
        ({"success_percentile": 0.0}, "success_percentile is 0"),
        ({"own_weight": math.nan}, "own_weight is nan"),
        ({"reward_scale": -1.0}, "reward_scale is -1"),
        ({"reward_scale": "big"}, "reward_scale is 'big'; it must be a finite number"),
        ({"threshold": "small"}, "threshold is 'small'"),
        ({"gamma": "a"}, "gamma is 'a'"),
        ({"success_percentile": [1]}, r"success_percentile is \[1\]"),
        ({"guard": "yes"}, "guard is 'yes'; use True, False or an OutOfDistributionGuard"),
        ({"out_of_distribution_penalty": -2.0}, "out_of_distribution_penalty is -2"),
        ({"guard": False, "out_of_distribution_penalty": 1.0}, "needs the guard"),
        ({"reward": "log_prob", "target": np.array([3.0, 4.0])}, "no posterior"),
    ],
)
def test_errors_name_the_wrong_option_and_how_to_fix_it(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LatentRewardWrapper(Replay(FILM), hand_encoder(), **{"target": TARGET, **settings})


@pytest.mark.parametrize("returned", [[1.0, 2.0], float("nan"), [float("inf")]])
def test_a_function_that_returns_an_invalid_reward_is_refused(returned: Any) -> None:
    env = LatentRewardWrapper(Replay(FILM), hand_encoder(), target=TARGET, reward=lambda step: returned)
    env.reset()
    with pytest.raises(InputError, match="the reward function returned"):
        env.step(0)
