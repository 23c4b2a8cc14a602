"""Forked copies of a process that has used torch's threads go on, instead of waiting for them for ever."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FORK = """
import os, signal, sys, time
import torch
{before}

torch.set_num_threads(4)
values = torch.ones(4_000_000)
values.sqrt().sum()
child = os.fork()
if child == 0:
    print(torch.get_num_threads(), float(values.sqrt().sum()), flush=True)
    os._exit(0)
end = time.monotonic() + {patience}
while time.monotonic() < end:
    gone, status = os.waitpid(child, os.WNOHANG)
    if gone:
        sys.exit(status)
    time.sleep(0.02)
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
sys.exit("the child hangs")
"""


def fork(before: str, *, patience: float) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    return subprocess.run(
        [sys.executable, "-c", FORK.format(before=before, patience=patience)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("before", ["import morphsim.device", "from morphsim import load_encoder"])
def test_a_forked_child_computes(before: str) -> None:
    done = fork(before, patience=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", "4000000.0"]
