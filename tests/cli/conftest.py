from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cli_helpers import SHAPE, Morphsim, Outcome, frame_set

from morphsim.cli import main
from morphsim.encoder import CVAEConfig, Encoder, build_cvae
from morphsim.frames import write_frames


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
    network = build_cvae(config, SHAPE, generator=torch.Generator().manual_seed(0))
    metadata = {
        "frame_shape": list(SHAPE),
        "boundary": "periodic",
        "latent_names": ["z0", "z1", "z2", "z3"],
        "distance_scale": 1.0,
        "distance_quantiles": [float(value) for value in np.linspace(0.0, 2.0, 101)],
    }
    Encoder(network, metadata, device=torch.device("cpu")).save(tmp_path / "encoder")
    return tmp_path / "encoder"
