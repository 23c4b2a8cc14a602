"""Runs benchmarks as scripts, as their users do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def run_script(script: str, *arguments: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Run `benchmarks/SCRIPT.py` with one thread from the root of the repository."""
    return subprocess.run(
        [sys.executable, f"benchmarks/{script}.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=timeout,
        check=False,
    )


def quick_result(script: str, *arguments: str, timeout: float = 120.0) -> dict[str, Any]:
    """Run a benchmark with `--quick --json` and return the object that it prints."""
    done = run_script(script, "--quick", "--json", *arguments, timeout=timeout)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["quick"] is True
    return result
