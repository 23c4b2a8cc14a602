"""The benchmark of the solver's cells: shifts between groups of films, and widths of interfaces."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import resolution
from _harness import run
from _interfaces import interface_widths
from _shifts import mean_shift
from benchmark_scripts import quick_result

from morphsim.rewards.metric import LatentMetric

# The distance of a calibration whose unit is 2.
METRIC = LatentMetric(SimpleNamespace(metadata={"distances": {"euclidean": {"scale": 2.0}}}))  # type: ignore[arg-type]


def groups(count: int, apart: float, seed: int) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    first, second = random.standard_normal((2, count, 4)).astype(np.float32)
    return first, second + np.float32(apart) * np.array([1, 0, 0, 0], np.float32)


def test_a_shift_is_in_the_encoder_s_unit_and_chance_is_that_of_equal_groups() -> None:
    found = mean_shift(*groups(400, 6.0, 0), METRIC)
    assert found.shift == pytest.approx(3.0, abs=0.1)
    # Two means of n normal vectors of 4 numbers differ by sqrt(2/n) times a chi of 4 degrees, median 1.83.
    assert found.chance == pytest.approx(1.832 * np.sqrt(2 / 400) / 2.0, rel=0.1)
    assert found.rank == 0.0
    assert found.scatter == pytest.approx(np.sqrt(np.pi / 2.0) * 1.5 / 2.0, rel=0.05)


def test_groups_of_few_films_that_differ_by_chance() -> None:
    found = [mean_shift(*groups(4, 0.0, seed), METRIC) for seed in range(40)]
    assert np.median([each.shift for each in found]) == pytest.approx(
        np.median([each.chance for each in found]), rel=0.25
    )
    assert np.mean([each.rank for each in found]) == pytest.approx(0.5, abs=0.15)
    same = groups(4, 0.0, 0)[0]
    assert mean_shift(same, same, METRIC).rank == 1.0


@pytest.mark.parametrize("width", [2.5, 4.0, 8.0])
def test_the_width_of_a_known_profile(width: float) -> None:
    x = np.arange(96)
    # Two interfaces of a periodic film, 0.1 to 0.9: their width is 0.8 over the slope in the middle.
    row = 0.5 + 0.4 * np.tanh(2.0 * (np.abs(x - 47.5) - 24.0) / width)
    share = np.repeat(row[None], 20, axis=0)
    found = interface_widths(share, periodic=True)
    assert found.contrast == pytest.approx(0.8, abs=0.01)
    assert found.x == pytest.approx(width, rel=0.25)
    assert np.isnan(found.z)
    turned = interface_widths(share.T, periodic=False)
    assert turned.z == pytest.approx(found.x)
    mixed = interface_widths(np.full((8, 8), 0.4), periodic=True)
    assert mixed.contrast == 0.0 and np.isnan(mixed.x)


def test_a_sharp_step_is_one_cell_wide() -> None:
    share = np.repeat((np.arange(32) < 16)[None].astype(float), 16, axis=0)
    assert interface_widths(share, periodic=False).x == 1.0


def test_all_materials_are_cases_and_bad_choices_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert {"drying", "annealing", "vapour-annealing", "p3ht-pcbm", "opv-frames"} <= set(resolution.CASES)
    kappa = resolution.chosen_cases(resolution.Options(case=("drying",), set=("kappa=2e-4",)))
    assert kappa["drying"].kappa == 2e-4
    for arguments, message in (
        (["--case", "wood"], "no case 'wood'"),
        (["--seeds", "1"], "at least 2"),
        (["--cells", "0", "9"], "height of cells is 0"),
        (["--set", "kappa=9"], "kappa"),
    ):
        assert run("resolution", resolution.Options, resolution.measure, arguments) == 2
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_quick_run_compares_two_grids() -> None:
    result = quick_result("resolution", timeout=300.0)
    (case,) = result["results"]["cases"]
    assert case["case"] == "drying-fast" and case["failed"] == 0
    coarse, fine = result["results"]["grids"]
    assert (coarse["cells"], fine["cells"]) == ([24, 240], [48, 480])
    assert case["shift"] > 0.0 and case["chance"] > 0.0
    assert 0.0 < coarse["donor area"] < 1.0
    assert fine["least across [cells]"] == pytest.approx(2.0 * coarse["least across [cells]"])
    assert [target["name"] for target in result["targets"]] == [
        "shift of the last frame, drying-fast",
        "the same over the scatter of films, drying-fast",
    ]
    assert result["targets"][1]["value"] == pytest.approx(case["shift"] / case["scatter"])
    json.dumps(result)
