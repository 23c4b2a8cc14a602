from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cli_helpers import SHAPE, Morphsim, Outcome, frame_set

from morphsim.cli import main
from morphsim.encoder import CVAEConfig
from morphsim.frames import write_frames
from tests.encoders import untrained_encoder


@pytest.fixture
def morphsim(capsys: pytest.CaptureFixture[str]) -> Morphsim:
    """Run a command in this process."""

    def run(*words: object) -> Outcome:
        capsys.readouterr()
        threads = torch.get_num_threads()
        try:
            status = main([str(word) for word in words])
        finally:
            torch.set_num_threads(threads)
        printed = capsys.readouterr()
        return Outcome(status, printed.out, printed.err)

    return run


@pytest.fixture
def frame_file(tmp_path: Path) -> Path:
    """Four films of six frames."""
    path = tmp_path / "frames.h5"
    write_frames(path, frame_set())
    return path


@pytest.fixture
def encoder_folder(tmp_path: Path) -> Path:
    """An encoder that was never trained, in its folder."""
    config = CVAEConfig(latent_size=4, channels=(4, 6), kernel_size=3, strides=(2, 2), hidden=16)
    untrained_encoder(SHAPE, config).save(tmp_path / "encoder")
    return tmp_path / "encoder"
