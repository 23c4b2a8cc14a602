"""The benchmark of the metric: its targets, its films, and that it runs by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import _metric
import metric
import numpy as np
import pytest
from _harness import run
from benchmark_scripts import quick_result
from encoders import blobs

from morphsim.encoder import CVAEConfig
from morphsim.frames import FrameSet, write_frames
from morphsim.similarity.evaluation import (
    EvaluationFrames,
    Latents,
    ThreeDescriptors,
    evaluate_embeddings,
    untrained_latents,
)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("metric")
    words = ["--cache", str(folder / "cache"), "--figures", str(folder / "figures")]
    found = quick_result("metric", *words, timeout=240.0)
    found["figures"] = sorted(path.name for path in (folder / "figures").iterdir())
    return found


@pytest.mark.slow
def test_a_quick_run_measures_everything(quick: dict[str, Any]):
    assert quick["benchmark"] == "metric"
    assert quick["figures"] == ["annealing.png", "drying.png"]
    for process in ("annealing", "drying"):
        found = quick["results"][process]
        assert found["films"] == 9 and found["recipes"] == 3
        assert list(found["embeddings"]) == [
            "pixels + PCA",
            "two-point + PCA",
            "three descriptors",
            "all descriptors",
            "untrained cvae",
            "autoencoder",
            "encoder",
        ]
        three = found["embeddings"]["three descriptors"]
        for family in ("layering", "orientation", "connectivity"):
            assert three[f"equal_{family}"][0] == pytest.approx(0.5, abs=0.03)
        assert three["mirror_ratio"] == pytest.approx(0.0, abs=1e-9)
        # What is a matter of the recipe alone is seen by what it sets.
        assert three["triplets_recipe"][0] > 0.75
    names = [target["name"] for target in quick["targets"]]
    assert len(names) == len(set(names)) == 10


def test_targets_follow_what_was_measured():
    frames = blobs(48, (32, 64))
    recipe = np.repeat(np.arange(4), 12)
    labelled = EvaluationFrames(
        frames=frames,
        recipe=recipe,
        moment=np.tile(np.arange(3), 16),
        trajectory=np.arange(48) // 3,
        boundary="periodic",
    )
    own = untrained_latents(
        CVAEConfig(latent_size=4, channels=(4, 4), hidden=8), (32, 64), boundary="periodic"
    )
    three = ThreeDescriptors().fit(frames, boundary="periodic")
    evaluated = evaluate_embeddings(
        [three, Latents(own.encoder, name="encoder")], labelled, show_progress=False
    )
    targets = {each.name: each for each in metric.targets({"annealing": evaluated, "drying": evaluated})}
    encoder = evaluated.scores["encoder"]
    value = encoder.triplets["recipe"].value
    assert targets["annealing, unseen recipes: same-recipe triplets"].value == value
    least = targets["the same, less that of three descriptors"]
    baseline = evaluated.scores["three descriptors"].triplets["recipe"].value
    assert least.value == value - baseline
    assert least.holds == (value >= baseline)
    lead = targets["drying, last frames: lead over the best baseline"]
    assert lead.value == pytest.approx(
        encoder.triplets["last"].value - evaluated.scores["three descriptors"].triplets["last"].value
    )
    assert targets["mirror ratio, the larger of both processes"].value == encoder.nuisance.mirror
    assert not any("published" in name or "equal" in name for name in targets)


def test_a_network_is_trained_for_some_seconds_once(tmp_path: Path):
    frames = FrameSet(frames=blobs(40, (16, 32)), columns={"trajectory": np.arange(40) // 8})
    write_frames(tmp_path / "a.h5", frames)
    network = CVAEConfig(latent_size=3, channels=(4, 4), hidden=8)
    first = _metric.trained(network, tmp_path / "a.h5", seconds=0.3, cache=tmp_path)
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    epochs = int((folder / "epochs.txt").read_text())
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["epochs"] == epochs >= 1
    assert metrics["seconds"] < 3.0
    written = (folder / "weights.safetensors").stat().st_mtime_ns
    again = _metric.trained(network, tmp_path / "a.h5", seconds=0.3, cache=tmp_path)
    assert again.hash == first.hash
    assert (folder / "weights.safetensors").stat().st_mtime_ns == written


def test_films_of_both_processes_are_joined(tmp_path: Path):
    sets = [
        FrameSet(
            frames=blobs(4, (8, 8), seed=seed),
            columns={"trajectory": np.arange(4) // 2, "time": np.arange(4.0)},
            process=process,  # type: ignore[arg-type]
            units={"time": unit},
        )
        for seed, process, unit in ((0, "annealing", "a"), (1, "drying", "b"))
    ]
    path = _metric.joined(sets, tmp_path)
    assert path == _metric.joined(sets, tmp_path)
    from morphsim.frames import read_frames

    assert read_frames(path).trajectories == 4


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--train-seconds", "-1"], "--train-seconds is -1"),
        (["--encoder", "nobody"], "encoder 'nobody' is unknown"),
        (["--published", "nothing.h5"], "nothing.h5 does not exist"),
        (["--quick", "frames.h5"], "--quick makes a few small films of its own"),
        (["nothing.h5"], "nothing.h5 does not exist"),
    ],
)
def test_bad_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, words: list[str], found: str
):
    monkeypatch.chdir(tmp_path)
    assert run("metric", metric.Options, metric.measure, words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("benchmarks/metric.py: ") and found in lines[-1]
