"""Pictures are binarised as the encoder's training frames were: threshold, inversion, size."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import h5py
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from morphsim import (
    LatentGoalWrapper,
    LatentObservationWrapper,
    LatentRewardWrapper,
    VectorLatentGoalWrapper,
    VectorLatentObservationWrapper,
    VectorLatentRewardWrapper,
    load_encoder,
    score,
)
from morphsim._commands.score import Options as ScoreOptions
from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.frames import FrameSet, ImportConfig, Preparation, import_frames, read_frames, read_notes
from morphsim.frames.binarisation import Binarisation, stated_binarisation
from morphsim.frames.colour import luminance
from tests.encoders import small_encoder
from tests.rewards.rewards_helpers import SHAPE, Replay, hand_encoder, layers

# Latents (0, 0), (6, 8) and (3, 4).
FILM = np.stack([layers(0, 0), layers(6, 8), layers(3, 4)])


class Grey(gym.Env[Any, Any]):
    """A third-party environment: acceptor has the grey value 40 of 255 and donor 90, or vice versa."""

    def __init__(self, frames: Any, *, dark_donor: bool = False, low: int = 40, high: int = 90) -> None:
        self.frames, self.dark_donor, self.low, self.high = frames, dark_donor, low, high
        self.action_space = gym.spaces.Discrete(2)
        self.observation_space = gym.spaces.Box(0, 255, frames.shape[1:], np.uint8)

    def picture(self) -> Any:
        bright = self.frames[self.number] != self.dark_donor
        return np.where(bright, self.high, self.low).astype(np.uint8)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.number = 0
        return self.picture(), {}

    def step(self, action: Any) -> Any:
        self.number = (self.number + 1) % len(self.frames)
        return self.picture(), 0.25, False, False, {}


def told_encoder(**values: Any) -> Encoder:
    encoder = hand_encoder()
    encoder.metadata["binarisation"] = Binarisation(**values).to_dict()
    return encoder


SINGLE: list[Any] = [LatentRewardWrapper, LatentGoalWrapper, LatentObservationWrapper]
VECTOR: list[Any] = [VectorLatentRewardWrapper, VectorLatentGoalWrapper, VectorLatentObservationWrapper]


def second_latent(kind: Any, env: Any, encoder: Encoder, **settings: Any) -> list[float]:
    target = {} if "Observation" in kind.__name__ else {"target": FILM[2]}
    if kind in VECTOR:
        env = SyncVectorEnv([lambda: env] * 2)
    wrapped = kind(env, encoder, **target, **settings)
    wrapped.reset(seed=0)
    latent = wrapped.step(np.zeros(2, int) if kind in VECTOR else 0)[4]["latent"]
    return list(np.atleast_2d(latent)[0].tolist())


@pytest.mark.parametrize("kind", SINGLE + VECTOR)
def test_the_encoder_stores_the_threshold_of_pictures(kind: Any) -> None:
    assert second_latent(kind, Grey(FILM), told_encoder(threshold=0.3)) == [6.0, 8.0]
    # Thresholded at one half, all is acceptor, as for an encoder that stores no threshold.
    assert second_latent(kind, Grey(FILM), hand_encoder()) == [0.0, 0.0]
    assert second_latent(kind, Grey(FILM), hand_encoder(), frame_threshold=0.3) == [6.0, 8.0]
    assert second_latent(kind, Grey(FILM), told_encoder(threshold=0.3), frame_threshold=0.5) == [0.0, 0.0]


@pytest.mark.parametrize("kind", SINGLE + VECTOR)
def test_the_encoder_stores_which_phase_is_dark(kind: Any) -> None:
    env = Grey(FILM, dark_donor=True)
    assert second_latent(kind, env, told_encoder(threshold=0.7, invert=True)) == [6.0, 8.0]
    assert second_latent(kind, env, hand_encoder(), frame_threshold=0.7, invert=True) == [6.0, 8.0]
    plain = told_encoder(threshold=0.3, invert=True)
    assert second_latent(kind, Grey(FILM), plain, invert=False) == [6.0, 8.0]


@pytest.mark.parametrize("kind", SINGLE + VECTOR)
def test_the_encoder_stores_the_rule_of_thresholds(kind: Any) -> None:
    """The mask is for files: pictures of an environment have the size of the frames."""
    told = told_encoder(preparation=Preparation(rule="otsu", mask=(0, 0, 4, 1)))
    assert second_latent(kind, Grey(FILM), told) == [6.0, 8.0]
    assert second_latent(kind, Grey(FILM, low=200, high=230), told) == [6.0, 8.0]
    # A threshold given by hand replaces the rule.
    assert second_latent(kind, Grey(FILM), told, frame_threshold=0.5) == [0.0, 0.0]


@pytest.mark.parametrize("name", ["Drying-v0", "Annealing-v0", "FrameReplay-v0"])
def test_our_environments_show_frames_that_are_never_inverted(name: str) -> None:
    arguments: dict[str, Any] = {"shape": SHAPE, "recipe": {"noise": 0.0}} if name != "FrameReplay-v0" else {}
    if not arguments:
        arguments = {
            "frames": FrameSet(frames=FILM, columns={"trajectory": np.zeros(3, int)}, boundary="periodic")
        }
        env = gym.make(f"morphsim:morphsim/{name}", **arguments)
        latent = second_latent(LatentObservationWrapper, env, told_encoder(invert=True))
        assert latent == [6.0, 8.0]
        assert second_latent(LatentObservationWrapper, env, hand_encoder(), invert=True) == [4.0, 2.0]
    else:
        env = gym.make(f"morphsim:morphsim/{name}", shape=(16, 32))
        assert env.metadata["observes_frames"] is True
        envs = gym.make_vec(f"morphsim:morphsim/{name}", num_envs=2, shape=(16, 32))
        assert envs.metadata["observes_frames"] is True


def test_targets_are_binarised_like_the_pictures_of_the_environment(tmp_path: Path) -> None:
    encoder = told_encoder(threshold=0.7, invert=True)
    env = Grey(FILM, dark_donor=True)
    env.reset()
    env.step(0)
    picture = env.picture()
    Image.fromarray(picture).save(tmp_path / "target.png")
    np.save(tmp_path / "target.npy", picture)
    colours = np.stack([picture] * 3, axis=-1)
    forms = {
        "picture": picture,
        "floats": picture / 255.0,
        "colours": colours,
        "with transparency": np.dstack([colours, np.full(SHAPE, 255, np.uint8)]),
        "several": picture[None],
        "several in colours": colours[None],
        "channel last": picture[..., None],
        "a frame of 0 and 1": FILM[1],
        "a frame of bool": FILM[1].astype(bool),
        "image": tmp_path / "target.png",
        "array": str(tmp_path / "target.npy"),
    }
    for form, target in forms.items():
        wrapped = LatentRewardWrapper(env, encoder, target=target)
        assert wrapped.reset()[1]["target_latent"].tolist() == [6.0, 8.0], form
        assert score(FILM, target, encoder=encoder).distance.argmin() == 1, form
        assert score(FILM, target, encoder=encoder).distance[1] == 0.0, form


def test_a_target_below_the_threshold_is_refused() -> None:
    with pytest.raises(InputError, match=r"up to 90, of which none reaches the threshold of 0.5"):
        LatentRewardWrapper(Grey(FILM), hand_encoder(), target=np.where(FILM[1], 90, 40).astype(np.uint8))


def test_pictures_of_the_size_before_resizing_are_resized_as_the_training_frames_were() -> None:
    large = FILM.repeat(2, axis=1).repeat(3, axis=2)
    encoder = told_encoder(original_shape=(8, 30))
    assert second_latent(LatentRewardWrapper, Replay(large), encoder) == [6.0, 8.0]
    wrapped = LatentRewardWrapper(Replay(FILM), encoder, target=large[1] * np.uint8(255))
    assert wrapped.reset()[1]["target_latent"].tolist() == [6.0, 8.0]
    with pytest.raises(InputError, match=r"shape \(1, 8, 30\), but the encoder takes frames of \(4, 10\)"):
        LatentRewardWrapper(Replay(large), hand_encoder(), target=FILM[1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frame_threshold": 1.0}, "frame_threshold is 1.0; it must lie between 0 and 1"),
        ({"frame_threshold": "middle"}, "frame_threshold is 'middle'"),
        ({"invert": 1}, "invert is 1; it must be true or false"),
    ],
)
def test_wrong_values_are_refused(settings: dict[str, Any], message: str) -> None:
    for kind in SINGLE + VECTOR:
        with pytest.raises(InputError, match=message):
            second_latent(kind, Grey(FILM), hand_encoder(), **settings)


@pytest.mark.parametrize(
    "values",
    [
        {"threshold": 0},
        {"threshold": True},
        {"invert": "no"},
        {"original_shape": [0, 3]},
        {"colour": 1},
        [],
        None,
    ],
)
def test_invalid_metadata_are_refused(values: Any, tmp_path: Path) -> None:
    encoder = hand_encoder()
    encoder.metadata["binarisation"] = values
    with pytest.raises(InputError):
        LatentRewardWrapper(Grey(FILM), encoder, target=FILM[1])
    with pytest.raises(InputError, match="note 'binarisation'"):
        stated_binarisation({"binarisation": "[1"}, 0.5)


def test_the_threshold_of_the_shipped_encoder_is_one_half() -> None:
    assert Binarisation.of_encoder(load_encoder("default").metadata) == Binarisation()


def test_import_and_training_store_the_binarisation(tmp_path: Path) -> None:
    """From dark pictures of another size to an environment that shows such, with no option given by hand."""
    shape = (16, 24)
    frames = np.random.default_rng(0).integers(0, 2, (12, *shape))
    for number, frame in enumerate(frames):
        (tmp_path / "pictures" / f"film{number // 4}").mkdir(parents=True, exist_ok=True)
        picture = np.where(frame.repeat(2, 0).repeat(2, 1), 30, 70).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / "pictures" / f"film{number // 4}/t{number % 4}.png")
    out = tmp_path / "frames.h5"
    report = import_frames(
        ImportConfig(source=tmp_path / "pictures", out=out, threshold=0.8, invert=True, shape=shape)
    )
    assert report.dropped == ()
    wanted = Binarisation(threshold=0.8, invert=True, original_shape=(32, 48))
    stored = read_frames(out)
    assert stated_binarisation(read_notes(out), stored.threshold) == wanted
    # A second import keeps it.
    again = tmp_path / "again.h5"
    import_frames(ImportConfig(source=out, out=again))
    assert stated_binarisation(read_notes(again), read_frames(again).threshold) == wanted
    import_frames(ImportConfig(source=out, out=again, invert=True, overwrite=True))
    assert not stated_binarisation(read_notes(again), 0.8).invert

    encoder = small_encoder(tmp_path / "encoder", shape, frames=out)
    assert Binarisation.of_encoder(load_encoder(tmp_path / "encoder").metadata) == wanted
    large = Grey(stored.frames.repeat(2, 1).repeat(2, 2), dark_donor=True, low=30, high=70)
    env = LatentRewardWrapper(large, encoder, target=stored.frames[0], guard=False)
    assert env.reset()[1]["distance"] == 0.0


@given(
    picture=hnp.arrays(np.uint8, (3, 4)),
    threshold=st.floats(0.01, 0.99),
    invert=st.booleans(),
)
def test_bytes_are_thresholded_like_the_equal_fractions(picture: Any, threshold: float, invert: bool) -> None:
    made = Binarisation(threshold=threshold, invert=invert)
    full = 1 if picture.max() == 1 else 255
    shares = picture.astype(np.float32) / np.float32(full)
    wanted = (1 - shares if invert else shares) >= threshold
    assert np.array_equal(made.cut(picture), wanted)
    assert np.array_equal(made.cut(shares), wanted)


@given(colours=hnp.arrays(np.uint8, (3, 5, 3)), threshold=st.floats(0.01, 0.99))
def test_colours_mean_the_same_in_files_targets_and_observations(colours: Any, threshold: float) -> None:
    made = Binarisation(threshold=threshold)
    grey = luminance(colours).astype(np.uint8)
    pillow = np.asarray(Image.fromarray(colours).convert("L"))
    assert np.array_equal(grey, pillow)
    if grey.max() > 1 and made.cut(grey).any():
        assert np.array_equal(made.frames(colours, (3, 5)), made.cut(grey))


def run(env: Any, steps: int) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        env.reset(seed=0)
        for _ in range(steps):
            env.step(env.action_space.sample())
    return [str(each.message) for each in caught]


@pytest.mark.parametrize("many", [False, True])
def test_pictures_of_a_single_phase_give_one_warning(many: bool) -> None:
    def wrapped(**values: Any) -> Any:
        if not many:
            return LatentRewardWrapper(Grey(FILM), hand_encoder(), target=FILM[1], **values)
        envs = SyncVectorEnv([lambda: Grey(FILM)] * 2)
        return VectorLatentRewardWrapper(envs, hand_encoder(), target=FILM[1], **values)

    (message,) = run(wrapped(), 50)
    assert message.startswith(f"every one of the first {20 * (1 + many)} frames is all acceptor, so the")
    assert "the last picture's values run from 40 to 90" in message
    assert "binarised with frame_threshold=0.5 and invert=False" in message
    (message,) = run(wrapped(frame_threshold=0.1), 50)
    assert "is all donor" in message
    assert run(wrapped(frame_threshold=0.3), 50) == []


def test_pictures_that_never_change_give_one_warning() -> None:
    same = np.stack([FILM[1]] * 3)
    (message,) = run(LatentRewardWrapper(Grey(same, high=255), hand_encoder(), target=FILM[1]), 50)
    assert message.startswith("the first 20 frames are all the same, so the")
    # Two wrappers that share a frame give one warning, and a film that changes late gives none.
    inside = LatentRewardWrapper(Grey(same, high=255), hand_encoder(), target=FILM[1])
    assert len(run(LatentObservationWrapper(inside, hand_encoder()), 50)) == 1
    late = np.concatenate([[FILM[1]] * 15, [FILM[2]]])
    assert run(LatentRewardWrapper(Grey(late, high=255), hand_encoder(), target=FILM[1]), 50) == []


def test_transposed_and_inverted_files_are_read_as_an_import_reads_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Square frames would not be refused, so each way of reading must transpose them by itself."""
    shape = (16, 16)
    frames = np.random.default_rng(0).integers(0, 2, (8, *shape)).astype(np.uint8)
    raw = 1 - frames.swapaxes(1, 2)
    np.save(tmp_path / "raw.npy", raw)
    Image.fromarray(raw[3] * np.uint8(255)).save(tmp_path / "raw.png")
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file["frames"] = raw
        file["film"] = np.arange(8) // 4
    own = tmp_path / "frames.h5"
    import_frames(ImportConfig(source=tmp_path / "raw.h5", out=own, invert=True, transpose=True))
    assert np.array_equal(read_frames(own).frames, frames)
    encoder = small_encoder(tmp_path / "encoder", shape, frames=own)
    made = Binarisation.of_encoder(load_encoder(tmp_path / "encoder").metadata)
    assert made == Binarisation(invert=True, transpose=True)
    shown = raw * np.uint8(255)
    for target in ("raw.npy:3", "raw.png", "raw.h5:3", "frames.h5:3"):
        assert score(frames, str(tmp_path / target), encoder=encoder).distance[3] == 0.0, target
        env = LatentRewardWrapper(Grey(raw, low=0, high=255), encoder, target=tmp_path / target, guard=False)
        env.reset()
        assert [env.step(0)[4]["distance"] for _ in range(3)][-1] == 0.0, target
    assert score(frames, shown[3], encoder=encoder).distance[3] == 0.0
    for name in ("raw.npy", "raw.h5", "frames.h5"):
        assert score(tmp_path / name, frames[3], encoder=encoder).distance[3] == 0.0, name
        ScoreOptions(
            frames=tmp_path / name,
            target=str(tmp_path / "raw.png"),
            encoder=str(tmp_path / "encoder"),
            json=True,
        ).run()
        assert json.loads(capsys.readouterr().out)["rows"][3]["distance"] == 0.0, name
    # An import as it is removes the transposition, and another one restores it.
    import_frames(ImportConfig(source=own, out=tmp_path / "back.h5", invert=True, transpose=True))
    assert np.array_equal(read_frames(tmp_path / "back.h5").frames, raw)
    assert "binarisation" not in read_notes(tmp_path / "back.h5")


def test_transposed_pictures_are_accepted() -> None:
    encoder = told_encoder(transpose=True)
    assert second_latent(LatentRewardWrapper, Grey(FILM.swapaxes(1, 2), high=255), encoder) == [6.0, 8.0]
    with pytest.raises(InputError, match=r"shape \(4, 10\)"):
        second_latent(LatentRewardWrapper, Grey(FILM), encoder)
    with pytest.raises(InputError, match="transpose is 1; it must be true or false"):
        Binarisation(transpose=1)  # type: ignore[arg-type]
