"""An encoder with its first weights: what the shape of a network alone is worth."""

from __future__ import annotations

import torch

from morphsim.encoder import Encoder, NetworkConfig
from morphsim.similarity.judging.embeddings import Latents
from morphsim.types import Boundary


def untrained_latents(
    network: NetworkConfig, shape: tuple[int, int], *, boundary: Boundary, seed: int = 0
) -> Latents:
    """Make the embedding of a network that was never trained.

    Args:
        network: its sizes.
        shape: (H, W) of the frames.
        boundary: what happens at their left and right end.
        seed: of its weights.
    """
    made = network.build(shape, boundary=boundary, generator=torch.Generator().manual_seed(seed))
    metadata = {"frame_shape": list(shape), "channels": 1, "boundary": boundary}
    encoder = Encoder(made, metadata, device=torch.device("cpu"))
    return Latents(encoder, name=f"untrained {network.architecture}", baseline=True, decodes=False)
