"""What README, docstrings and examples show runs as it stands there."""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

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
    "morphsim.simulator.simulation",
]


def test_the_readme_s_example_runs_as_printed(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        # Each stands alone: people copy one of them.
        exec(compile(block, "README.md", "exec"), {})
    reward, distance, dryness, temperature = map(float, capsys.readouterr().out.split())
    assert abs(reward) < 10
    assert 0 < distance < 10
    assert 0 < dryness < 1
    assert 280 < temperature < 340


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
