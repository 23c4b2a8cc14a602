from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from morphsim.encoder import CVAEConfig, Encoder, NetworkConfig, TrainingConfig
from morphsim.frames import FrameSet, write_frames
from tests.encoders import untrained_encoder

SMALL = CVAEConfig(latent_size=4, channels=(4, 6), kernel_size=3, strides=(2, 2), hidden=16)


def stripes(count: int, shape: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """Return slanted stripes of random wavelength and phase, which a small network can learn."""
    rng = np.random.default_rng(seed)
    z, x = np.mgrid[: shape[0], : shape[1]]
    waves = [
        np.sin(x * rng.uniform(0.2, 0.6) + z * rng.uniform(0.0, 0.3) + rng.uniform(0, 7))
        for _ in range(count)
    ]
    return (np.stack(waves) > 0).astype(np.uint8)


def frame_set(
    shape: tuple[int, int] = (12, 20), *, films: int = 4, length: int = 6, boundary: Any = "periodic"
) -> FrameSet:
    trajectory = np.repeat(np.arange(films), length)
    return FrameSet(
        frames=stripes(films * length, shape),
        columns={"trajectory": trajectory, "time": np.tile(np.arange(length) * 1.5, films)},
        boundary=boundary,
    )


@pytest.fixture
def small_config(tmp_path: Path) -> Callable[..., TrainingConfig]:
    """Make the configuration of a small training run, and its file of frames."""

    def make(
        *, shape: tuple[int, int] = (12, 20), boundary: Any = "periodic", films: int = 4, **options: Any
    ) -> TrainingConfig:
        path = tmp_path / f"{shape[0]}x{shape[1]}-{boundary}-{films}.h5"
        if not path.exists():
            write_frames(path, frame_set(shape, boundary=boundary, films=films))
        defaults: dict[str, Any] = {
            "frames": path,
            "out": tmp_path / "out",
            "epochs": 3,
            "batch_size": 4,
            "device": "cpu",
            "tensorboard": False,
            "network": SMALL,
        }
        return TrainingConfig(**{**defaults, **options})

    return make


def make_encoder(shape: tuple[int, int] = (12, 20), config: NetworkConfig = SMALL, **options: Any) -> Encoder:
    return untrained_encoder(shape, config, **options)


@pytest.fixture
def encoder() -> Encoder:
    return make_encoder()
