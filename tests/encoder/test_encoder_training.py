from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import morphsim.encoder.training.epoch as epoch_module
from morphsim.encoder import (
    AutoencoderConfig,
    ObjectiveConfig,
    TrainingConfig,
    TrainingDiverged,
    load_encoder,
    train_encoder,
)
from morphsim.errors import InputError
from morphsim.frames import read_frames, split_by_trajectory

Make = Callable[..., TrainingConfig]

RESULTS = (
    "config.json",
    "curves.csv",
    "curves.png",
    "latents.safetensors",
    "metrics.json",
    "reconstructions.png",
    "weights.safetensors",
)


COLUMNS = (
    "epoch",
    "learning_rate",
    "train_loss",
    "train_negative_elbo",
    "train_reconstruction",
    "train_kl",
    "held_out_negative_elbo",
    "held_out_reconstruction",
    "held_out_kl",
    "active_units",
    "seconds",
    "frames_per_second",
)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "curves.csv").open() as file:
        return list(csv.DictReader(file))


def metrics(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return values


def test_training_lowers_the_loss_on_training_and_held_out_frames(small_config: Make) -> None:
    config = small_config(epochs=40, films=12, learning_rate=5e-3)
    encoder = train_encoder(config, show_progress=False)
    curve = rows(config.out)
    assert float(curve[-1]["train_negative_elbo"]) < 0.8 * float(curve[0]["train_negative_elbo"])
    assert float(curve[-1]["held_out_negative_elbo"]) < 0.9 * float(curve[0]["held_out_negative_elbo"])
    frame_set = read_frames(config.frames)
    training, held_out = split_by_trajectory(frame_set.trajectory, held_out=0.2, seed=0)
    bound = encoder.elbo(frame_set.frames[held_out]).mean()
    assert -bound == pytest.approx(metrics(config.out)["held_out"]["negative_elbo"], rel=0.05)
    decoded = encoder.reconstruct(frame_set.frames[held_out])
    wrong = ((decoded > 0.5) != frame_set.frames[held_out]).mean()
    assert wrong == pytest.approx(metrics(config.out)["held_out"]["pixel_error"], abs=1e-3)
    latents = encoder.encode(frame_set.frames[training])
    pairs = np.triu_indices(len(latents), 1)
    known = encoder.metadata["distances"]
    whitening = np.array(known["mahalanobis"]["whitening"])
    unit = latents / np.linalg.norm(latents, axis=1, keepdims=True)
    for name, apart in (
        ("euclidean", np.linalg.norm(latents[:, None] - latents[None], axis=-1)[pairs]),
        ("cosine", (1.0 - unit @ unit.T)[pairs]),
        ("mahalanobis", np.linalg.norm((latents[:, None] - latents[None]) @ whitening, axis=-1)[pairs]),
    ):
        assert known[name]["scale"] == pytest.approx(np.median(apart), rel=0.05)
        assert known[name]["quantiles"][100] == pytest.approx(apart.max(), rel=0.05)
    # Without replicas the whitening is that of all latents.
    np.testing.assert_allclose(np.cov((latents @ whitening).T), np.eye(4), atol=0.1)
    assert encoder.training_latents is not None
    np.testing.assert_allclose(encoder.training_latents, latents, atol=5e-3)


def test_a_run_leaves_everything_that_it_promises(small_config: Make) -> None:
    config = small_config(tensorboard=True, epochs=4, drop_at=0.5)
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    encoder = train_encoder(config, show_progress=False)
    assert torch.get_num_threads() == threads and torch.equal(torch.random.get_rng_state(), state)
    assert {path.name for path in config.out.iterdir()} == {*RESULTS, "checkpoint.safetensors", "tensorboard"}
    assert list(config.out.glob("tensorboard/events*"))
    assert (config.out / "curves.png").read_bytes().startswith(b"\x89PNG")
    curve = rows(config.out)
    assert tuple(curve[0]) == COLUMNS and [row["epoch"] for row in curve] == ["1", "2", "3", "4"]
    assert [float(row["learning_rate"]) for row in curve] == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4])
    for row in curve:
        for part in ("train", "held_out"):
            total = float(row[f"{part}_reconstruction"]) + float(row[f"{part}_kl"])
            assert float(row[f"{part}_negative_elbo"]) == pytest.approx(total)
    measured = metrics(config.out)
    assert measured["epochs"] == 4
    best = min(curve, key=lambda row: float(row["held_out_negative_elbo"]))
    assert measured["held_out"]["negative_elbo"] == float(best["held_out_negative_elbo"])
    assert measured["kept_epoch"] == int(best["epoch"])
    assert measured["last_epoch"]["held_out_negative_elbo"] == float(curve[-1]["held_out_negative_elbo"])
    assert measured["parameters"] == sum(p.numel() for p in encoder.network.parameters())
    metadata = encoder.metadata
    assert metadata["data"]["file"] == config.frames.name
    assert (metadata["data"]["training_frames"], metadata["data"]["held_out_frames"]) == (18, 6)
    assert metadata["latent_names"] == ["z0", "z1", "z2", "z3"]
    assert metadata["training"]["epochs"] == 4 and metadata["version"]
    assert str(config.out.parent) not in (config.out / "config.json").read_text()
    assert encoder.hash == load_encoder(config.out, device="cpu").hash


