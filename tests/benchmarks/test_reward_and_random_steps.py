"""The benchmarks of rewards and of long random runs."""

from __future__ import annotations

import json
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import random_steps
import reward
from _harness import run
from benchmark_scripts import quick_result


def quick(script: str) -> dict[str, Any]:
    result = quick_result(script, timeout=300.0)
    assert result["benchmark"] == script
    return result


@pytest.mark.slow
def test_a_quick_run_measures_the_wrapper_and_every_way_of_running() -> None:
    result = quick("reward")
    found = result["results"]
    assert (found["wrapper"]["codings a step"], found["wrapper"]["frames coded a step"]) == (1.0, 1.0)
    assert found["wrapper"]["step [ms]"] > found["wrapper"]["wrapper [ms]"] > 0.0
    (rates,) = found["environment steps a second"].values()
    assert set(rates) == {"single", "SubprocVecEnv", "AsyncVectorEnv", "batched"}
    assert all(rate > 0.0 for rate in rates.values())
    assert [target["name"] for target in result["targets"]] == [
        "wrapper over a drying step",
        "codings a step",
    ]


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


def test_timed_steps_are_those_of_the_environment_inside() -> None:
    timed = reward.Timed(gym.make("CartPole-v1"))
    timed.reset(seed=0)
    timed.step(0)
    assert 0.0 < timed.seconds < 10.0
