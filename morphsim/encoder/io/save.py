"""Writing an encoder into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from morphsim.encoder.io.layout import (
    CONFIG,
    CONFIG_HASH,
    FORMAT,
    LATENTS,
    LATENTS_HASH,
    STATISTICS,
    WEIGHTS,
    hash_of_config,
)
from morphsim.encoder.networks import Network
from morphsim.encoder.out_of_distribution import TrainingStatistics
from morphsim.files import save_tensors, write_json
from morphsim.hashes import hash_tensors


def save_encoder(
    folder: str | Path,
    *,
    network: Network,
    metadata: Mapping[str, Any],
    training_latents: NDArray[np.float32] | None,
    training_statistics: TrainingStatistics | None,
) -> None:
    """Write the parts of an `Encoder`, each file in one step.

    Args:
        folder: made if it is missing.
        network: with its weights.
        metadata: of the encoder.
        training_latents: (K, D) content of training frames; None removes those of an earlier encoder.
        training_statistics: written beside the latents.
    """
    folder = Path(folder)
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    save_tensors(folder / WEIGHTS, weights)
    known = _known(training_latents, training_statistics)
    if known:
        save_tensors(folder / LATENTS, known)
    else:
        (folder / LATENTS).unlink(missing_ok=True)
    stored = {**metadata, LATENTS_HASH: hash_tensors(known) if known else None}
    values = {
        "format": FORMAT,
        "architecture": network.config.architecture,
        "network": network.config.to_dict(),
        "metadata": stored,
    }
    stored[CONFIG_HASH] = hash_of_config(values)
    write_json(folder / CONFIG, values)


def _known(
    latents: NDArray[np.float32] | None, statistics: TrainingStatistics | None
) -> dict[str, torch.Tensor]:
    """Return the tensors of `latents.safetensors`."""
    if latents is None:
        return {}
    known = {"content": torch.from_numpy(latents.astype(np.float16))}
    if statistics is not None:
        for name in STATISTICS:
            known[f"statistics_{name}"] = torch.from_numpy(getattr(statistics, name).copy())
    return known
