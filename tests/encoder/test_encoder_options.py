"""Options of a run: triplets, schedules, early stopping, precision, channels."""

from __future__ import annotations

import csv
import functools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import morphsim.encoder.training.learner as learner_module
from morphsim.encoder import AutoencoderConfig, ObjectiveConfig, TrainingConfig, load_encoder, train_encoder
from morphsim.encoder.training.history import kept_epoch, progress_note, stops_early
from morphsim.encoder.training.schedules import learning_rate_factor
from morphsim.errors import InputError
from morphsim.frames import (
    FrameSet,
    frame_labels,
    read_frames,
    split_by_recipe,
    split_by_trajectory,
    write_frames,
)

Make = Callable[..., TrainingConfig]


def replicas(
    shape: tuple[int, int] = (16, 32), *, recipes: int = 12, films: int = 3, length: int = 2
) -> FrameSet:
    """Films of a bar over a layer: recipe and moment set the layer's height, the film the bar's position."""
    rng = np.random.default_rng(0)
    z, x = np.mgrid[: shape[0], : shape[1]]
    heights = np.linspace(1, shape[0] / 2, recipes * length).round()
    recipe, film, moment = (
        part.ravel() for part in np.meshgrid(*map(np.arange, (recipes, films, length)), indexing="ij")
    )
    frames = []
    for number, time in zip(recipe, moment, strict=True):
        layer = z >= shape[0] - heights[number * length + time]
        frames.append(layer | ((x - rng.integers(shape[1])) % shape[1] < shape[1] // 2))
    return FrameSet(
        frames=np.stack(frames).astype(np.uint8),
        columns={"trajectory": recipe * films + film, "time": moment.astype(float)},
        recipes={"chi": np.repeat(np.arange(recipes) / 10, films)},
        boundary="periodic",
    )


@pytest.fixture
def triplet_config(small_config: Make, tmp_path: Path) -> Make:
    """Make the configuration of a run on replicas with a triplet loss."""
    path = tmp_path / "replicas.h5"
    write_frames(path, replicas())

    def make(**options: Any) -> TrainingConfig:
        defaults: dict[str, Any] = {
            "frames": path,
            "batch_size": 12,
            "hold_out": "recipes",
            "held_out": 0.3,
            "objective": ObjectiveConfig(triplet=50.0),
        }
        return small_config(**{**defaults, **options})

    return make


def rows(folder: Path) -> list[dict[str, float]]:
    with (folder / "curves.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def metrics(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return values


def test_triplets_teach_what_reconstruction_alone_does_not(triplet_config: Make, tmp_path: Path) -> None:
    last = {}
    frames = tmp_path / "many.h5"
    write_frames(frames, replicas(recipes=6, films=8))
    for name, weight in (("plain", 0.0), ("triplet", 200.0)):
        config = triplet_config(
            frames=frames,
            out=tmp_path / name,
            objective=ObjectiveConfig(triplet=weight),
            hold_out="trajectories",
            epochs=20,
            learning_rate=5e-3,
            keep="last",
        )
        train_encoder(config, show_progress=False)
        curve = rows(config.out)
        assert ("train_triplet" in curve[0]) == bool(weight)
        last[name] = np.mean([row["held_out_triplet_accuracy"] for row in curve[-5:]])
    assert last["plain"] < 0.7 < 0.85 < last["triplet"]
    curve = rows(tmp_path / "triplet")
    assert curve[-1]["train_triplet"] < 0.5 * curve[0]["train_triplet"]
    for row in curve:
        expected = row["train_reconstruction"] + row["train_kl"] + 200.0 * row["train_triplet"]
        assert row["train_loss"] == pytest.approx(expected, rel=1e-5)
    # The whitening is computed within labels, in which latents still vary from film to film.
    encoder = load_encoder(tmp_path / "triplet", device="cpu")
    frame_set = read_frames(frames)
    training, _ = split_by_trajectory(frame_set.trajectory, held_out=0.3, seed=0)
    latents, labels = encoder.encode(frame_set.frames[training]), frame_labels(frame_set)[training]
    white = latents @ np.array(encoder.metadata["distances"]["mahalanobis"]["whitening"])
    centred = white - np.stack([white[labels == label].mean(axis=0) for label in labels])
    within = centred.T @ centred / (len(labels) - len(np.unique(labels)))
    np.testing.assert_allclose(within, np.eye(4), atol=0.15)


def test_accuracy_is_that_of_the_stored_encoder_and_its_best_epoch_is_kept(triplet_config: Make) -> None:
    config = triplet_config(keep="triplet", epochs=6, learning_rate=5e-3, out=Path(triplet_config().out))
    encoder = train_encoder(config, show_progress=False)
    accuracies = [row["held_out_triplet_accuracy"] for row in rows(config.out)]
    kept = metrics(config.out)
    assert kept["kept_epoch"] == int(np.argmax(accuracies)) + 1
    assert kept["held_out"]["triplet_accuracy"] == max(accuracies)
    frame_set = read_frames(config.frames)
    _, held_out = split_by_recipe(frame_set, held_out=0.3, seed=0)
    latents, labels = encoder.encode(frame_set.frames[held_out]), frame_labels(frame_set)[held_out]
    apart = np.linalg.norm(latents[:, None] - latents[None], axis=-1)
    right = [
        float((apart[a, p] < apart[a, labels != labels[a]]).mean())
        for a in range(len(labels))
        for p in np.flatnonzero(labels == labels[a])
        if a != p
    ]
    assert np.mean(right) == pytest.approx(max(accuracies), abs=0.02)


def test_whole_recipes_are_held_out(triplet_config: Make) -> None:
    config = triplet_config(epochs=1)
    data = train_encoder(config, show_progress=False).metadata["data"]
    films = set(data["held_out_trajectories"])
    assert len(films) == 12 and all(3 * (film // 3) + other in films for film in films for other in range(3))


def test_a_triplet_loss_without_replicas_is_refused(small_config: Make, triplet_config: Make) -> None:
    with pytest.raises(InputError, match=r"no recipe in .* has two trajectories .*--replicas 2"):
        train_encoder(small_config(objective=ObjectiveConfig(triplet=5.0)), show_progress=False)
    with pytest.raises(InputError, match=r"keep is 'triplet', but no recipe has two .*--hold-out recipes"):
        train_encoder(small_config(keep="triplet"), show_progress=False)
    with pytest.raises(InputError, match="1 recipe"):
        frames = triplet_config().frames
        write_frames(frames.with_name("one.h5"), replicas(recipes=1))
        train_encoder(triplet_config(frames=frames.with_name("one.h5")), show_progress=False)


def test_a_run_with_triplets_goes_on_bit_for_bit(triplet_config: Make, tmp_path: Path) -> None:
    objective = ObjectiveConfig(triplet=50.0, kl_warm_up=3, l1=0.1, l2=0.01)
    config = triplet_config(out=tmp_path / "cut", objective=objective, epochs=4, schedule="constant")
    whole = train_encoder(replace(config, out=tmp_path / "whole"), show_progress=False)
    train_encoder(replace(config, epochs=2), show_progress=False)
    assert train_encoder(replace(config, resume=True), show_progress=False).hash == whole.hash
    for one, other in zip(rows(tmp_path / "cut"), rows(tmp_path / "whole"), strict=True):
        assert {k: v for k, v in one.items() if "second" not in k} == {
            k: v for k, v in other.items() if "second" not in k
        }


def test_an_autoencoder_is_trained_on_squared_errors(small_config: Make) -> None:
    config = small_config(
        network=AutoencoderConfig(latent_size=8, channels=(4, 6)),
        objective=ObjectiveConfig(reconstruction="mse", l1=1e-3, l2=1e-4),
        epochs=30,
        films=12,
        learning_rate=5e-3,
        tensorboard=True,
    )
    encoder = train_encoder(config, show_progress=False)
    curve = rows(config.out)
    assert set(curve[0]) == {
        "epoch",
        "learning_rate",
        "train_loss",
        "train_reconstruction",
        "train_l1",
        "train_l2",
        "held_out_reconstruction",
        "active_units",
        "seconds",
        "frames_per_second",
    }
    assert curve[-1]["held_out_reconstruction"] < 0.8 * curve[0]["held_out_reconstruction"]
    measured = metrics(config.out)
    assert measured["held_out"]["mean_squared_error"] * 12 * 20 == pytest.approx(
        measured["held_out"]["reconstruction"], rel=1e-4
    )
    assert measured["kept_epoch"] == 1 + np.argmin([row["held_out_reconstruction"] for row in curve])
    assert encoder.architecture == "autoencoder" and encoder.latent_size == 8


def test_penalties_hold_latents_and_weights_down(small_config: Make, tmp_path: Path) -> None:
    sizes = {}
    for name, objective in (
        ("free", ObjectiveConfig()),
        ("l1", ObjectiveConfig(l1=100.0)),
        ("l2", ObjectiveConfig(l2=10.0)),
    ):
        config = small_config(
            out=tmp_path / name, objective=objective, epochs=10, learning_rate=5e-3, keep="last"
        )
        encoder = train_encoder(config, show_progress=False)
        latents = encoder.encode(read_frames(config.frames).frames)
        squares = sum(float(p.square().sum()) for p in encoder.network.parameters() if p.ndim > 1)
        sizes[name] = (float(np.abs(latents).mean()), squares)
    assert sizes["l1"][0] < 0.6 * sizes["free"][0]
    assert sizes["l2"][1] < 0.6 * sizes["free"][1]


@pytest.mark.parametrize("channels", [1, 2])
def test_frames_with_channels_are_trained_on(small_config: Make, tmp_path: Path, channels: int) -> None:
    plain = replicas((12, 20), recipes=4)
    frames = np.stack([plain.frames, 1 - plain.frames], axis=1)[:, :channels]
    path = tmp_path / "channels.h5"
    write_frames(path, replace(plain, frames=np.ascontiguousarray(frames)))
    config = small_config(frames=path, epochs=2, tensorboard=True)
    encoder = train_encoder(config, show_progress=False)
    assert list(config.out.glob("tensorboard/*/latents/sprite.png"))
    assert encoder.channels == encoder.metadata["channels"] == channels
    given = frames if channels > 1 else frames[:, 0]
    assert encoder.encode(given).shape == (len(frames), 4)
    assert encoder.reconstruct(given).shape == given.shape


def test_half_precision_trains_nearly_the_same(small_config: Make, tmp_path: Path) -> None:
    losses = {}
    for precision in ("float32", "bfloat16"):
        config = small_config(out=tmp_path / precision, precision=precision, epochs=15, learning_rate=5e-3)
        encoder = train_encoder(config, show_progress=False)
        assert all(str(p.dtype) == "torch.float32" for p in encoder.network.parameters())
        curve = rows(config.out)
        losses[precision] = [row["held_out_negative_elbo"] for row in curve]
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"][-1] == pytest.approx(losses["float32"][-1], rel=0.05)
    assert losses["bfloat16"][-1] < 0.95 * losses["bfloat16"][0]


def test_compilation_without_a_compiler_is_refused(
    small_config: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner_module.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"C\+\+ compiler.*leave --compile out"):
        train_encoder(small_config(compile=True), show_progress=False)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1.0, 1.0, 1.0, 1.0]),
        ("drop", [1.0, 1.0, 0.1, 0.1]),
        ("linear", [1.0, 0.75, 0.5, 0.25]),
        ("cosine", [1.0, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5]),
    ],
)
def test_schedules_by_hand(small_config: Make, schedule: Any, expected: list[float]) -> None:
    factors = [learning_rate_factor(schedule, epoch, 4, drop_at=0.5) for epoch in range(4)]
    assert factors == pytest.approx(expected)
    config = small_config(schedule=schedule, drop_at=0.5, epochs=4)
    train_encoder(config, show_progress=False)
    rates = [row["learning_rate"] for row in rows(config.out)]
    assert rates == pytest.approx([1e-3 * factor for factor in expected])


def records(losses: list[float], accuracies: list[float]) -> list[dict[str, float]]:
    return [
        {"held_out_negative_elbo": loss, "held_out_triplet_accuracy": accuracy}
        for loss, accuracy in zip(losses, accuracies, strict=True)
    ]


def test_kept_epochs_and_early_stopping_by_hand() -> None:
    history = records([9.0, 5.0, 6.0, 5.0], [0.5, 0.7, 0.9, 0.9])
    assert [kept_epoch(history, keep) for keep in ("best", "last", "triplet")] == [1, 3, 2]
    assert [stops_early(history, "best", patience) for patience in (0, 1, 2, 3)] == [False, True, True, False]
    assert [stops_early(history, "last", patience) for patience in (2, 3)] == [True, False]
    assert [stops_early(history, "triplet", patience) for patience in (1, 2)] == [True, False]
    assert not stops_early([], "best", 1)
    assert kept_epoch([{"held_out_reconstruction": value} for value in (3.0, 1.0, 2.0)], "best") == 1


def test_training_stops_when_nothing_gets_better(small_config: Make) -> None:
    # With such large steps the network forgets what it learned.
    config = small_config(epochs=60, learning_rate=0.05, schedule="constant", patience=3, tensorboard=True)
    train_encoder(config, show_progress=False)
    curve = rows(config.out)
    losses = [row["held_out_negative_elbo"] for row in curve]
    assert len(curve) < 60 and len(curve) - 1 - int(np.argmin(losses)) == 3
    done = metrics(config.out)
    assert (done["epochs"], done["kept_epoch"]) == (len(curve), len(curve) - 3)
    again = replace(config, resume=True)
    before = (config.out / "metrics.json").stat().st_mtime_ns
    train_encoder(again, show_progress=False)
    assert (config.out / "metrics.json").stat().st_mtime_ns == before
    # Without early stopping the run goes on from there.
    train_encoder(replace(again, epochs=len(curve) + 1, patience=0), show_progress=False)
    assert metrics(config.out)["epochs"] == len(curve) + 1


def test_the_projector_has_a_point_and_a_thumbnail_for_each_held_out_frame(triplet_config: Make) -> None:
    from PIL import Image

    config = triplet_config(tensorboard=True, epochs=2)
    encoder = train_encoder(config, show_progress=False)
    (folder,) = (config.out / "tensorboard").glob("*/latents")
    points = np.loadtxt(folder / "tensors.tsv", delimiter="\t")
    frame_set = read_frames(config.frames)
    _, held_out = split_by_recipe(frame_set, held_out=0.3, seed=0)
    assert points.shape == (len(held_out), 4)
    if metrics(config.out)["kept_epoch"] == 2:
        np.testing.assert_allclose(points, encoder.encode(frame_set.frames[held_out]), atol=1e-4)
    titles = (folder / "metadata.tsv").read_text().splitlines()
    assert titles[0] == f"frame {held_out[0]}, trajectory {frame_set.trajectory[held_out[0]]}, time 0"
    with Image.open(folder / "sprite.png") as sprite:
        across = int(np.ceil(np.sqrt(len(held_out))))
        assert sprite.size[0] == 32 * across


def test_the_note_says_how_good_the_last_epoch_is() -> None:
    assert progress_note([]) == ""
    record = {
        "held_out_negative_elbo": 123.4,
        "held_out_kl": 7.0,
        "train_triplet": 0.25,
        "held_out_triplet_accuracy": 0.954,
        "active_units": 9,
    }
    assert progress_note([record]) == (
        "-ELBO 123.4 held out, KL 7, triplet loss 0.25, 9 active latents, 95.4 % of triplets right"
    )
    assert progress_note([{"held_out_reconstruction": 5.0, "active_units": 3}]) == (
        "reconstruction 5 held out, 3 active latents"
    )


def test_a_compiled_network_trains_the_same(
    small_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same path through torch's compiler, except for the C++ code, which takes a minute to compile.
    quick = functools.partial(torch.compile, backend="aot_eager")
    monkeypatch.setattr(learner_module.torch, "compile", quick)
    losses = {}
    for name in (False, True):
        # Batches have two shapes, the second of a single frame.
        config = small_config(out=tmp_path / str(name), compile=name, epochs=2, batch_size=17)
        train_encoder(config, show_progress=False)
        losses[name] = [row["train_negative_elbo"] for row in rows(config.out)]
    assert losses[True] == pytest.approx(losses[False], rel=1e-4)
