from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import morphsim.encoder.training.epoch as epoch_module
from morphsim.encoder import TrainingConfig, train_encoder
from morphsim.encoder.training.checkpoint import TrainingCheckpoint
from morphsim.errors import InputError
from morphsim.files import load_tree, save_tree

Make = Callable[..., TrainingConfig]

TIMINGS = {"seconds", "frames_per_second"}


def lasting_results(folder: Path) -> dict[str, Any]:
    """Return all results in which two runs must agree, without timings, pictures and names of folders."""
    metrics = json.loads((folder / "metrics.json").read_text())
    with (folder / "curves.csv").open() as file:
        curves = [{k: v for k, v in row.items() if k not in TIMINGS} for row in csv.DictReader(file)]
    return {
        "weights": (folder / "weights.safetensors").read_bytes(),
        "config": json.loads((folder / "config.json").read_text()),
        "metrics": {name: value for name, value in metrics.items() if name not in TIMINGS | {"sha256"}},
        "curves": curves,
    }


class Killed(BaseException):
    """Stands for a signal."""


@pytest.mark.parametrize(("steps", "checkpoint_every"), [(0, 1), (5, 1), (13, 1), (13, 2), (24, 3)])
def test_an_interrupted_run_goes_on_bit_for_bit(
    small_config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int, checkpoint_every: int
) -> None:
    # Five steps an epoch: the run ends in the first epoch, between two, within the third, in the last.
    config = small_config(out=tmp_path / "cut", epochs=5, resume=True, checkpoint_every=checkpoint_every)
    train_encoder(replace(config, out=tmp_path / "whole"), show_progress=False)
    original = epoch_module.augment
    left = steps

    def interrupting(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        return original(*arguments, **options)

    monkeypatch.setattr(epoch_module, "augment", interrupting)
    with pytest.raises(Killed):
        train_encoder(config, show_progress=False)
    monkeypatch.undo()
    assert not (config.out / "metrics.json").exists()
    train_encoder(config, show_progress=False)
    assert lasting_results(config.out) == lasting_results(tmp_path / "whole")


@pytest.mark.slow
def test_a_killed_process_goes_on_bit_for_bit(small_config: Make, tmp_path: Path) -> None:
    config = small_config(
        out=tmp_path / "killed", epochs=60, resume=True, checkpoint_every=3, shape=(37, 53), films=8
    )
    train_encoder(replace(config, out=tmp_path / "whole"), show_progress=False)
    code = (
        "from pathlib import PosixPath\n"
        "from morphsim.encoder import CVAEConfig, ObjectiveConfig, TrainingConfig, train_encoder\n"
        f"train_encoder({config!r}, show_progress=False)\n"
    )
    rng = random.Random(5)
    kills = 0
    for _ in range(2):
        size = (config.out / "curves.csv").stat().st_size if (config.out / "curves.csv").exists() else 0
        process = subprocess.Popen([sys.executable, "-c", code])
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            grown = (config.out / "curves.csv").exists()
            if grown and (config.out / "curves.csv").stat().st_size > size:
                time.sleep(rng.uniform(0.0, 0.4))
                break
            time.sleep(0.01)
        process.kill()
        kills += process.wait(timeout=30) != 0
    assert kills == 2, "the run was over before it could be killed"
    train_encoder(config, show_progress=False)
    assert lasting_results(config.out) == lasting_results(tmp_path / "whole")
    assert not list(config.out.glob(".*"))


def test_a_run_killed_before_its_results_writes_them(small_config: Make, tmp_path: Path) -> None:
    config = small_config(resume=True)
    train_encoder(config, show_progress=False)
    expected = lasting_results(config.out)
    for name in ("metrics.json", "weights.safetensors", "reconstructions.png"):
        (config.out / name).unlink()
    train_encoder(config, show_progress=False)
    assert lasting_results(config.out) == expected
    assert (config.out / "reconstructions.png").exists()


def test_a_finished_run_just_returns(small_config: Make) -> None:
    config = small_config(resume=True)
    first = train_encoder(config, show_progress=False)
    before = {path.name: path.stat().st_mtime_ns for path in config.out.iterdir()}
    again = train_encoder(config, show_progress=False)
    assert again.hash == first.hash
    assert {path.name: path.stat().st_mtime_ns for path in config.out.iterdir()} == before


def test_a_finished_run_takes_more_epochs_but_not_fewer(small_config: Make) -> None:
    config = small_config(epochs=2, drop_at=1.0)
    train_encoder(config, show_progress=False)
    longer = replace(config, epochs=4, resume=True)
    train_encoder(longer, show_progress=False)
    assert json.loads((config.out / "metrics.json").read_text())["epochs"] == 4
    whole = replace(config, epochs=4, out=config.out.parent / "whole")
    train_encoder(whole, show_progress=False)
    assert lasting_results(whole.out) == lasting_results(config.out)
    with pytest.raises(InputError, match="epochs is 3"):
        train_encoder(replace(longer, epochs=3), show_progress=False)


def test_a_folder_with_a_run_is_not_overwritten(small_config: Make) -> None:
    config = small_config(epochs=1)
    train_encoder(config, show_progress=False)
    with pytest.raises(InputError, match="--resume"):
        train_encoder(config, show_progress=False)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"learning_rate": 2e-3}, "learning_rate"),
        ({"batch_size": 5}, "batch_size"),
        ({"seed": 3}, "seed"),
        ({"mirror": False}, "mirror"),
        ({"threads": 2}, "threads"),
        ({"network": "hidden"}, r"network\.hidden"),
        ({"films": 5}, "frames"),
    ],
)
def test_a_run_goes_on_only_as_it_was_begun(small_config: Make, options: dict[str, Any], field: str) -> None:
    config = small_config(epochs=1)
    train_encoder(config, show_progress=False)
    if "network" in options:
        options = {"network": replace(config.network, hidden=17)}
    other = small_config(epochs=2, resume=True, **options)
    with pytest.raises(InputError, match=f"^{field} ") as caught:
        train_encoder(other, show_progress=False)
    assert "\n" not in str(caught.value)


