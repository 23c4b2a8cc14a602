"""An untrained encoder: how much the architecture of a network contributes by itself."""

from __future__ import annotations

import torch

from morphsim.encoder import Encoder, NetworkConfig
from morphsim.similarity.evaluation.embeddings import Latents
from morphsim.types import Boundary


def untrained_latents(
    network: NetworkConfig, shape: tuple[int, int], *, boundary: Boundary, seed: int = 0
) -> Latents:
    """Make the embedding of an untrained network.

    Args:
        network: configuration of the network.
        shape: (H, W) of the frames.
        boundary: their lateral boundary condition.
        seed: of the initial weights.
    """
    made = network.build(shape, boundary=boundary, generator=torch.Generator().manual_seed(seed))
    metadata = {"frame_shape": list(shape), "channels": 1, "boundary": boundary}
    encoder = Encoder(made, metadata, device=torch.device("cpu"))
    return Latents(encoder, name=f"untrained {network.architecture}", baseline=True, decodes=False)
