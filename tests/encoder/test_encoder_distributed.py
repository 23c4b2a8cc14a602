"""Training in several processes equals training in one, up to rounding."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from morphsim.encoder import train_encoder
from morphsim.encoder.training import distributed
from morphsim.errors import MachineError
from morphsim.frames import FrameSet, write_frames

ROOT = Path(__file__).resolve().parents[2]
# One frame is left for the last batch, so that one of two processes has none.
OPTIONS = shlex.split(
    "--epochs 3 --batch-size 29 --device cpu --no-tensorboard --learning-rate 1e-3 --schedule constant "
    "--objective.triplet 20 --objective.l1 0.1 --objective.l2 0.01 "
    "--network latent_size=4 channels=4,6 kernel_size=3 strides=2,2 hidden=16"
)


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Write twelve films of four recipes; 30 of their frames are trained on."""
    rng = np.random.default_rng(0)
    path = tmp_path / "frames.h5"
    film = np.repeat(np.arange(12), 3)
    shares = 0.2 + 0.15 * (film // 3)
    write_frames(
        path,
        FrameSet(
            frames=(rng.random((36, 12, 20)) < shares[:, None, None]).astype(np.uint8),
            columns={"trajectory": film, "time": np.tile(np.arange(3.0), 12)},
            recipes={"chi": np.arange(12) // 3 / 10},
            boundary="periodic",
        ),
    )
    return path


def torchrun(processes: int, *words: object) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={processes}",
        str(ROOT / "train_encoder.py"),
        *map(str, words),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.slow
def test_two_processes_take_the_very_steps_of_one(frames: Path, tmp_path: Path) -> None:
    from morphsim._commandline import parse
    from morphsim._commands.train_encoder import Options

    words = [str(frames), "--out", str(tmp_path / "one"), *OPTIONS]
    train_encoder(parse(Options, words, program="train").config(), show_progress=False)
    done = torchrun(2, frames, "--out", tmp_path / "two", "--json", *OPTIONS)
    assert done.returncode == 0, done.stderr
    # Only the first process prints.
    report = json.loads(done.stdout)
    assert report["epochs"] == 3 and len(list((tmp_path / "two").glob(".*"))) == 0
    one, two = (load_file(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, rtol=1e-4, atol=1e-5)
    alone = json.loads((tmp_path / "one" / "metrics.json").read_text())
    for part in ("train", "held_out"):
        for name, value in alone[part].items():
            assert report[part][name] == pytest.approx(value, rel=1e-3), name
    # Two processes resume the run of one.
    longer = [*OPTIONS, "--resume", "--epochs", "4"]
    done = torchrun(2, frames, "--out", tmp_path / "one", "--json", *longer)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["epochs"] == 4


def test_bad_input_is_told_once(tmp_path: Path) -> None:
    done = torchrun(2, tmp_path / "missing.h5", "--out", tmp_path / "out", *OPTIONS)
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if line.startswith("morphsim train-encoder: ")]
    assert len(told) == 1 and "missing.h5" in told[0]
    assert "rank0]: Traceback" not in done.stderr and "Traceback" not in done.stdout


class _Store:
    """An empty key-value store of the processes."""

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    def check(self, names: list[str]) -> bool:
        return all(name in self.told for name in names)

    def set(self, name: str, value: str) -> None:
        self.told[name] = value


@pytest.mark.parametrize(
    "said",
    [
        "[pair.cc:537] Read error [127.0.0.1]:6335: Connection reset by peer. GLHF!",
        "[pair.cc:553] Connection closed by peer [127.0.0.1]:3519",
        "NCCL error in: ..., remote process exited or there was a network error",
    ],
)
def test_a_process_that_is_gone_is_told_in_one_line(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = _Store()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(distributed, "rendezvous", lambda _: iter([(store, 0, 2)]))
    for name in ("init_process_group", "destroy_process_group"):
        monkeypatch.setattr(torch.distributed, name, lambda **_: None)
    with (
        pytest.raises(MachineError, match="another process of this training was killed"),
        distributed.joined_processes(torch.device("cpu")),
    ):
        raise RuntimeError(said)
    assert store.told == {"morphsim-failed-0": "1"}
