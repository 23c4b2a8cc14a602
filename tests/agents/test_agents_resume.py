from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from test_agents_training import curves

import morphsim.agents.checkpoint
from morphsim.agents import AgentConfig, PPOConfig, load_agent, train_agent
from morphsim.agents.seeds import EpisodeSeeds
from morphsim.envs import FilmEnv
from morphsim.errors import InputError
from morphsim.files import load_tree

Configs = Callable[..., AgentConfig]
Failing = Callable[..., contextlib.AbstractContextManager[None]]


def hidden_files(folder: Path) -> list[Path]:
    return list(folder.rglob(".*"))


@pytest.mark.parametrize("algorithm", ["ppo", "sac"])
def test_an_interrupted_run_goes_on_from_its_checkpoint(
    make_config: Configs, tmp_path: Path, failing_at: Failing, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a"
    with (
        failing_at(FilmEnv, "step", 38, KeyboardInterrupt()),
        pytest.raises(KeyboardInterrupt, match="--resume continues from step 32"),
    ):
        train_agent(make_config(out, algorithm=algorithm), show_progress=False)
    before = curves(out)
    assert [row["step"] for row in before] == list(range(4, 33, 4))
    assert load_agent(out).folder == out
    checkpoint = load_tree(out / "checkpoint.safetensors")
    assert checkpoint["steps"] == 32 and checkpoint["begun"] == [9]
    assert (checkpoint["memory"] is None) == (algorithm == "ppo")
    if algorithm == "sac":
        assert checkpoint["memory"]["position"] == 32 and not checkpoint["memory"]["full"]

    first: list[int] = []
    original = EpisodeSeeds.__init__

    def record(self: EpisodeSeeds, *arguments: object, **options: object) -> None:
        first.append(options["episode"])  # type: ignore[arg-type]
        original(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(EpisodeSeeds, "__init__", record)
    shutil.copytree(out, tmp_path / "b")
    for folder in (out, tmp_path / "b"):
        train_agent(make_config(folder, algorithm=algorithm, resume=True), show_progress=False)
    assert first == [9, 9]
    after = curves(out)
    assert after[: len(before)] == before
    assert [row["step"] for row in after] == list(range(4, 65, 4))
    # The generators go on too: what follows a checkpoint follows from it alone.
    assert curves(tmp_path / "b") == after
    assert (tmp_path / "b" / "policy.safetensors").read_bytes() == (out / "policy.safetensors").read_bytes()
    if algorithm == "sac":
        memory = load_tree(out / "checkpoint.safetensors")["memory"]
        assert memory["full"] and memory["position"] == 64 - 50


def test_a_killed_run_goes_on(make_config: Configs, tmp_path: Path) -> None:
    out = tmp_path / "a"
    config = make_config(out, algorithm="sac", total_steps=100_000, checkpoint_every=8)
    script = tmp_path / "run.py"
    script.write_text(
        "import json, sys\n"
        "from morphsim.agents import AgentConfig, train_agent\n"
        "train_agent(AgentConfig.from_dict(json.loads(sys.argv[1])), show_progress=False)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(script), json.dumps(config.to_dict())],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        deadline = time.monotonic() + 60
        while not (out / "curves.csv").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    steps = load_tree(out / "checkpoint.safetensors")["steps"]
    assert steps >= 8
    load_agent(out)
    agent = train_agent(
        make_config(out, algorithm="sac", total_steps=steps + 8, checkpoint_every=8, resume=True),
        show_progress=False,
    )
    rows = curves(out)
    assert [row["episode"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["step"] for row in rows] == list(range(4, steps + 9, 4))
    assert agent.act([0.0] * 5).shape == (1,)
    assert hidden_files(out) == []


def test_a_checkpoint_that_can_not_be_written_leaves_the_last_one(
    make_config: Configs, tmp_path: Path, failing_at: Failing
) -> None:
    out = tmp_path / "a"
    with (
        failing_at(morphsim.agents.checkpoint, "save_tree", 2, OSError("disk full")),
        pytest.raises(OSError, match="disk full"),
    ):
        train_agent(make_config(out), show_progress=False)
    assert load_tree(out / "checkpoint.safetensors")["steps"] == 32
    assert len(curves(out)) == 8
    load_agent(out)


def test_results_that_lag_behind_the_checkpoint_are_mended(make_config: Configs, tmp_path: Path) -> None:
    out = tmp_path / "a"
    train_agent(make_config(out, total_steps=32), show_progress=False)
    policy, rows = (out / "policy.safetensors").read_bytes(), curves(out)
    (out / "policy.safetensors").unlink()
    (out / "curves.csv").write_text("episode,step\n")
    (out / ".morphsim-abcdefgh").mkdir()
    (out / ".morphsim-abcdefgh" / "policy.safetensors").write_text("half")
    train_agent(make_config(out, total_steps=32, resume=True), show_progress=False)
    assert (out / "policy.safetensors").read_bytes() == policy
    assert curves(out) == rows
    assert hidden_files(out) == []


def test_a_finished_run_can_be_made_longer(make_config: Configs, tmp_path: Path) -> None:
    out = tmp_path / "a"
    train_agent(make_config(out, total_steps=16), show_progress=False)
    train_agent(make_config(out, total_steps=32, resume=True), show_progress=False)
    assert [row["step"] for row in curves(out)] == list(range(4, 33, 4))


def test_resume_starts_where_there_is_nothing(make_config: Configs, tmp_path: Path) -> None:
    agent = train_agent(make_config(tmp_path / "a", total_steps=16, resume=True), show_progress=False)
    assert len(curves(agent.folder)) == 4


def test_a_folder_with_an_agent_is_not_overwritten(make_config: Configs, tmp_path: Path) -> None:
    out = tmp_path / "a"
    train_agent(make_config(out, total_steps=16), show_progress=False)
    with pytest.raises(InputError, match="--resume"):
        train_agent(make_config(out), show_progress=False)
    (out / "checkpoint.safetensors").unlink()
    with pytest.raises(InputError, match="without its checkpoint"):
        train_agent(make_config(out, resume=True), show_progress=False)


def test_a_run_goes_on_as_it_was_begun_only(make_config: Configs, material: Path, tmp_path: Path) -> None:
    out = tmp_path / "a"
    train_agent(make_config(out, total_steps=16), show_progress=False)
    for options, message in (
        ({"seed": 1}, "seed is 1, but this run was started with 0"),
        ({"algorithm": "sac"}, "algorithm is 'sac'"),
        ({"hidden": (9,)}, "hidden is"),
        ({"ppo": PPOConfig(rollout_steps=32, batch_size=8, n_epochs=2)}, "ppo.rollout_steps is 32"),
        ({"target": f"{material / 'frames.h5'}:3"}, "target is"),
        ({"recipe": None}, "recipe.duration is"),
        ({"steps": 5}, "steps is 5"),
    ):
        with pytest.raises(InputError) as caught:
            train_agent(make_config(out, resume=True, **options), show_progress=False)
        assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_damaged_checkpoint_is_told(make_config: Configs, tmp_path: Path, share: float) -> None:
    out = tmp_path / "a"
    train_agent(make_config(out, total_steps=16), show_progress=False)
    path = out / "checkpoint.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=r"checkpoint\.safetensors"):
        train_agent(make_config(out, total_steps=32, resume=True), show_progress=False)
    load_agent(out)
