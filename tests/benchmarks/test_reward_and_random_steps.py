"""The benchmarks of rewards and of long random runs."""

from __future__ import annotations

import json
from typing import Any

import _report
import numpy as np
import pytest
import random_steps
from _harness import run
from benchmark_scripts import ROOT, quick_result


def quick(script: str, *arguments: str) -> dict[str, Any]:
    result = quick_result(script, *arguments, timeout=300.0)
    assert result["benchmark"] == script
    return result


@pytest.mark.slow
def test_a_quick_run_measures_the_wrapper_and_every_way_of_running() -> None:
    result = quick("reward", "--old", str(ROOT))
    found = result["results"]
    assert (found["wrapper"]["codings a step"], found["wrapper"]["frames coded a step"]) == (1.0, 1.0)
    assert found["wrapper"]["step [ms]"] > found["wrapper"]["wrapper [ms]"] > 0.0
    (rates,) = found["environment steps a second"].values()
    assert set(rates) == {"single", "SubprocVecEnv", "AsyncVectorEnv", "batched"}
    assert all(rate > 0.0 for rate in rates.values())
    beside = {row["environment"]: row for row in found["beside version 0.1.0"]}
    assert list(beside) == [
        "12 x 96, default",
        "8 x 80, default",
        "12 x 96, equal cells",
        "8 x 80, equal cells",
        "100 x 400, default, with reward",
    ]
    # Both sides are this version: the same films in the same steps.
    assert all(row["steps"] == row["steps of 0.1.0"] == 3 for row in beside.values())
    assert beside["12 x 96, equal cells"]["solver cells"] == "12 x 96"
    assert [row["environments"] for row in found["on two cores"]] == [
        "2 films on threads",
        "3 films on threads",
        "single films in processes",
    ]
    names = [target["name"] for target in result["targets"]]
    assert names[:2] == [
        f"environment steps a second over those of 0.1.0, {shape}" for shape in ("12 x 96", "8 x 80")
    ]
    assert names[2] in {"wrapper over a drying step", "wrapper [ms] over that of 0.1.0"}
    assert names[3:] == [
        "codings a step",
        "two threads over one, batch of 2",
        "steps a second, batch of 4 over batches of 2",
    ]
    page = _report.page({"reward": result}, {})
    assert "### Beside version 0.1.0" in page and "| 8 x 80, equal cells | 8 x 80 |" in page
    assert "| single films in processes |" in page
    assert "| batches: 4 over 2 |" in page and "| wrapper: held by |" in page


@pytest.mark.slow
def test_a_quick_run_steps_both_processes_at_random() -> None:
    result = quick("random_steps")
    found = result["results"]
    assert found["steps"] >= 480
    assert {(each["process"], each["observation"]) for each in found["runs"]} == {
        (process, kind) for process in ("drying", "annealing") for kind in ("frame", "fields", "dict")
    }
    by_name = {target["name"]: target for target in result["targets"]}
    assert by_name["numbers that are not finite"]["holds"]
    assert by_name["observations outside their space"]["holds"]
    assert found["episodes"] > 0


def test_what_is_not_finite_is_named() -> None:
    infos = {
        "sound": np.array([1.0, 2.0]),
        "masked": np.array([np.nan, 2.0]),
        "_masked": np.array([False, True]),
        "final_info": {"odd": np.array([np.inf, 0.0])},
    }
    assert random_steps.odd_numbers(infos) == ["odd"]
    assert random_steps.finite({"frame": np.zeros(3), "state": np.ones(2)})
    assert not random_steps.finite({"frame": np.zeros(3), "state": np.array([np.nan])})


def test_a_film_that_diverges_misses_the_target(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def one(process: str, kind: str, steps: int, options: Any) -> dict[str, Any]:
        return {
            "process": process,
            "observation": kind,
            "steps": steps - 1000,
            "episodes": 1,
            "not finite": [],
            "outside the space": 0,
            "diverged": [{"process": process, "film seed": 3, "message": "it can't be advanced"}],
            "memory [MB]": [100.0, 103.0],
            "memory growth": 0.03,
            "seconds": 1.0,
        }

    monkeypatch.setattr(random_steps, "stepped", one)
    assert run("random_steps", random_steps.Options, random_steps.measure, ["--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    missed = [target["name"] for target in result["targets"] if not target["holds"]]
    assert missed == ["steps", "films that diverged", "largest growth of memory"]
    assert result["results"]["diverged"][0]["film seed"] == 3
