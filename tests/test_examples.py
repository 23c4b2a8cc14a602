"""Every example runs as it is, at its smallest size, without a warning."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
# The last line that each prints, at a size that takes seconds.
RUNS = {
    "quickstart.py": ((), r"dryness \d\.\d\d: distance \d\.\d\d, reward [+-]\d\.\d\d"),
    "sb3_ppo.py": (
        ("--total-steps", "8", "--n-envs", "2", "--n-steps", "4", "--steps", "2"),
        r"mean return: -?\d+\.\d+ untrained, -?\d+\.\d+ after 8 steps",
    ),
    "sb3_sac.py": (
        ("--total-steps", "6", "--steps", "2"),
        r"a new film ends at distance \d+\.\d+, percentile \d+",
    ),
    "her.py": (
        ("--total-steps", "10", "--steps", "2"),
        r"goal 2: the film ends at distance \d+\.\d+, success (True|False)",
    ),
    "gray_scott.py": (("--steps", "2"), r".*\d.*"),
    "cleanrl_ppo.py": (
        ("--total-steps", "16", "--n-envs", "2", "--n-steps", "4", "--steps", "2"),
        r"update 2 of 2: mean return of the last films -?\d+\.\d+",
    ),
    "chain.py": (
        ("--shape", "16", "32"),
        r"annealing: 300 s, 200 nm thick, domains of \d+ nm",
    ),
    "torchrl_collect.py": (("--total-frames", "8"), r".*\d.*"),
    "steer.py": ((), r"distance \d\.\d\d from the target; material taken for \{.*'chi': \d\.\d+.*\}"),
    "planner.py": (
        ("--candidates", "2", "--horizon", "1", "--steps", "2"),
        r"from \d+\.\d+ to \d+\.\d+",
    ),
}


def test_every_example_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_an_example_runs(name: str) -> None:
    if name == "torchrl_collect.py" and importlib.util.find_spec("torchrl") is None:
        pytest.skip("torchrl is not installed")
    arguments, last = RUNS[name]
    # TorchRL deprecates parts of itself while it is imported.
    warnings = ["-W", "error"] if name != "torchrl_collect.py" else []
    done = subprocess.run(
        [sys.executable, *warnings, str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.fullmatch(last, done.stdout.splitlines()[-1]), done.stdout[-500:]