def test_tensorboard_holds_scalars_and_pictures(small_config: Make) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = small_config(tensorboard=True, epochs=2)
    train_encoder(config, show_progress=False)
    train_encoder(replace(config, resume=True, epochs=4), show_progress=False)
    log = EventAccumulator(str(config.out / "tensorboard"))
    log.Reload()
    assert "reconstructions" in log.Tags()["images"]
    events = log.Scalars("held_out/negative_elbo")
    assert [event.step for event in events] == [1, 2, 3, 4]
    expected = [float(row["held_out_negative_elbo"]) for row in rows(config.out)]
    assert [event.value for event in events] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("shape", [(37, 53), (1, 9), (64, 64)])
def test_training_takes_any_frame_shape(small_config: Make, shape: tuple[int, int]) -> None:
    config = small_config(shape=shape, epochs=1)
    encoder = train_encoder(config, show_progress=False)
    assert encoder.frame_shape == shape
    assert encoder.encode(read_frames(config.frames).frames).shape == (24, 4)


@pytest.mark.parametrize(
    ("boundary", "asked", "expected"),
    [("no-flux", True, False), ("periodic", True, True), ("periodic", False, False)],
)
def test_only_periodic_frames_are_rolled(
    small_config: Make,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    boundary: str,
    asked: bool,
    expected: bool,
) -> None:
    rolled = []
    original = epoch_module.augment

    def spy(batch: Any, *, shifts: Any, **options: Any) -> Any:
        rolled.append(shifts is not None)
        return original(batch, shifts=shifts, **options)

    monkeypatch.setattr(epoch_module, "augment", spy)
    encoder = train_encoder(small_config(boundary=boundary, roll=asked, epochs=2), show_progress=True)
    assert rolled == [expected] * 10
    assert encoder.boundary == boundary
    said = capsys.readouterr().err.count("not rolled")
    assert said == (1 if asked and not expected else 0)


def test_no_output_without_progress(small_config: Make, capfd: pytest.CaptureFixture[str]) -> None:
    train_encoder(small_config(boundary="no-flux", epochs=1), show_progress=False)
    assert capfd.readouterr() == ("", "")


