"""A small encoder, made in a moment, for tests of what stands on encoders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from morphsim.encoder import CVAEConfig, Encoder, NetworkConfig, TrainingConfig, train_encoder
from morphsim.frames import FrameSet, write_frames


def blobs(count: int, shape: tuple[int, int], *, seed: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    """Random frames (N, H, W) of smooth domains, coarser from film to film."""
    random = np.random.default_rng(seed)
    frames = []
    for number in range(count):
        modes = np.fft.rfft2(random.standard_normal(shape))
        ky, kx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
        width = 0.04 + 0.1 * (number % 5) / 5
        frames.append(np.fft.irfft2(modes * np.exp(-(ky**2 + kx**2) / width**2), s=shape) > 0)
    return np.stack(frames).astype(np.uint8)


def calibrations(size: int, *, low: float = 0.0, high: float = 2.0) -> dict[str, Any]:
    """What `metadata["distances"]` holds, for distances spread evenly from `low` to `high`."""
    quantiles = [float(value) for value in np.linspace(low, high, 101)]
    whitening = [[float(value) for value in row] for row in np.eye(size)]
    return {
        "euclidean": {"scale": 1.0, "quantiles": quantiles},
        "cosine": {"scale": 1.0, "quantiles": quantiles},
        "mahalanobis": {"scale": 1.0, "quantiles": quantiles, "whitening": whitening},
    }


def untrained_encoder(
    shape: tuple[int, int],
    network: NetworkConfig,
    *,
    channels: int = 1,
    boundary: str = "periodic",
    seed: int = 0,
    low: float = 0.0,
    high: float = 2.0,
) -> Encoder:
    """An encoder with its first weights, for frames (H, W)."""
    made = network.build(
        shape,
        channels=channels,
        boundary=boundary,  # type: ignore[arg-type]
        generator=torch.Generator().manual_seed(seed),
    )
    metadata = {
        "frame_shape": list(shape),
        "channels": channels,
        "boundary": boundary,
        "latent_names": [f"z{index}" for index in range(made.content_size)],
        "distances": calibrations(made.content_size, low=low, high=high),
    }
    return Encoder(made, metadata, device=torch.device("cpu"))


def small_encoder(
    folder: Path, shape: tuple[int, int], *, boundary: str = "periodic", frames: Path | None = None
) -> Encoder:
    """Train an encoder with 4 latents for two epochs, on a file or on blobs, and leave it in `folder`."""
    made = FrameSet(
        frames=blobs(40, shape),
        columns={"trajectory": np.arange(40) // 8},
        recipes={"chi": np.arange(5.0)},
        boundary=boundary,  # type: ignore[arg-type]
    )
    path = frames or folder.parent / f"{folder.name}-frames.h5"
    if frames is None:
        write_frames(path, made)
    config = TrainingConfig(
        frames=path,
        out=folder,
        epochs=2,
        batch_size=8,
        tensorboard=False,
        device="cpu",
        network=CVAEConfig(latent_size=4, channels=(4, 8), hidden=16),
    )
    return train_encoder(config, show_progress=False)
