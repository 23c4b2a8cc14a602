from __future__ import annotations

import json
from pathlib import Path

import pytest

from morphsim.encoder import TrainingConfig, train_encoder


@pytest.mark.slow
def test_a_few_epochs_on_published_frames(shared_data: Path, tmp_path: Path) -> None:
    config = TrainingConfig(
        frames=shared_data / "opv_frames.h5",
        out=tmp_path / "out",
        epochs=8,
        drop_at=1.0,
        device="cpu",
        tensorboard=False,
    )
    encoder = train_encoder(config, show_progress=False)
    assert encoder.frame_shape == (101, 401) and encoder.boundary == "no-flux"
    metrics = json.loads((config.out / "metrics.json").read_text())
    first = metrics["first_epoch"]["held_out_negative_elbo"]
    # Even odds cost log 2 for each pixel; the first epoch ends close to that.
    assert first < 1.05 * 101 * 401 * 0.6931
    assert metrics["held_out"]["negative_elbo"] < 0.85 * first
    # Small enough to be shipped inside the package.
    assert (config.out / "weights.safetensors").stat().st_size < 8e6
