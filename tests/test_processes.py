"""Jobs in processes of their own: what happens when one of the processes is killed."""

from __future__ import annotations

import functools
import multiprocessing
import signal

import pytest

from morphsim.errors import MachineError
from morphsim.processes import run_jobs


def test_a_killed_worker_is_told_in_one_line() -> None:
    # It is killed while it starts, as by the system when memory runs out.
    kill_itself = functools.partial(signal.raise_signal, signal.SIGKILL)
    with pytest.raises(MachineError, match=r"a worker process was killed, perhaps for memory; .*--workers"):
        run_jobs(kill_itself, [1, 2, 3], workers=2, done=lambda _: None)  # type: ignore[arg-type]
    assert multiprocessing.active_children() == []
