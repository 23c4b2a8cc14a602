"""A process of an environment that is killed ends the run in one line, and no other process stays behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import pytest

from morphsim.agents import AgentConfig, load_agent, train_agent
from morphsim.agents.workers import WorkerEnvs
from morphsim.errors import MachineError
from morphsim.files import load_tree

Configs = Callable[..., AgentConfig]


def kill(process: Any) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)


def test_killed_while_the_run_starts(
    make_config: Configs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, started = SpawnProcess.start, []

    def start_and_kill(process: SpawnProcess) -> None:
        start(process)
        started.append(process)
        if len(started) == 1:
            kill(process)

    monkeypatch.setattr(SpawnProcess, "start", start_and_kill)
    with pytest.raises(MachineError, match="a worker process was killed, perhaps for memory"):
        train_agent(make_config(tmp_path / "a", n_envs=2), show_progress=False)
    assert multiprocessing.active_children() == [] and len(started) == 2


def test_killed_later(make_config: Configs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "a"
    step, steps = WorkerEnvs.step_async, [0]

    def step_and_kill(envs: WorkerEnvs, actions: Any) -> None:
        steps[0] += 1
        if steps[0] == 20:
            kill(envs.processes[1])
        step(envs, actions)

    monkeypatch.setattr(WorkerEnvs, "step_async", step_and_kill)
    with pytest.raises(MachineError, match="the last checkpoint is kept: run again with --resume"):
        train_agent(make_config(out, n_envs=2), show_progress=False)
    assert multiprocessing.active_children() == []
    assert load_tree(out / "checkpoint.safetensors")["steps"] == 32
    load_agent(out)
