"""`morphsim tune-encoder`: a small search, and a command that makes its best encoder again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from cli_helpers import Morphsim

from morphsim._commandline import parse
from morphsim._commands import train_encoder as train_command
from morphsim._commands.tune_encoder import training_command
from morphsim.encoder import (
    AutoencoderConfig,
    CVAEConfig,
    ObjectiveConfig,
    SplitConfig,
    TrainingConfig,
    load_encoder,
)

pytest.importorskip("optuna")


def test_the_printed_command_makes_the_best_encoder_again(
    morphsim: Morphsim, frame_file: Path, tmp_path: Path
) -> None:
    words = ("tune-encoder", frame_file, "--out", tmp_path / "search", "--epochs", 1, "--device", "cpu")
    outcome = morphsim(*words, "--trials", 2)
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert "trial" in lines[0]
    assert any(line.startswith("held-out frames: -ELBO [nats] ") for line in lines)
    again = morphsim(*shlex.split(lines[-1])[1:])
    assert again.status == 0, again.err
    result = json.loads(morphsim(*words, "--trials", 2, "--resume", "--json").out)
    assert (result["finished"], result["diverged"], result["command"]) == (2, 0, lines[-1])
    best = load_encoder(tmp_path / "search" / f"trial-{result['trial']:03}", device="cpu")
    assert load_encoder(tmp_path / "search" / "best", device="cpu").hash == best.hash


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"network": CVAEConfig(latent_size=5, channels=(8, 16), strides=(2, 4))},
        {"network": AutoencoderConfig(latent_size=33), "mirror": False, "compile": True},
        {"network": SplitConfig(dropout=0.123456789012345), "batch_size": 64, "learning_rate": 3.3e-4},
        {
            "objective": ObjectiveConfig(triplet=12.5, kl=0.3, kl_warm_up=2, miner="hard"),
            "keep": "triplet",
            "hold_out": "recipes",
            "tensorboard": False,
            "precision": "bfloat16",
        },
    ],
)
def test_the_command_says_all_of_a_training(options: dict[str, Any]) -> None:
    config = TrainingConfig(frames=Path("my frames.h5"), out=Path("a folder"), **options)
    program, name, *words = shlex.split(training_command(config))
    assert (program, name) == ("morphsim", "train-encoder")
    assert parse(train_command.Options, words, program="train").config() == config


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--trials", "0"), "trials is 0; it must be a whole number of at least 1"),
        (("--by", "beauty"), "use one of elbo, triplet"),
        (("--by", "triplet"), "no recipe in"),
        (("--search", "weather"), "weather"),
    ],
)
def test_bad_input_is_one_line(
    morphsim: Morphsim, frame_file: Path, tmp_path: Path, words: tuple[str, ...], complaint: str
) -> None:
    outcome = morphsim("tune-encoder", frame_file, "--out", tmp_path / "search", *words)
    assert outcome.status == 2
    assert complaint in outcome.complaint
    assert not (tmp_path / "search").exists()
