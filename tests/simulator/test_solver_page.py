"""The page about the solver shows code that runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "solver.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("number", range(2))
def test_each_block_runs_alone(number: int, tmp_path: Path) -> None:
    assert len(BLOCKS) == 2
    file = tmp_path / "block.py"
    file.write_text(BLOCKS[number], encoding="utf-8")
    subprocess.run([sys.executable, "-W", "error", str(file)], check=True)
