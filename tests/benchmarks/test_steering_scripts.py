"""The benchmarks of steering: their measures on known numbers, and that they run by themselves."""

from __future__ import annotations

from typing import Any

import _steerability
import numpy as np
import pytest
import steerability
import steering
from _harness import run
from benchmark_scripts import quick_result

from morphsim.agents.steering.library import FilmLibrary
from morphsim.errors import InputError


@pytest.mark.slow
def test_a_quick_contest() -> None:
    found = quick_result("steering", timeout=400.0)
    results = found["results"]
    assert list(results["policies"]) == ["recipe", "constant", "library"]
    assert [row["films_once"] for row in results["policies"].values()] == [0, 3, 4]
    for row in results["policies"].values():
        for measure in ("latent", "ruler"):
            regret = row["regret"][measure]
            assert regret["low"] <= regret["value"] <= regret["high"] and regret["targets"] == 2
        assert row["films_per_second"] > 0.0 and row["diverged"] == row["wet"] == 0
    for measure in ("latent", "ruler"):
        assert 0.0 < results["distance"][measure]["own"] < results["distance"][measure]["random"]
    assert results["number_out_of_reach"] == len(results["out_of_reach_of_constant_recipes"]) <= 2
    # Without an agent there is nothing to reach.
    assert found["targets"] == [] and results["agent_less"] == {}


@pytest.mark.slow
def test_a_quick_run_of_steerability() -> None:
    pytest.importorskip("sklearn")
    found = quick_result("steerability", timeout=400.0)
    results = found["results"]
    assert results["films"] == 12 and len(results["directions"]) == 6
    assert set(results["lost"]) == {"time", "evaporation", "ambient_vapour", "temperature"}
    assert results["explained"] < results["ceiling"] < 1.0
    assert [target["target"] for target in found["targets"]] == [0.5]


@pytest.mark.slow
def test_a_quick_run_of_what_presets_cost() -> None:
    found = quick_result("presets", timeout=400.0)
    (row,) = found["results"]["tasks"].values()
    assert all(value > 0.0 for value in row.values())
    assert row["ppo_hours"] == pytest.approx(100_000 / row["ppo_steps_per_second"] / 3600.0)


def test_bad_options(capsys: Any, tmp_path: Any) -> None:
    for words, message in (
        (["--policies", "own", "own"], "name each once"),
        (["--task", "Dryin-v1"], "there is no task"),
    ):
        assert run("steering", steering.Options, steering.measure, words) == 2
        assert message in capsys.readouterr().err
    with pytest.raises(InputError, match="agent"):
        steering.load_predictor(tmp_path)
    assert run("steerability", steerability.Options, steerability.measure, ["--films", "3"]) == 2
    assert "films is 3" in capsys.readouterr().err


def test_steps_are_divided_among_windows_of_dryness() -> None:
    begins, ends = np.array([[0.4, 0.5, 0.7, 0.95]]), np.array([[0.5, 0.7, 0.7, 0.9]])
    found = _steerability.overlap(begins, ends)[0]
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    # From 0.4 to 0.5 half lies before 0.45; from 0.5 to 0.7 each of four windows has a quarter.
    np.testing.assert_allclose(found[0, :3], [0.5, 0.5, 0.0])
    np.testing.assert_allclose(found[1, 2:6], 0.25)
    # A film that stands still or swells is where it ends.
    assert found[2].argmax() == 5 and found[3].argmax() == 8


def test_features_are_times_and_means_of_knobs() -> None:
    time = np.array([[0.0, 1.0, 3.0]])
    states = np.stack([np.array([[0.0, 0.45, 0.5]]), np.log1p(time) / np.log1p(10.0)], axis=2)
    library = FilmLibrary(
        latents=np.zeros((1, 3, 2), np.float32),
        states=states.astype(np.float32),
        actions=np.array([[[0.5], [-1.0]]], np.float32),
        lengths=np.array([2]),
        numbers=np.array([0]),
        materials={},
        task="Drying-v1",
        encoder="hash",
        sensors=("dryness", "time"),
    )
    found = _steerability.window_features(library, ("evaporation",), 10.0)
    shortest = 0.01 * 0.3
    np.testing.assert_allclose(
        found.values[0, :3], np.log([1.0 + shortest, 2.0 + shortest, shortest]), atol=1e-5
    )
    np.testing.assert_allclose(found.values[0, 10:13], [0.5, -1.0, 0.0], atol=1e-6)
    assert list(found.groups["evaporation"]) == list(range(10, 20))


def test_a_model_finds_what_decides_and_what_does_not() -> None:
    pytest.importorskip("sklearn")
    random = np.random.default_rng(0)
    cause = random.uniform(-1.0, 1.0, (160, 3))
    noise = random.normal(0.0, 0.05, (160, 2))
    latents = np.stack([3.0 * cause[:, 0], random.normal(0.0, 1.0, 160), cause[:, 1] ** 2], axis=1)
    latents[:, :2] += noise
    groups = {name: np.array([column]) for column, name in enumerate("abc")}
    features = _steerability.Features(values=cause, groups=groups)
    found = _steerability.measure_steerability(features, latents, directions=3, trees=40)
    # Of variances 3, 1 and 0.09 trees can explain the first and the last.
    assert 0.6 < found.explained < 0.8
    assert found.directions[0] > 0.75 and found.directions[1] > 0.5 and found.directions[2] < 0.1
    assert found.lost["a"] > 0.8 and abs(found.lost["c"]) < 0.05
    assert found == _steerability.measure_steerability(features, latents, directions=3, trees=40)
    with pytest.raises(InputError, match="there are 7 films"):
        _steerability.measure_steerability(
            _steerability.Features(values=cause[:7], groups=groups), latents[:7]
        )


def test_repeats_give_the_ceiling() -> None:
    random = np.random.default_rng(0)
    schedule = random.normal(0.0, 2.0, (4000, 3))
    first, again = (schedule + random.normal(0.0, 1.0, schedule.shape) for _ in range(2))
    # Noise has a variance of 1 of 5.
    assert _steerability.ceiling(first[:1000], again[:1000], first) == pytest.approx(0.8, abs=0.02)
