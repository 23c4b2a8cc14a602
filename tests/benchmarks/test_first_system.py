"""The first system again: equal seconds, and curves that tell how far it went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import _figures
import first_system
import pytest
from _harness import run
from training import frames_like_films

from morphsim.encoder import TrainingConfig
from morphsim.frames import write_frames


def test_a_quick_run_trains_both_and_draws_their_curves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--quick", "--json", "--out", str(tmp_path / "kept")]
    assert run("first_system", first_system.Options, first_system.measure, arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["targets"] == []
    networks = result["results"]["networks"]
    assert list(networks) == ["cvae", "split"]
    for name, row in networks.items():
        assert (row["epochs"], row["share_of_10000_epochs"]) == (3, 3e-4)
        assert row["seconds_of_10000_epochs"] == pytest.approx(row["seconds"] / 3e-4)
        assert (tmp_path / "kept" / name / "weights.safetensors").is_file()
    assert result["results"]["pixels_times_ln_2"] == pytest.approx(20 * 48 * 0.6931, rel=1e-3)
    drawn = _figures.draw("first_system", result, tmp_path)
    assert drawn is not None
    text = drawn.read_text(encoding="utf-8")
    assert "split, held out" in text
    assert "0.03 % of the first system" in text


def test_networks_are_compared_at_equal_seconds() -> None:
    rows = [
        {"elapsed": float(second), "held_out_negative_elbo": score}
        for second, score in ((1, 9.0), (2, 5.0), (3, 7.0), (4, 1.0))
    ]
    assert first_system.best_until(rows, 3.5) == rows[1]
    assert first_system.best_until(rows, 4.0) == rows[3]
    assert first_system.best_until(rows, 0.5) == rows[0]


def test_the_target_compares_reconstructions_within_the_shorter_training() -> None:
    def training(*records: tuple[float, float, float]) -> dict[str, Any]:
        curves = [
            {
                "epoch": epoch,
                "elapsed": elapsed,
                "held_out_negative_elbo": score,
                "held_out_reconstruction": reconstruction,
                "held_out_kl": 1.0,
                "train_negative_elbo": 1.0,
                "active_units": 2,
            }
            for epoch, (elapsed, score, reconstruction) in enumerate(records, start=1)
        ]
        return {
            "epochs": len(curves),
            "seconds": records[-1][0],
            "parameters": 1,
            "curves": curves,
            "held_out": {"pixel_error": 0.1},
        }

    trainings = {
        "cvae": training((1.0, 9.0, 8.0), (2.0, 8.0, 7.0)),
        # What it reaches after the end of the other one does not count.
        "split": training((1.5, 9.0, 7.7), (3.0, 1.0, 0.5)),
    }
    outcome = first_system._outcome(first_system.Options(), trainings, frames_like_films(20, (4, 6)))
    (target,) = outcome.targets
    assert (target.value, target.holds) == (pytest.approx(7.7 / 7.0), False)
    assert outcome.results["compared_at_seconds"] == 2.0
    assert "wrong pixels of kept epoch" in outcome.table


def test_epochs_fit_into_the_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame_set = frames_like_films(100, (12, 20))
    path = tmp_path / "a.h5"
    write_frames(path, frame_set)
    config = TrainingConfig(frames=path, out=tmp_path / "out", network=first_system.NETWORKS["cvae"])
    timed: list[TrainingConfig] = []

    def train(given: TrainingConfig, **_: object) -> None:
        timed.append(given)
        given.out.mkdir()
        (given.out / "curves.csv").write_text(
            "seconds,frames_per_second\n9,1\n1,40\n1,50\n", encoding="utf-8"
        )

    monkeypatch.setattr(first_system, "train_encoder", train)
    # 80 training frames at 45 a second.
    assert first_system.epochs_within(20.0, config, frame_set, tmp_path) == 11
    assert timed[0].network == config.network
    assert timed[0].frames != path


def test_films_are_those_of_the_preset_unless_a_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(first_system, "make_dataset", lambda config: asked.append(config) or config.out)
    options = first_system.Options(cache=tmp_path, workers=2)
    assert first_system._films(options, tmp_path) == tmp_path / "annealing-57.h5"
    assert [(config.preset, config.workers) for config in asked] == [("annealing-57", 2)]
    assert asked[0].plan().films == 57


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--quick", "--minutes", "0"), "--minutes is 0; it must be above 0"),
        (("missing.h5",), "missing.h5 does not exist"),
    ],
)
def test_bad_input_is_one_line(
    words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("first_system", first_system.Options, first_system.measure, words) == 2
    assert complaint in capsys.readouterr().err
