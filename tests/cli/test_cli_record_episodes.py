"""`morphsim record-episodes`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_helpers import Morphsim


def test_a_recording_and_its_scores(
    morphsim: Morphsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minari = pytest.importorskip("minari", reason="the extra `minari` is not installed")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "sets"))
    words = ("record-episodes", "Drying-v1", "--policies", "recipe", "--episodes", 1, "--split", "goals")
    outcome = morphsim(*words, "--dataset-id", "tests/recipe-v3", "--json")
    assert outcome.status == 0, outcome.err
    result = json.loads(outcome.out)
    assert result["dataset_id"] == "tests/recipe-v3"
    assert Path(result["folder"]) == tmp_path / "sets" / "tests" / "recipe-v3"
    (summary,) = result["policies"]
    assert (summary["policy"], summary["episodes"]) == ("recipe", 1)
    dataset = minari.load_dataset("tests/recipe-v3")
    assert dataset.total_steps == summary["steps"]
    assert dataset[0].rewards.sum() == pytest.approx(summary["mean_return"])
    assert dataset.storage.metadata["ref_max_score"] == result["ref_max_score"]
    again = morphsim(*words, "--dataset-id", "tests/recipe-v3")
    assert again.status == 2
    assert "the data set tests/recipe-v3 exists in" in again.complaint
