"""The benchmark of the data sets that are made by name."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import pytest
from _harness import run
from benchmark_scripts import quick_result

from morphsim.frames import PRESETS


def test_a_quick_run_makes_two_small_films_of_each_preset() -> None:
    chosen = ["annealing-57", "drying-unseen"]
    result = quick_result("datasets", "--workers", "1", "--presets", *chosen)
    assert (result["benchmark"], result["targets"]) == ("datasets", [])
    assert result["results"]["shape"] == [16, 64]
    rows = {row["preset"]: row for row in result["results"]["sets"]}
    assert list(rows) == chosen
    for row in rows.values():
        assert (row["films"], row["frames"], row["failed"]) == (2, 6, 0)
        assert row["seconds"] > 0.0
        # Six frames of 16 x 64 are no more than 6 kB without compression, beside the tables.
        assert 0.001 < row["megabytes"] < 0.2
        assert 0.0 <= row["patterned_share"] <= 1.0
    assert max(row["patterned_share"] for row in rows.values()) > 0.5


def test_a_quick_run_knows_every_preset(tmp_path: Path) -> None:
    assert datasets.Options().presets == tuple(PRESETS)
    for name in PRESETS:
        plan = datasets._quick_config(name, tmp_path / "a.h5", 1).plan()
        assert (plan.films, plan.frames, plan.shape) == (2, 3, [16, 64])


def test_the_bound_is_on_the_published_family_in_full(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def cost(name: str, *_: object, **__: object) -> dict[str, object]:
        return dict.fromkeys(("films", "frames", "megabytes", "patterned_share", "failed"), 1) | {
            "preset": name,
            "seconds": 60.0 * 41,
        }

    monkeypatch.setattr(datasets, "_cost", cost)
    assert run("datasets", datasets.Options, datasets.measure, ["--json"]) == 0
    (target,) = json.loads(capsys.readouterr().out)["targets"]
    assert (target["value"], target["target"], target["holds"]) == (41.0, 40.0, False)
    assert run("datasets", datasets.Options, datasets.measure, ["--json", "--presets", "drying"]) == 0
    assert json.loads(capsys.readouterr().out)["targets"] == []


def test_unknown_presets_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("datasets", datasets.Options, datasets.measure, ["--presets", "wetting"]) == 2
    assert "wetting" in capsys.readouterr().err