def test_a_run_may_move_and_change_how_often_it_saves(small_config: Make, tmp_path: Path) -> None:
    config = small_config(epochs=1)
    train_encoder(config, show_progress=False)
    frames = config.frames.rename(tmp_path / "moved.h5")
    out = config.out.rename(tmp_path / "elsewhere")
    moved = replace(config, frames=frames, out=out, resume=True, epochs=2, checkpoint_every=5)
    assert train_encoder(moved, show_progress=False).metadata["data"]["file"] == "moved.h5"


def test_a_damaged_checkpoint_is_refused(small_config: Make) -> None:
    config = small_config(epochs=1)
    train_encoder(config, show_progress=False)
    path = config.out / "checkpoint.safetensors"
    whole = path.read_bytes()
    resumed = replace(config, epochs=2, resume=True)
    for length in (0, 5, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"checkpoint\.safetensors"):
            train_encoder(resumed, show_progress=False)
    path.write_bytes(whole)
    tree = load_tree(path)
    for change in (
        {"weights": {}},
        {"kept": {}},
        {"optimizer": {"state": {}}},
        {"history": [1]},
        {"config": 5},
    ):
        save_tree(path, {**tree, **change})
        with pytest.raises(InputError, match=r"checkpoint\.safetensors"):
            train_encoder(resumed, show_progress=False)
    for place in range(0, len(whole), len(whole) // 200):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(InputError, match=r"checkpoint\.safetensors"):
            TrainingCheckpoint.load(config.out)
    path.write_bytes(whole)
    train_encoder(resumed, show_progress=False)


def test_altered_metrics_are_refused(small_config: Make) -> None:
    config = small_config(epochs=1)
    train_encoder(config, show_progress=False)
    path = config.out / "metrics.json"
    text = path.read_text()
    values = json.loads(text)
    path.write_text(json.dumps({**values, "kept_epoch": 9}))
    with pytest.raises(InputError, match=r"metrics\.json has been altered"):
        train_encoder(replace(config, resume=True), show_progress=False)
    # Metrics of earlier versions have no hash.
    del values["sha256"]
    path.write_text(json.dumps(values))
    train_encoder(replace(config, resume=True), show_progress=False)