def test_the_seed_decides_everything(small_config: Make, tmp_path: Path) -> None:
    hashes = [
        train_encoder(small_config(out=tmp_path / name, seed=seed), show_progress=False).hash
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_best_or_last_weights_are_kept(small_config: Make, tmp_path: Path) -> None:
    # With such large steps the network learns and forgets, so that the last epoch is not the best.
    options = {"epochs": 12, "learning_rate": 0.05, "drop_at": 1.0, "resume": True}
    for keep in ("best", "last"):
        config = small_config(out=tmp_path / keep, keep=keep, **options)
        train_encoder(replace(config, epochs=9), show_progress=False)
        train_encoder(config, show_progress=False)
    assert rows(tmp_path / "best")[-1]["held_out_kl"] == rows(tmp_path / "last")[-1]["held_out_kl"]
    losses = [float(row["held_out_negative_elbo"]) for row in rows(tmp_path / "best")]
    best, last = metrics(tmp_path / "best"), metrics(tmp_path / "last")
    assert best["kept_epoch"] == int(np.argmin(losses)) + 1 < last["kept_epoch"] == 12
    assert (best["held_out"]["negative_elbo"], last["held_out"]["negative_elbo"]) == (min(losses), losses[-1])
    frame_set = read_frames(config.frames)
    _, held_out = split_by_trajectory(frame_set.trajectory, held_out=0.2, seed=0)
    bounds = [
        load_encoder(tmp_path / keep, device="cpu").elbo(frame_set.frames[held_out]).mean()
        for keep in ("best", "last")
    ]
    assert bounds[0] > bounds[1]


def test_the_weight_of_the_divergence_holds_the_latents_back(small_config: Make, tmp_path: Path) -> None:
    for name, kl in (("free", 0.0), ("held", 200.0)):
        objective = ObjectiveConfig(kl=kl)
        train_encoder(
            small_config(out=tmp_path / name, objective=objective, epochs=15, learning_rate=5e-3),
            show_progress=False,
        )
    assert metrics(tmp_path / "held")["train"]["kl"] < 0.7 * metrics(tmp_path / "free")["train"]["kl"]


def test_divergence_is_told_and_the_last_checkpoint_kept(small_config: Make) -> None:
    config = small_config(epochs=1)
    train_encoder(config, show_progress=False)
    before = (config.out / "checkpoint.safetensors").read_bytes()
    # A weight of 1e38 overflows in the first step, as in a training that diverges.
    from morphsim.encoder.training.checkpoint import TrainingCheckpoint

    checkpoint = TrainingCheckpoint.load(config.out)
    for tensor in checkpoint.weights.values():
        tensor.fill_(1e38)
    checkpoint.save(config.out)
    with pytest.raises(TrainingDiverged, match=r"epoch 2, at step 1 of 5.*learning rate"):
        train_encoder(replace(config, epochs=3, resume=True), show_progress=False)
    assert TrainingCheckpoint.load(config.out).history == checkpoint.history
    assert len(before) == (config.out / "checkpoint.safetensors").stat().st_size


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs"),
        ({"epochs": 1.5}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"seed": -1}, "seed"),
        ({"threads": 0}, "threads"),
        ({"checkpoint_every": 0}, "checkpoint_every"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": math.nan}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"drop_factor": -0.1}, "drop_factor"),
        ({"drop_at": 1.1}, "drop_at"),
        ({"drop_at": math.nan}, "drop_at"),
        ({"patience": -1}, "patience"),
        ({"schedule": "steps"}, "schedule"),
        ({"hold_out": "frames"}, "hold_out"),
        ({"precision": "float16"}, "precision"),
        ({"compile": 1}, "compile"),
        ({"batch_size": 2, "objective": ObjectiveConfig(triplet=1.0)}, "batch_size"),
        ({"keep": "first"}, "keep"),
        ({"held_out": 0.0}, "held_out"),
        ({"held_out": 1.0}, "held_out"),
    ],
)
def test_bad_options_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        TrainingConfig(frames=Path("frames.h5"), **options)
    assert "\n" not in str(caught.value)


def test_configuration_survives_json(small_config: Make) -> None:
    config = small_config(
        objective=ObjectiveConfig(kl=0.5), network=AutoencoderConfig(channels=(3, 4)), resume=True
    )
    values = json.loads(json.dumps(config.to_dict()))
    assert TrainingConfig.from_dict(values) == config
    for wrong in (
        {},
        [],
        {**values, "more": 1},
        {**values, "out": 3},
        {**values, "mirror": 1},
        {**values, "architecture": "cvae"},
    ):
        with pytest.raises(InputError):
            TrainingConfig.from_dict(wrong)


def test_frames_that_cannot_be_trained_on(small_config: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.h5"):
        train_encoder(small_config(frames=tmp_path / "missing.h5"), show_progress=False)
    (tmp_path / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n broken")
    with pytest.raises(InputError, match=r"broken\.h5"):
        train_encoder(small_config(frames=tmp_path / "broken.h5"), show_progress=False)
    with pytest.raises(InputError, match="1 trajectory"):
        train_encoder(small_config(films=1), show_progress=False)


def test_an_output_that_is_no_folder(small_config: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match=f"{out}: .*; use another path"):
            train_encoder(small_config(out=out), show_progress=False)
