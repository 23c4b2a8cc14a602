"""Out-of-distribution frames are flagged; films of all kinds are not."""

from __future__ import annotations

import itertools
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from morphsim import LatentRewardWrapper, load_encoder
from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.frames import binarise
from morphsim.rewards import LatentMetric, OutOfDistributionGuard
from morphsim.simulator import AnnealingRecipe, DryingRecipe, Simulation
from tests.rewards.rewards_helpers import Replay, hand_encoder, layers

SHAPE = (100, 400)
DEPTH, ALONG = np.indices(SHAPE)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("default", device="cpu")


@pytest.fixture(scope="module")
def guard(encoder: Encoder) -> OutOfDistributionGuard:
    return OutOfDistributionGuard(encoder)


@pytest.fixture(scope="module")
def annealed() -> np.ndarray[Any, Any]:
    """Frames of a hot film, from the mixed state to coarse domains."""
    film = Simulation([AnnealingRecipe(temperature=400.0)], seeds=[1], shape=SHAPE)
    frames = [film.donor_share()[0].numpy().copy()]
    for time in (0.003, 0.02):
        film.advance(time=time)
        frames.append(film.donor_share()[0].numpy().copy())
    return binarise(np.stack(frames))


def flags(guard: OutOfDistributionGuard, frames: Any) -> list[bool]:
    codes = guard.encoder.encode_all(frames, reconstruct=guard.needs_reconstruction)
    return [bool(flag) for flag in guard.check(frames, codes).out_of_distribution]


