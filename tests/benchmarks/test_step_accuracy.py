"""The benchmark of step control: films of several tolerances, and those of another installation."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import _figures
import _run_all
import numpy as np
import pytest
import step_control
from _harness import BenchmarkOptions, Outcome, report, run
from _step_films import FilmJob, StepFilm, make, make_elsewhere
from benchmark_scripts import ROOT, quick_result

from morphsim import load_encoder
from morphsim.errors import InputError
from morphsim.simulator import AnnealingRecipe, DryingRecipe, SimulationDiverged

CELLS = (8, 24)
FAST = DryingRecipe(evaporation=3.0, n_donor=10.0).to_dict()


def film(**options: Any) -> StepFilm:
    return make(FilmJob(FAST, 3, CELLS, **options), lambda: False)


def test_a_film_is_seen_twice_and_takes_more_steps_with_a_finer_tolerance() -> None:
    coarse, fine = film(tolerance=0.004), film(tolerance=0.0005)
    assert coarse.fields is not None and coarse.fields.shape == (2, 2, *CELLS)
    solvent = 1.0 - coarse.fields.sum(axis=1).mean(axis=(1, 2))
    # Dryness 0.6 of a film that starts with 0.8 of solvent, h = 1 - 0.6 (1 - 0.2/0.9), and a dry one.
    assert solvent == pytest.approx([1.0 - 0.2 / (1.0 - 0.6 * 7.0 / 9.0), 0.1], abs=1e-3)
    assert fine.steps > 1.5 * coarse.steps


def test_an_annealed_film_is_seen_at_shares_of_its_duration() -> None:
    found = make(FilmJob(AnnealingRecipe(duration=0.01).to_dict(), 0, CELLS), lambda: False)
    assert found.fields is not None and found.fields.shape == (2, 1, *CELLS)
    assert found.fields.mean(axis=(1, 2, 3)) == pytest.approx([0.5, 0.5], abs=0.02)


@pytest.mark.slow
def test_films_of_another_installation_are_those_of_this_process() -> None:
    jobs = [FilmJob(FAST, 3, CELLS), FilmJob(FAST, 3, CELLS, tolerance=0.004)]
    version, films = make_elsewhere(ROOT, jobs)
    assert version
    for found, job in zip(films, jobs, strict=True):
        own = make(job, lambda: False)
        assert (found.steps, found.refused) == (own.steps, own.refused)
        assert found.fields is not None and own.fields is not None
        np.testing.assert_array_equal(found.fields, own.fields)


def test_an_installation_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no package morphsim"):
        make_elsewhere(tmp_path, [])
    with pytest.raises(InputError, match="neither a Python interpreter nor a folder"):
        make_elsewhere(tmp_path / "gone", [])
    (tmp_path / "morphsim").mkdir()
    (tmp_path / "morphsim" / "__init__.py").write_text("raise ImportError('broken')\n", encoding="utf-8")
    with pytest.raises(InputError, match="could not make the films"):
        make_elsewhere(tmp_path, [])


def test_films_that_diverge_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def diverges(*_: Any, **__: Any) -> None:
        raise SimulationDiverged(0, 0.5, {"step": 1e-9})

    sound = [film() for _ in range(2)]
    monkeypatch.setattr("morphsim.simulator.Simulation.advance_to_dryness", diverges)
    lost = film()
    assert lost.fields is None
    encoder = load_encoder("default", device="cpu")
    group = step_control.group_of("fast", [*sound, lost], encoder)
    assert group.diverged == 1 and group.latents.shape[:2] == (2, 2)
    with pytest.raises(InputError, match="1 of 2 films of 'fast' diverged"):
        step_control.group_of("fast", [sound[0], lost], encoder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "wood"], "no recipe 'wood'"),
        (["--old-fine", "wood"], "no recipe 'wood'"),
        (["--seeds", "1"], "at least 2"),
        (["--factors", "4", "1"], "hold 1 and 0.5"),
        (["--finer", "8"], "finer is 8; it must exceed 8"),
    ],
)
def test_bad_options_are_named(
    arguments: Sequence[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("step_control", step_control.Options, step_control.measure, list(arguments)) == 2
    assert message in capsys.readouterr().err


def test_steps_are_held_against_those_of_the_old_version_where_it_ran() -> None:
    summary: dict[str, Any] = {"recipe": "fast", "last": 0.2, "steps": 300.0, "half: steps": 1.05}
    names = [target.name for target in step_control.targets_of([summary])]
    assert names == ["fast: shift of the last frame", "steps at half the tolerance, the least growth"]
    targets = step_control.targets_of([summary | {"old steps": 200.0}])
    assert [(target.value, target.holds) for target in targets] == [(0.2, False), (1.5, False), (1.05, False)]


def test_the_old_version_is_given_to_the_benchmarks_that_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = []

    def record(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, stdout="")

    monkeypatch.setattr(subprocess, "run", record)
    monkeypatch.setenv("MORPHSIM_OLD", "elsewhere")
    runs = {each.name: each for each in _run_all.RUNS}
    _run_all.carry_out(runs["step_control"], quick=False)
    _run_all.carry_out(runs["reward"], quick=False)
    _run_all.carry_out(runs["pfhub"], quick=False)
    monkeypatch.delenv("MORPHSIM_OLD")
    _run_all.carry_out(runs["step_control"], quick=False)
    assert [command[-2:] == ["--old", "elsewhere"] for command in commands] == [True, True, False, False]


@pytest.mark.slow
def test_a_quick_run_compares_tolerances_and_draws_them(tmp_path: Path) -> None:
    result = quick_result("step_control", "--old", str(ROOT), timeout=300.0)
    found = result["results"]
    (summary,) = found["recipes"]
    assert summary["recipe"] == "fast" and summary["last"] > 0.0 and summary["last chance"] > 0.0
    assert summary["old steps"] == summary["steps"]
    assert summary["old last"] > 0.0
    rows = found["by_tolerance"]
    assert [row["tolerance"] for row in rows] == pytest.approx([0.008, 0.002, 0.001])
    steps = [row["steps"] for row in rows] + [found["reference"][0]["steps"]]
    assert steps == sorted(set(steps))
    assert summary["half: steps"] == pytest.approx(steps[2] / steps[1])
    assert [target["name"] for target in result["targets"]] == [
        "fast: shift of the last frame",
        "fast: steps over those of 0.1.0",
        "steps at half the tolerance, the least growth",
    ]
    drawn = _figures.draw("step_control", result, tmp_path)
    assert drawn is not None and "shift of the mean last frame" in drawn.read_text(encoding="utf-8")
    # The page shows what a run without the old version measured, too.
    del summary["old steps"]
    again = report("step_control", BenchmarkOptions(), Outcome(found), 1.0)
    assert _figures.draw("without", again, tmp_path) is not None
