"""The benchmarks of the solver: each runs by itself, and what they compare with is right."""

from __future__ import annotations

from typing import Any

import _matched
import numpy as np
import pfhub
import pytest
import torch
from _cahn_hilliard import initial_field
from _matched import Problem, loosest, relative_error
from _peers import CONFIGURATIONS, missing
from _reference import Reference
from benchmark_scripts import quick_result
from scipy import fft

COMMON = {"benchmark", "version", "quick", "machine", "seconds", "results", "targets"}


def quick(script: str, *arguments: str) -> dict[str, Any]:
    result = quick_result(script, *arguments)
    assert set(result) >= COMMON
    assert result["benchmark"] == script
    assert result["machine"]["threads"] == 1
    for target in result["targets"]:
        assert set(target) == {"name", "value", "sense", "target", "holds"}
    return result


@pytest.mark.parametrize("case", ["1a", "1b"])
def test_pfhub_follows_the_reference(case: str) -> None:
    result = quick("pfhub", "--case", case)
    assert result["case"] == case
    assert result["times"] == [5.0, 10.0, 20.0]
    assert len(result["energy"]) == 3
    assert result["energy"] == pytest.approx(pfhub.REFERENCE[case][:3], rel=0.005)  # type: ignore[index]
    assert [target["holds"] for target in result["targets"]] == [True] * 3
    assert result["results"]["energy_never_rises"] is True
    assert result["results"]["change_of_mean_composition"] < 1e-6


@pytest.mark.parametrize("until", ["4.9", "nan", "inf", "-1"])
def test_pfhub_refuses_times_without_an_energy(until: str, capsys: pytest.CaptureFixture[str]) -> None:
    from _harness import run

    assert run("pfhub", pfhub.Options, pfhub.measure, ["--until", until]) == 2
    assert "it must be at least 5" in capsys.readouterr().err


def test_simulator_measures_every_cost() -> None:
    result = quick("simulator")
    results = result["results"]
    if missing():
        assert result["peers"] is None
        assert "not installed" in results["no_peers_because"]
        assert result["targets"] == []
    else:
        assert {entry["backend"] for entry in result["peers"]} == {"numba", "jax"}
        assert all(entry["own_error"] <= entry["peer_error"] for entry in result["peers"])
    for problem in results["matched_error"]:
        errors = [entry["error"] for entry in problem["own"]]
        assert errors[-1] < 0.01 < errors[0]
        assert problem["error_of_reference"] < 1e-3 * errors[-1] or problem["error_of_reference"] < 1e-4
    assert results["fused_rates"]["largest_relative_difference"] < 1e-3
    assert results["whole_film"]["dry"] is True
    assert all(row["step_ms"] > 0 for row in results["step_by_grid"] + results["step_by_batch"])


@pytest.mark.parametrize("case", ["1a", "1b"])
def test_the_independent_reference_has_the_energies_that_pfhub_is_held_to(case: str) -> None:
    periodic = case == "1a"
    reference = Reference(pfhub.SHAPE, periodic=(periodic, periodic), step=0.2)
    energies = [each.free_energy() for each in reference.advance((5.0, 10.0))]
    assert energies == pytest.approx(pfhub.REFERENCE[case][:2], rel=2e-4)  # type: ignore[index]


@pytest.mark.parametrize("periodic", [True, False])
def test_the_reference_agrees_with_explicit_steps_in_other_modes(periodic: bool) -> None:
    shape, until, step = (8, 12), 4.0, 6.25e-4
    forward, inverse = (fft.fftn, fft.ifftn) if periodic else (fft.dctn, fft.idctn)
    waves = [
        2.0 * np.pi * fft.fftfreq(cells) if periodic else np.pi * np.arange(cells) / cells for cells in shape
    ]
    k2 = waves[0][:, None] ** 2 + waves[1][None, :] ** 2

    def rate(c: Any) -> Any:
        slope = 10.0 * (c - 0.3) * (0.7 - c) * (1.0 - 2.0 * c)
        return np.real(inverse(-5.0 * k2 * (forward(slope) + 2.0 * k2 * forward(c))))

    c = start = initial_field(shape).numpy()
    for _ in range(round(until / step)):
        a = rate(c)
        b = rate(c + 0.5 * step * a)
        d = rate(c + 0.5 * step * b)
        c = c + step / 6.0 * (a + 2.0 * b + 2.0 * d + rate(c + step * d))
    reference = next(Reference(shape, periodic=(periodic, periodic), step=0.05).advance((until,)))
    assert np.abs(c - start).max() > 1e-3
    assert reference.field().numpy() == pytest.approx(c, abs=2e-6)
    assert float(reference.field().mean()) == pytest.approx(start.mean(), abs=1e-12)


def test_the_loosest_tolerance_is_one_from_which_on_the_error_stays_small() -> None:
    own = [{"tolerance": t, "error": e} for t, e in ((0.5, 0.01), (0.2, 0.3), (0.1, 0.02), (0.05, 0.01))]
    assert loosest(own, 0.02) == own[2]
    assert loosest(own, 0.4) == own[0]
    assert loosest(own, 0.001) is None


def test_relative_error_is_a_share_of_the_variation() -> None:
    reference = torch.tensor([[1.0, 3.0], [1.0, 3.0]], dtype=torch.float64)
    assert relative_error(reference, reference) == 0.0
    assert relative_error(reference.float() + 0.5, reference) == pytest.approx(0.5)


def test_without_peers_nothing_is_raced() -> None:
    problem = Problem("small", (16, 24), (True, True), 5.0, {"numba": 60.0})
    result = _matched.compare(problem, peers=False, runs=1)
    assert result["peers"] is None
    assert result["matched"] == []
    assert not _matched.targets(problem, result)[0].holds


def test_the_targets_count_py_pde_with_its_usual_stencil() -> None:
    problem = Problem("p", (8, 8), (True, True), 1.0, {"numba": 60.0, "jax": 40.0})
    matched = [
        {"backend": "numba", "stencil": "five-point", "ratio": 61.0},
        {"backend": "numba", "stencil": "nine-point", "ratio": 20.0},
        {"backend": "jax", "stencil": "five-point", "ratio": 39.0},
    ]
    assert [target.holds for target in _matched.targets(problem, {"matched": matched})] == [True, False]


def test_explicit_steps_lie_at_the_limit_of_stability() -> None:
    limits = {each.corner_weight: each.stability_limit for each in CONFIGURATIONS}
    assert limits[0.0] == pytest.approx(2.0 / (5.0 * 8.0 * (2.0 * 8.0 + 1.6)))
    assert limits[0.5] == pytest.approx(2.0 / (5.0 * 4.0 * (2.0 * 4.0 + 1.6)))
