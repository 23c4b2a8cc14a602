"""The page of benchmarks: made of the results, and never older than they are."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import _report
import _run_all
import _steering_tables
import pytest
import torch
from _harness import BenchmarkOptions, Outcome, Target, report
from _run_all import RUNS, Run, keep, main, summary

from morphsim.errors import InputError
from morphsim.files import write_json

RESULTS = _run_all.RESULTS


def result(name: str = "pfhub", *, quick: bool = False, value: float = 0.1) -> dict[str, Any]:
    outcome = Outcome(
        results={
            "steps": 12,
            "published": {"moose": {"energy": [315.67, None], "deviation_percent": [-0.2, None]}},
            "by_time": [{"time": 5.0, "deviation_percent": 0.1}, {"time": 10.0, "deviation_percent": None}],
            "rows": [{"films": 1, "step_ms": 0.5}, {"films": 2, "step_ms": 0.9}],
            "nested": {"a": {"mean": 1.0}, "b": {"mean": 2.0}},
        },
        targets=[Target("deviation | [%]", value, "<=", 0.5)],
        headline={"case": "1a", "times": [5.0, 10.0], "energy": [316.41, 298.0]},
    )
    return report(name, BenchmarkOptions(quick=quick), outcome, 1.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_json(tmp_path / "results" / "pfhub.json", result())
    return tmp_path


def write(folder: Path) -> str:
    _report.write_report(folder / "results", folder / "page.md", folder / "figures")
    return (folder / "page.md").read_text(encoding="utf-8")


def test_the_page_shows_what_was_measured(folder: Path) -> None:
    page = write(folder)
    assert "1 of 1 targets are reached." in page
    assert "| pfhub | deviation \\| [%] | 0.1 | <= 0.5 | reached |" in page
    assert "![PFHub benchmark 1" in page
    assert "(figures/pfhub.svg)" in page
    assert "| 2 | 0.9 |" in page
    assert "| moose | 315.7, - | -0.2, - |" in page
    assert "| b | 2 |" in page
    assert "python benchmarks/pfhub.py --case 1a" in page


def test_missed_targets_are_shown_as_such(folder: Path) -> None:
    write_json(folder / "results" / "pfhub.json", result(value=0.7))
    page = write(folder)
    assert "0 of 1 targets are reached." in page
    assert "| 0.7 | <= 0.5 | **missed** |" in page


def test_the_same_results_give_the_same_page_and_figure(folder: Path) -> None:
    first = write(folder), (folder / "figures" / "pfhub.svg").read_bytes()
    (folder / "figures" / "gone.svg").write_text("of a benchmark that is no more")
    assert (write(folder), (folder / "figures" / "pfhub.svg").read_bytes()) == first
    assert [path.name for path in (folder / "figures").iterdir()] == ["pfhub.svg"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("pfhub.json", "{", "can't be read as JSON"),
        ("pfhub.json", "", "can't be read as JSON"),
        ("pfhub.json", "[]", "is not the result of a benchmark"),
        ("pfhub.json", json.dumps({"benchmark": "pfhub"}), "is not the result of a benchmark"),
        ("pfhub.json", json.dumps(result(quick=True)), "is of a quick run"),
        ("unheard.json", json.dumps(result()), "belongs to no benchmark"),
    ],
)
def test_bad_results_are_refused_and_the_page_stays(folder: Path, name: str, content: str, said: str) -> None:
    before = write(folder)
    (folder / "results" / name).write_text(content)
    with pytest.raises(InputError, match=said) as refused:
        write(folder)
    assert "\n" not in str(refused.value)
    assert (folder / "page.md").read_text(encoding="utf-8") == before


def test_the_committed_page_is_what_the_committed_results_render_to() -> None:
    results = _report.read_results(RESULTS)
    if not results:
        pytest.skip("benchmarks/results holds no results yet; make bench makes them")
    text = _report.PAGE.read_text(encoding="utf-8")
    figures = {
        name: f"benchmarks/{name}.svg" for name in results if (_report.FIGURES / f"{name}.svg").is_file()
    }
    assert text == _report.page(results, figures), "make bench-report renders the page anew"
    assert set(figures) >= {"pfhub", "pfhub-1b", "simulator"} & set(results)


def test_every_run_is_a_script() -> None:
    scripts = {path.stem for path in _run_all.FOLDER.glob("[!_]*.py")}
    assert {each.script for each in RUNS} == scripts
    assert len({each.name for each in RUNS}) == len(RUNS)


def test_a_quick_result_never_replaces_a_full_one(tmp_path: Path) -> None:
    full = result()
    assert keep(full, "pfhub", tmp_path)
    assert not keep(result(quick=True, value=9.0), "pfhub", tmp_path)
    assert json.loads((tmp_path / "pfhub.json").read_text()) == full


def test_runs_without_their_data_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MORPHSIM_DATA", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it ran"))
    assert _run_all.carry_out(
        Run("p", "published_frames", data="opv_frames.h5"), quick=False, results=tmp_path
    )
    assert "skipped" in capsys.readouterr().err


def test_runs_on_a_gpu_are_skipped_without_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it ran"))
    assert _run_all.carry_out(Run("gpu", "gpu", gpu=True), quick=False)
    assert "skipped, there is no GPU" in capsys.readouterr().err


@pytest.mark.parametrize(("status", "output"), [(0, json.dumps(result())), (1, ""), (2, "")])
def test_a_failed_run_leaves_the_last_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, output: str
) -> None:
    write_json(tmp_path / "pfhub.json", {"old": True})
    done = subprocess.CompletedProcess([], status, stdout=output)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert _run_all.carry_out(RUNS[0], quick=False, results=tmp_path) == (status == 0)
    kept = json.loads((tmp_path / "pfhub.json").read_text())
    assert ("old" in kept) == (status != 0)


def test_run_all_names_what_it_doesn_t_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pfhub", "pfhab"]) == 2
    assert "'pfhab' is not a benchmark" in capsys.readouterr().err


def test_the_summary_names_missed_targets() -> None:
    assert summary(result()) == "1 of 1 targets reached in 1 s"
    assert summary(result(value=1.0)) == "0 of 1 targets reached in 1 s; missed: deviation | [%]"


def test_the_tables_of_policies_are_of_the_results() -> None:
    results = _report.read_results(RESULTS)
    for page in _steering_tables.PAGES:
        text = page.read_text(encoding="utf-8")
        assert text == _steering_tables.rendered(page, results), "make bench-report renders it anew"
