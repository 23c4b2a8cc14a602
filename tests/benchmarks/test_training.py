"""The benchmark of training: the peer is a fair one, and everything is measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import training
from _harness import run
from _user_loop import FramesInFile, FramesInMemory, negative_elbo, user_loop

from morphsim.encoder import CVAEConfig, TrainingConfig, kl_divergence, reconstruction_loss
from morphsim.encoder.networks import SplitConfig
from morphsim.frames import split_by_trajectory, write_frames

SMALL = CVAEConfig(latent_size=4, channels=(4, 6), kernel_size=3, strides=(2, 2), hidden=16)


def test_the_peer_has_the_loss_of_our_objective() -> None:
    frame_set = training.frames_like_films(6, (12, 20))
    network = SMALL.build((12, 20), generator=torch.Generator().manual_seed(1))
    frames = torch.from_numpy(frame_set.frames).float().unsqueeze(1)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        found = negative_elbo(network, frames, half=False)
        torch.manual_seed(3)
        noise = torch.randn(6, SMALL.latent_size)
    mean, log_variance = network.encode(frames)
    latents = mean + torch.exp(0.5 * log_variance) * noise
    expected = reconstruction_loss(network.decode(latents), frames) + kl_divergence(mean, log_variance)
    torch.testing.assert_close(found, expected.mean())


def test_the_peer_reads_the_same_frames_from_memory_and_file_and_augments_them(tmp_path: Path) -> None:
    frame_set = training.frames_like_films(20, (6, 10))
    write_frames(tmp_path / "a.h5", frame_set)
    sets = FramesInMemory(frame_set.frames), FramesInFile(tmp_path / "a.h5")
    drawn = []
    for dataset in sets:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            drawn.append(torch.stack([dataset[row] for row in range(len(dataset))]))
        dataset.close()
    torch.testing.assert_close(*drawn)
    assert drawn[0].shape == (20, 1, 6, 10)
    mirrored = 0
    for row, frame in zip(drawn[0].numpy()[:, 0], frame_set.frames, strict=True):
        images = {
            flip: [np.roll(frame[:, ::-1] if flip else frame, shift, axis=1) for shift in range(10)]
            for flip in (False, True)
        }
        matches = {flip: any(np.array_equal(row, image) for image in images[flip]) for flip in images}
        assert any(matches.values())
        mirrored += matches[True] and not matches[False]
    assert 0 < mirrored < 20


@pytest.mark.parametrize("half", [False, True])
def test_the_peer_trains_and_leaves_the_random_state_alone(half: bool) -> None:
    frame_set = training.frames_like_films(40, (12, 20))
    network = SMALL.build((12, 20), generator=torch.Generator().manual_seed(1))
    before = torch.random.get_rng_state()
    seconds, losses = user_loop(
        FramesInMemory(frame_set.frames),
        network,
        batch_size=8,
        epochs=4,
        workers=0,
        device=torch.device("cpu"),
        half=half,
    )
    torch.testing.assert_close(torch.random.get_rng_state(), before)
    assert seconds > 0.0
    assert len(losses) == 4
    # The first weights give even odds: ln 2 for each of 240 pixels.
    assert losses[0] == pytest.approx(240 * np.log(2.0), rel=0.05)
    assert losses[-1] < losses[0]


def test_films_are_periodic_patterns_that_are_split_whole() -> None:
    frame_set = training.frames_like_films(40, (20, 48))
    assert (frame_set.shape, frame_set.trajectories, frame_set.boundary) == ((20, 48), 4, "periodic")
    assert 0.4 < frame_set.frames.mean() < 0.6
    seam = (frame_set.frames[:, :, 0] != frame_set.frames[:, :, -1]).mean()
    inside = (frame_set.frames[:, :, 1:] != frame_set.frames[:, :, :-1]).mean()
    assert seam == pytest.approx(inside, abs=0.05)


def test_both_sides_train_on_equally_many_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame_set = training.frames_like_films(40, (12, 20))
    seen: dict[str, Any] = {}

    def peer(frames: Any, *_: object, workers: int = 0, half: bool = False) -> float:
        seen[f"{type(frames).__name__} {workers} {half}"] = frames
        return 0.5

    def own(config: TrainingConfig) -> float:
        seen["config"] = config
        return 0.25 if config.precision == "float32" else 0.125

    monkeypatch.setattr(training, "peer_seconds", peer)
    monkeypatch.setattr(training, "own_seconds", own)
    found = training.loop_rates(SMALL, frame_set, training.Options(runs=1), str(tmp_path))
    assert {name: row["frames_per_second"] for name, row in found.items()} == {
        "ours, float32": 4.0,
        "ours, bfloat16": 8.0,
        "plain loop": 2.0,
        "plain loop, bfloat16": 2.0,
        "plain loop, 2 workers": 2.0,
        "plain loop, HDF5": 2.0,
        "plain loop, HDF5, 2 workers": 2.0,
    }
    config = seen["config"]
    chosen, _ = split_by_trajectory(frame_set.trajectory, held_out=config.held_out, seed=config.seed)
    np.testing.assert_array_equal(seen["ndarray 0 False"], frame_set.frames[chosen])
    assert len(FramesInFile(seen["PosixPath 2 False"])) == len(chosen)


def test_the_targets_take_our_fastest_setting_and_name_it() -> None:
    def rows(**rates: float) -> dict[str, dict[str, Any]]:
        names = {"own": "ours, float32", "half": "ours, bfloat16", "plain": "plain loop"}
        return {
            names[key]: {"ours": key != "plain", "frames_per_second": rate} for key, rate in rates.items()
        }

    outcome = training._outcome(
        training.Options(),
        {"cvae": rows(own=100.0, half=210.0, plain=100.0), "split": rows(own=90.0, half=80.0, plain=100.0)},
        None,
        {"ratio": 0.05, "encode_ms": 1.0, "step_ms": 20.0},
    )
    assert [(target.name, target.value, target.holds) for target in outcome.targets] == [
        ("cvae on the CPU: ours, bfloat16, times the plain loop in memory", 2.1, True),
        ("split on the CPU: ours, float32, times the plain loop in memory", 0.9, False),
        ("GPU: frames a second", None, False),
        ("one frame encoded, over a drying step", 0.05, True),
    ]
    assert outcome.results["ratios"]["cvae"]["float32 over plain loop"] == 1.0


def test_a_quick_run_measures_everything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "QUICK_SHAPE", (16, 32))
    assert run("training", training.Options, training.measure, ["--quick", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["targets"] == []
    loops = result["results"]["loops"]
    assert {row["network"] for row in loops} == {CVAEConfig.architecture, SplitConfig.architecture}
    assert len(loops) == 14
    assert all(row["frames_per_second"] > 0.0 for row in loops)
    encoding = result["results"]["encoding"]
    assert encoding["default_encoder"] is False
    assert encoding["ratio"] == pytest.approx(encoding["encode_ms"] / encoding["step_ms"])
    if result["machine"]["gpu"] is None:
        assert result["cuda"] is None
    else:
        assert result["cuda"]["seconds_of_10000_epochs"] > result["cuda"]["seconds"]


@pytest.mark.parametrize("words", [("--runs", "0"), ("--batch-size", "0"), ("--frames", "5")])
def test_bad_sizes_are_refused(words: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("training", training.Options, training.measure, words) == 2
    assert "must be at least" in capsys.readouterr().err