def checkerboards() -> np.ndarray[Any, Any]:
    boards = [
        (ALONG // across + DEPTH // down) % 2
        for across, down in itertools.product((10, 16, 20, 25, 40, 50), (10, 14, 20, 25, 33))
    ]
    return np.stack(boards).astype(np.uint8)


def test_a_pattern_chosen_to_deceive_the_metric_is_flagged(
    encoder: Encoder, guard: OutOfDistributionGuard, annealed: Any
) -> None:
    # The checkerboard nearest to the film: nearer than 95 % of random pairs, and nearer than the same film
    # shortly before.
    metric = LatentMetric(encoder)
    film, boards = annealed[-1], checkerboards()
    distances = metric(encoder.encode(boards), encoder.encode(film[None]))
    board = boards[distances.argmin()]
    assert distances.min() < metric.at_percentile(5.0)
    assert distances.min() < metric(*encoder.encode(annealed[1:]))
    assert flags(guard, board[None]) == [True]
    assert flags(guard, annealed) == [False] * len(annealed)

    class Chosen(gym.Env[Any, Any]):
        """Shows the checkerboard or the film, as the action chooses."""

        observation_space = gym.spaces.Box(0, 1, SHAPE, np.uint8)
        action_space = gym.spaces.Discrete(2)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
            super().reset(seed=seed)
            return annealed[1], {}

        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            return (film if action else board), 0.0, False, False, {}

    env = LatentRewardWrapper(
        Chosen(), encoder, target=film, reward="distance", out_of_distribution_penalty=2.0
    )
    env.reset(seed=0)
    _, deceptive, _, _, info = env.step(0)
    assert info["out_of_distribution"]
    assert float(deceptive) == pytest.approx(-2.0 - float(distances.min()), abs=1e-4)
    _, honest, _, _, info = env.step(1)
    assert not info["out_of_distribution"]
    assert float(honest) == 0.0


def test_a_pattern_optimised_to_deceive_the_metric_is_flagged_too(
    encoder: Encoder, guard: OutOfDistributionGuard, annealed: Any
) -> None:
    """Random rectangles in the checkerboard are kept if they bring it nearer to the film."""
    random = np.random.default_rng(0)
    metric = LatentMetric(encoder)
    goal = encoder.encode(annealed[-1:])
    boards = checkerboards()
    distances = metric(encoder.encode(boards), goal)
    frame, first = boards[distances.argmin()].copy(), float(distances.min())
    distance = first
    for _ in range(1500):
        changed = frame.copy()
        height, width = random.integers(1, 12, 2)
        top, left = random.integers(0, SHAPE[0] - height), random.integers(0, SHAPE[1] - width)
        changed[top : top + height, left : left + width] = random.integers(2)
        found = float(metric(encoder.encode(changed[None]), goal)[0])
        if found < distance:
            frame, distance = changed, found
    # The attack works: the pattern is now nearer than 98 % of random pairs.
    assert distance < 0.7 * first
    assert distance < metric.at_percentile(2.0)
    assert flags(guard, frame[None]) == [True]


def test_patterns_unlike_films_are_flagged(guard: OutOfDistributionGuard) -> None:
    patterns = {
        "empty": np.zeros(SHAPE),
        "fine stripes": DEPTH // 4 % 2,
        "columns": ALONG // 10 % 2,
        "checkerboard": (ALONG // 4 + DEPTH // 4) % 2,
        "leaning stripes": (ALONG + DEPTH) // 12 % 2,
    }
    found = flags(guard, np.stack(list(patterns.values())).astype(np.uint8))
    assert dict(zip(patterns, found, strict=True)) == dict.fromkeys(patterns, True)


def test_films_of_both_processes_are_not_flagged(guard: OutOfDistributionGuard) -> None:
    # Like the environment's films: with domains in the bulk, not only flat layers.
    rich = {"thermal_noise": 3e-7, "kappa": 1e-4, "substrate_strength": 2e-3}
    recipes = [DryingRecipe(evaporation=0.5, **rich), DryingRecipe(n_donor=5, evaporation=0.1, **rich)]
    film = Simulation(recipes, seeds=[5, 6], shape=SHAPE)
    frames = [binarise(film.donor_share().numpy())]
    for dryness in (0.5, 0.75, 1.0):
        film.advance_to_dryness(dryness, time=400.0)
        frames.append(binarise(film.donor_share().numpy()))
    assert not any(flags(guard, np.concatenate(frames)))


def test_a_frame_has_the_same_measures_alone_and_in_a_batch(
    guard: OutOfDistributionGuard, encoder: Encoder, annealed: Any
) -> None:
    frames = np.concatenate([annealed, checkerboards()[:3]])
    together = guard.check(frames, encoder.encode_all(frames, reconstruct=True))
    for row in range(len(frames)):
        alone = guard.check(frames[[row]], encoder.encode_all(frames[[row]], reconstruct=True))
        assert alone.out_of_distribution[0] == together.out_of_distribution[row]
        for name, values in alone.values.items():
            assert values[0] == pytest.approx(together.values[name][row], abs=1e-4)


def test_measures_and_percentiles_by_hand() -> None:
    # Training latents are the integers from 0 to 10; the held-out distances are uniform from 0 to 1.
    encoder = hand_encoder(known=True)
    guard = OutOfDistributionGuard(encoder, measures=("training_distance",))
    assert not guard.needs_reconstruction
    assert guard.limits == {"training_distance": pytest.approx(0.75)}
    half = layers(3, 4)
    half[0, 3] = 1  # an upper share of 3.5
    frames = np.stack([layers(3, 4), half])
    report = guard.check(frames, encoder.encode_all(frames))
    # The scale is 2: half a unit away is 0.25, and the median of the held-out distances is 0.5.
    assert report.values["training_distance"] == pytest.approx([0.0, 0.25])
    assert report.percentiles["training_distance"] == pytest.approx([0.0, 50.0])
    assert report.row(1) == {"out_of_distribution": False, "training_distance": pytest.approx(0.25)}
    strict = OutOfDistributionGuard(encoder, factor=0.4, measures=("training_distance",))
    assert flags(strict, frames) == [False, True]


def test_the_reconstruction_error_is_the_cross_entropy() -> None:
    encoder = hand_encoder(known=True)
    guard = OutOfDistributionGuard(encoder, measures=("reconstruction_error",))
    # Decoded as two layers with the donor fractions 0.3 and 0.4.
    entropy = sum(-share * np.log(share) - (1 - share) * np.log(1 - share) for share in (0.3, 0.4)) / 2
    frame = layers(3, 4)[None]
    report = guard.check(frame * np.uint8(255), encoder.encode_all(frame, reconstruct=True))
    assert report.values["reconstruction_error"] == pytest.approx([entropy], rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factor": 0.0}, "factor is 0"),
        ({"measures": ("colour",)}, "measure 'colour' is unknown; use some of training_distance"),
        ({"measures": ("statistics_residual",)}, "does not store the statistics_residual of its training"),
        ({"measures": ()}, "stores no measures"),
    ],
)
def test_invalid_guards_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        OutOfDistributionGuard(hand_encoder(known=True), **arguments)


def test_an_encoder_without_stored_measures_has_no_guard() -> None:
    with pytest.raises(InputError, match="guard=False"):
        OutOfDistributionGuard(hand_encoder())


def test_a_guard_of_another_encoder_is_refused() -> None:
    encoder, other = hand_encoder(known=True), hand_encoder(known=True)
    other.metadata["weights_sha256"] = "0" * 64
    with pytest.raises(InputError, match="the guard belongs to another encoder"):
        LatentRewardWrapper(
            Replay(layers(3, 4)[None]), encoder, target=[3.0, 4.0], guard=OutOfDistributionGuard(other)
        )
