"""Targets: their forms, how they are drawn, and warnings of out-of-distribution ones."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from morphsim import LatentGoalWrapper, LatentRewardWrapper
from morphsim.errors import InputError
from morphsim.frames import FrameSet, write_frames
from morphsim.rewards import DataSetTargets, FixedTargets, PriorTargets
from tests.rewards.rewards_helpers import Replay, hand_encoder, layers

FILM = np.stack([layers(0, 0), layers(6, 8), layers(3, 4)])


def wrapped(target: Any, **settings: Any) -> LatentRewardWrapper:
    return LatentRewardWrapper(Replay(FILM), hand_encoder(), target=target, **settings)


def drawn(env: LatentRewardWrapper, episodes: int, *, seed: int) -> list[list[float]]:
    """The target latents of some episodes."""
    found = []
    for number in range(episodes):
        _, info = env.reset(seed=seed if number == 0 else None)
        found.append(info["target_latent"].tolist())
    return found


def test_a_frame_a_latent_and_a_file_are_the_same_target(tmp_path: Path) -> None:
    frames = np.stack([layers(1, 1), layers(3, 4)])
    columns = {"trajectory": np.zeros(2, int)}
    write_frames(tmp_path / "t.h5", FrameSet(frames=frames, columns=columns, boundary="periodic"))
    np.save(tmp_path / "t.npy", frames[1])
    targets: list[Any] = [
        frames[1],
        frames[1] * np.uint8(255),
        100 + frames[1] * np.uint8(100),
        frames[1].astype(bool),
        frames[1].astype(int),
        frames[1].astype(float),
        0.3 + 0.4 * frames[1],
        frames[1:],
        frames[1:, None],
        np.array([3.0, 4.0]),
        np.array([3, 4]),
        [3.0, 4.0],
        f"{tmp_path / 't.h5'}:1",
        tmp_path / "t.npy",
    ]
    for target in targets:
        _, info = wrapped(target).reset()
        assert info["distance"] == pytest.approx(2.5)


def test_the_nearest_of_several_targets_counts() -> None:
    env = wrapped(np.stack([layers(3, 4), layers(6, 8)]))
    env.reset()
    infos = [env.step(0)[4] for _ in range(2)]
    assert [(info["nearest_target"], info["distance"]) for info in infos] == [(1, 0.0), (0, 0.0)]
    env = wrapped(np.array([[3.0, 4.0], [6.0, 8.0]]))
    env.reset()
    assert [env.step(0)[4]["nearest_target"] for _ in range(2)] == [1, 0]


def test_reset_sets_the_target_of_one_episode_only() -> None:
    env = wrapped(layers(3, 4))
    _, info = env.reset(options={"target": layers(6, 8), "number": 1})
    assert (info["distance"], info["number"]) == (0.0, 1)
    _, info = env.reset()
    assert (info["distance"], info["number"]) == (pytest.approx(2.5), 0)


@pytest.mark.parametrize("wrapper", [LatentRewardWrapper, LatentGoalWrapper])
def test_an_unusable_target_ends_no_episode(wrapper: Any) -> None:
    inside = Replay(FILM)
    env = wrapper(inside, hand_encoder(), target=layers(3, 4))
    env.reset()
    env.step(0)
    for bad in (np.zeros((3, 3), np.uint8), np.full(2, np.nan), "missing.npz"):
        with pytest.raises(InputError):
            env.reset(options={"target": bad})
        assert inside.number == 1
    info = env.step(0)[4]
    assert (info["distance"], info["target_latent"].tolist()) == (0.0, [3.0, 4.0])


@pytest.mark.parametrize(
    "sampler",
    [
        FixedTargets([layers(1, 2), np.array([3.0, 4.0]), layers(5, 6)]),
        DataSetTargets(
            FrameSet(
                frames=np.stack([layers(n, 10 - n) for n in range(10)]),
                columns={"trajectory": np.zeros(10, int)},
            )
        ),
        PriorTargets(hand_encoder(known=True)),
        lambda generator: layers(int(generator.integers(10)), 3),
    ],
)
def test_targets_are_drawn_anew_from_the_seed_of_the_reset(sampler: Any) -> None:
    first = drawn(wrapped(sampler), 8, seed=3)
    assert drawn(wrapped(sampler), 8, seed=3) == first
    assert drawn(wrapped(sampler), 8, seed=4) != first
    assert len({tuple(latent) for latent in first}) > 1


def test_drawing_targets_leaves_the_environment_s_own_numbers_alone() -> None:
    class Dice(Replay):
        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
            observation, info = super().reset(seed=seed)
            return observation, {**info, "thrown": int(self.np_random.integers(1000))}

    sampler = FixedTargets([layers(1, 2), layers(5, 6)])
    bare = Dice(FILM)
    env = LatentRewardWrapper(Dice(FILM), hand_encoder(), target=sampler)
    for seed in (7, None, None):
        assert bare.reset(seed=seed)[1]["thrown"] == env.reset(seed=seed)[1]["thrown"]


def test_prior_targets_have_the_moments_of_the_training_latents() -> None:
    encoder = hand_encoder(known=True)
    sampler = PriorTargets(encoder)
    generator = np.random.default_rng(0)
    found = np.stack([sampler(generator) for _ in range(4000)])
    assert found.mean(axis=0) == pytest.approx([5.0, 5.0], abs=0.2)
    assert found.std(axis=0) == pytest.approx([np.sqrt(10.0)] * 2, rel=0.05)
    # Without training latents it is the prior of a variational autoencoder.
    plain = PriorTargets(hand_encoder())
    assert np.std([plain(generator) for _ in range(2000)]) == pytest.approx(1.0, rel=0.05)


def test_only_chosen_rows_of_a_data_set_are_drawn(tmp_path: Path) -> None:
    frames = np.stack([layers(n, n) for n in range(6)])
    path = tmp_path / "films.h5"
    write_frames(path, FrameSet(frames=frames, columns={"trajectory": np.zeros(6, int)}))
    sampler = DataSetTargets(path, rows=[2, 5])
    generator = np.random.default_rng(1)
    assert {int(sampler(generator).sum()) // 4 for _ in range(30)} == {2, 5}
    for rows, message in (([], "at least one"), ([6], "row 6 is asked for"), ([0.5], "by its number")):
        with pytest.raises(InputError, match=message):
            DataSetTargets(path, rows=rows)
    with pytest.raises(InputError, match="absent"):
        DataSetTargets(tmp_path / "absent.h5")
    with pytest.raises(InputError, match="targets are empty"):
        FixedTargets([])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (None, "target is missing"),
        (np.zeros((0, 4, 10), np.uint8), "target holds no frame"),
        (np.zeros((8, 8), np.uint8), "this encoder takes"),
        (np.zeros((2, 8, 8), np.uint8), "this encoder takes"),
        (np.zeros((1, 2, 4, 10), np.uint8), r"this encoder takes a frame \(4, 10\)"),
        (np.full((4, 10), 2.0), "target holds values from 2.0 to 2.0"),
        ([[1, 0], [1]], "target can't be read as one array"),
        (np.full((4, 10), np.nan), "NaN"),
        (np.array([1.0, 2.0, 3.0]), "target is a latent of 3 numbers; this encoder has 2"),
        (np.array([1.0, np.nan]), "must be finite"),
        (np.full((4, 10), 7, np.uint8), "bytes up to 7, of which none reaches the threshold of 0.5"),
        ("absent.h5:3", "absent.h5 does not exist"),
    ],
)
def test_invalid_targets_are_refused(target: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        wrapped(target)


def test_draws_of_a_sampler_are_checked() -> None:
    with pytest.raises(InputError, match="this encoder takes"):
        wrapped(lambda generator: np.zeros((3, 3), np.uint8)).reset()


def test_a_target_outside_the_training_data_gives_a_warning_with_its_percentile() -> None:
    encoder = hand_encoder(known=True)
    # Training latents were integers from 0 to 10; the target is now far outside.
    encoder.training_latents = encoder.training_latents / np.float32(20.0)  # type: ignore[operator]
    with pytest.warns(
        UserWarning,
        match=r"target 0 lies outside .*: its training distance .* exceeds that of 100 % of the held-out",
    ):
        env = LatentRewardWrapper(Replay(FILM), encoder, target=layers(9, 9))
    with pytest.warns(UserWarning, match="target 1 lies outside"):
        env.reset(options={"target": np.stack([layers(0, 0), layers(9, 1)])})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        LatentRewardWrapper(Replay(FILM), encoder, target=layers(9, 9), guard=False)
        LatentRewardWrapper(Replay(FILM), encoder, target=layers(0, 0))


def test_latents_are_not_read_as_greyscale() -> None:
    for target in ([0.25, 1.0], [200, 100]):
        _, info = wrapped(np.array(target)).reset()
        assert info["target_latent"].tolist() == target


def test_a_target_frame_that_the_guard_would_flag_gives_a_warning() -> None:
    board = (np.indices((4, 10)).sum(axis=0) % 2).astype(np.uint8)
    encoder = hand_encoder(known=True)
    # The decoder makes two layers, so half the pixels of a checkerboard are wrong.
    encoder.metadata["held_out"]["reconstruction_error"] = list(np.linspace(0.0, 0.1, 101))
    with pytest.warns(UserWarning, match=r"target 0 lies outside .*: its reconstruction error of 0.69"):
        LatentRewardWrapper(Replay(FILM), encoder, target=board)


def test_limits_of_zero_are_allowed() -> None:
    encoder = hand_encoder(known=True)
    encoder.metadata["held_out"]["training_distance"] = [0.0] * 101
    # Integer latents are training latents themselves.
    LatentRewardWrapper(Replay(FILM), encoder, target=[3.0, 4.0])
    with pytest.warns(UserWarning, match="its training distance of 0.177 exceeds that of 100 %"):
        LatentRewardWrapper(Replay(FILM), encoder, target=[3.25, 4.25])


def test_missing_rows_are_named() -> None:
    data = FrameSet(frames=FILM, columns={"trajectory": np.zeros(3, int)})
    for rows, wrong in (([-1, 2], -1), ([0, 3], 3)):
        with pytest.raises(InputError, match=f"row {wrong} is asked for; rows run from 0 to 2"):
            DataSetTargets(data, rows=rows)


def test_a_file_of_frames_with_another_boundary_is_refused(tmp_path: Path) -> None:
    for boundary in ("no-flux", "periodic"):
        data = FrameSet(frames=FILM, columns={"trajectory": np.zeros(3, int)}, boundary=boundary)
        write_frames(tmp_path / f"{boundary}.h5", data)
    with pytest.raises(InputError, match=r"no-flux.h5:1's boundary is no-flux, but the encoder was"):
        wrapped(f"{tmp_path / 'no-flux.h5'}:1")
    assert wrapped(f"{tmp_path / 'periodic.h5'}:1").reset()[1]["distance"] == 5.0
