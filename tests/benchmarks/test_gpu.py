"""What a GPU computes and how it is measured, as far as a machine without one can tell."""

from __future__ import annotations

import shutil
from typing import Any

import gpu
import pytest
import torch
from _harness import run
from _traffic import compiled_traffic, eager_traffic
from benchmark_scripts import quick_result
from torch._dynamo.utils import counters

from morphsim.simulator import DryingRecipe, Simulation
from morphsim.simulator.core import device_step

FIELD = 2 * 100 * 400 * 4
"""Bytes of the two fields of a film of 100 x 400 cells in float32."""


@pytest.mark.slow
def test_a_quick_run_measures_everything_that_a_gpu_does() -> None:
    result = quick_result("gpu", "--device", "cpu", timeout=300.0)
    found = result["results"]
    assert result["targets"] == []
    assert found["same_films"]["largest_difference"] < 1e-5
    assert found["step"]["eager"]["kernels"] > 500
    assert [row["films"] for row in found["films"]["batches"]] == [1, 2, 4]
    for row in found["films"]["batches"]:
        rate = row["film_steps_per_second"]
        share = found["step"]["eager"]["bytes"] * rate / found["films"]["copy_bytes_per_second"]
        assert row["bandwidth_share"] == pytest.approx(share)
        assert rate == pytest.approx(1e3 * row["films"] / row["step_ms"])
    assert set(found["environment_steps_per_second"]) == {"batch of 2", "processes"}
    assert found["training_frames_per_second"] > 0.0


def test_a_full_run_needs_a_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("gpu", gpu.Options, gpu.measure, ["--device", "cpu"]) == 2
    assert "use a GPU, or --quick" in capsys.readouterr().err


def test_the_targets_of_a_gpu_take_the_best_batch() -> None:
    rows = [
        {"film_steps_per_second": 2e5, "bandwidth_share": 0.2},
        {"film_steps_per_second": 1e5, "bandwidth_share": 0.4},
    ]
    results = {
        "same_films": {"largest_difference": 1e-5},
        "films": {"batches": rows},
        "training_frames_per_second": 1e5,
        "environment_steps_per_second": {"batch of 64": 90.0, "batch of 256": 210.0, "processes": 10.0},
    }
    assert [target.value for target in gpu.targets(results)] == [1e-5, 2e5, 0.4, 1e5, 21.0]
    assert [target.holds for target in gpu.targets(results)] == [True, True, True, False, True]


def test_eager_kernels_are_counted_with_what_they_read_and_write() -> None:
    ones = torch.ones(10, 10)
    found = eager_traffic(lambda: (ones[:5] + 1.0).T.contiguous())
    # A sum of 50 numbers and a copy of 50 numbers; views are no kernels.
    assert (found.kernels, found.bytes) == (2, 4 * 50 * 4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated")  # of torch itself
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler, which inductor needs on the CPU")
def test_the_step_of_the_default_drying_film_compiles_once_and_moves_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device_step, "_COMPILED", {})
    limits = torch._dynamo.config.patch(recompile_limit=1, fail_on_recompile_limit_hit=True)
    counters.clear()
    differences, eager = [], None
    with compiled_traffic() as graphs, limits:
        for films in (3, 1, 4):
            ends: list[Any] = []
            for compiled in (True, False):
                recipes = [DryingRecipe(evaporation=0.3 + 0.5 * film) for film in range(films)]
                simulation = Simulation(recipes, seeds=range(films), shape=(100, 400), backend="torch")
                stepper = simulation.stepper
                assert stepper.noise is not None
                stepper.sync_each_step, stepper.compile_steps = not compiled, compiled
                simulation.advance(time=1e-5)
                ends.append(simulation.fields())
            differences.append(float((ends[0] - ends[1]).abs().max()))
            if eager is None:
                eager = eager_traffic(lambda made=simulation: gpu._steps(made, 1))
    assert counters["stats"]["unique_graphs"] == 1
    assert not counters["graph_break"]
    # Films of numba differ as much from those of torch; ten times later rounding has changed their steps.
    assert max(differences) < 2e-6
    assert float(ends[0].std(dim=(2, 3)).min()) > 1e-5
    (graph,) = graphs
    # Measured with torch 2.13: 40 kernels and 93 fields (30 MB); in eager mode 1106, and 1246 fields.
    assert graph.kernels <= 42
    assert graph.bytes / 3 <= 96 * FIELD
    assert eager is not None
    assert eager.kernels > 10 * graph.kernels
    assert eager.bytes > 6 * graph.bytes
