"""What README, docstrings and examples show runs as it stands there."""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from morphsim.cli import main

ROOT = Path(__file__).resolve().parents[1]
WITH_EXAMPLES = [
    "morphsim",
    "morphsim.envs.annealing",
    "morphsim.envs.drying",
    "morphsim.envs.names",
    "morphsim.envs.replay",
    "morphsim.envs.vapour_annealing",
    "morphsim.rewards.wrappers.reward",
    "morphsim.rewards.sb3",
    "morphsim.similarity.regret",
    "morphsim.similarity.ruler.ruler",
    "morphsim.simulator.chain",
    "morphsim.simulator.processes.knob",
    "morphsim.simulator.quantities",
    "morphsim.simulator.schedules.profile",
    "morphsim.simulator.schedules.read",
    "morphsim.simulator.schedules.schedule",
    "morphsim.simulator.simulation",
]


def test_the_readme_s_example_runs_as_printed(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        # Each stands alone: people copy one of them.
        exec(compile(block, "README.md", "exec"), {})
    steered, stepped = capsys.readouterr().out.splitlines()
    last, _, hidden = steered.partition(" ")
    assert 0 < float(last) < 10 and "evaporation_coefficient" in hidden
    reward, distance, dryness, temperature = map(float, stepped.split())
    assert abs(reward) < 10
    assert 0 < distance < 10
    assert 0 < dryness < 1
    assert 280 < temperature < 340


def run_blocks(name: str, count: int) -> str:
    """Run the `count` Python blocks of a page one after another; return the page."""
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == count
    for block in blocks:
        exec(compile(block, name, "exec"), names)
    return page


def test_the_page_of_schedules_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = run_blocks("schedules.md", 2)
    files = [tmp_path / "episode.toml"]
    for number, recipe in enumerate(re.findall(r"```toml\n(.*?)```", page, re.DOTALL)):
        files.append(tmp_path / f"{number}.toml")
        files[-1].write_text(recipe, encoding="utf-8")
    assert len(files) == 3
    (plate,) = re.findall(r"```\n(time_s.*?)```", page, re.DOTALL)
    (tmp_path / "plate.csv").write_text(plate, encoding="utf-8")
    words = [
        [str(files[0])],
        *([str(file), "--shape", "16", "32", "--frames", "3"] for file in files[1:]),
        [
            *["--process", "annealing", "--set", "width=1", "--schedule", "plate.csv", "--shape", "16", "32"],
            "--set",
            "duration=5 min",
        ],
    ]
    for options in words:
        assert main(["simulate", *options, "--animation", "none", "--out", "film"]) == 0


def test_the_page_of_steering_runs_as_printed(capsys: pytest.CaptureFixture[str]) -> None:
    run_blocks("steering.md", 2)
    recipe, constant, own, difference = capsys.readouterr().out.splitlines()
    assert [recipe[:16], constant[:13], own[:12]] == ["untouched recipe", "best constant", "own schedule"]
    assert float(difference) == float(difference)


def test_the_page_of_chains_runs_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = run_blocks("chains.md", 2)
    recipes = re.findall(r"```toml\n# (\S+)\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in recipes] == ["dry.toml", "vapour.toml", "anneal.toml", "chain.toml"]
    for name, text in recipes:
        Path(name).write_text(text, encoding="utf-8")
    options = ["--shape", "16", "32", "--animation", "none", "--out", "film"]
    changes = ["--set", "3.temperature=120 °C", "2.diffusivity=1e-10", "--frames", "1"]
    for words in (["dry.toml", "vapour.toml", "anneal.toml", *changes], ["chain.toml", "--frames", "2"]):
        assert main(["simulate", *words, *options]) == 0


def test_the_page_of_the_ruler_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_blocks("ruler.md", 2)
    targets, regret = capsys.readouterr().out.splitlines()
    assert targets == "3 of 3 targets can be reproduced"
    # The policy repeats the targets' own recipes.
    assert regret.startswith("0.00 [-") and regret.endswith("], 0 targets without a regret")
    assert (tmp_path / "ruler.json").is_file()


def test_the_page_of_the_search_for_a_recipe_runs_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cmaes")
    monkeypatch.chdir(tmp_path)
    run_blocks("optimise-recipe.md", 2)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("{'evaporation': (")
    assert 0.0 < float(second.rpartition(" ")[2]) < 10.0
    assert (tmp_path / "optimum" / "recipe.toml").is_file()


NEEDS = {"RecordVideo": "moviepy", "minari": "minari"}


@pytest.mark.parametrize("number", range(4))
def test_the_page_of_other_tools_runs_as_printed(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "training-with-other-tools.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 4
    block = blocks[number]
    for word, package in NEEDS.items():
        if word in block:
            pytest.importorskip(package, reason=f"{package} is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "sets"))
    exec(compile(block, "training-with-other-tools.md", "exec"), {"__name__": "__main__"})
    out = capfd.readouterr().out
    if number == 0:
        assert 0.1 < float(out.rpartition(" ")[2]) < 3.0
        assert (tmp_path / "runs" / "ppo" / "best_model.zip").is_file()
    elif number == 1:
        gained, progress = map(float, re.findall(r"-?\d+\.\d+", out))
        assert gained == pytest.approx(progress, abs=2e-3)
    elif number == 2:
        assert (tmp_path / "runs" / "videos" / "drying-episode-0.mp4").is_file()
    else:
        assert re.fullmatch(r"morphsim/Drying-v1/own-ppo-v0 2 \d+", out.splitlines()[-1])


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_docstrings_run(name: str) -> None:
    module = importlib.import_module(name)
    environment = {**vars(module), "gym": importlib.import_module("gymnasium")}
    result = doctest.testmod(module, extraglobs=environment)
    assert result.attempted > 0
    assert result.failed == 0


def test_python_m_morphsim_is_the_command() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "morphsim", "--version"], check=True, capture_output=True, text=True
    )
    assert re.fullmatch(r"morphsim \d+\.\d+\.\d+\n", shown.stdout)


def test_the_links_at_the_top_lead_to_the_rooms() -> None:
    for room in ("envs", "rewards"):
        assert (ROOT / room).is_symlink()
        assert (ROOT / room).resolve() == ROOT / "morphsim" / room
