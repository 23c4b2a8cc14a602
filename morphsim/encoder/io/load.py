"""Reading an encoder from its folder; damaged, altered or mixed-up files are refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from morphsim.device import resolve_device
from morphsim.encoder.encoder import Encoder
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
from morphsim.encoder.io.metadata import check_frame_shape, check_latents, check_metadata
from morphsim.encoder.networks import Network, find_architecture
from morphsim.encoder.out_of_distribution import TrainingStatistics, statistics_size
from morphsim.errors import InputError
from morphsim.files import altered, is_folder, read_json
from morphsim.hashes import hash_tensors
from morphsim.suggest import did_you_mean
from morphsim.system_errors import explain

_ASSETS = Path(__file__).resolve().parents[2] / "assets"


def load_encoder(name_or_folder: str | Path, device: str = "auto") -> Encoder:
    """Load a shipped encoder by name, or any encoder from its folder.

    Args:
        name_or_folder: the name of a shipped encoder, such as `default`, or a folder written by
            `train_encoder` or `Encoder.save`.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        InputError: no such encoder, a file that is missing, truncated or altered, or no such device.
    """
    chosen = resolve_device(device)
    shipped = _shipped()
    folder = shipped.get(str(name_or_folder), Path(name_or_folder))
    if not is_folder(folder):
        hint = did_you_mean(str(name_or_folder), sorted(shipped)) if shipped else "none is shipped"
        raise InputError(
            f"encoder {str(name_or_folder)!r} is unknown, neither an encoder's folder nor shipped; {hint}"
        )
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} holds no {name}; name a folder that train-encoder has finished")
    return _load(folder, chosen)


def _shipped() -> dict[str, Path]:
    return {path.parent.name: path.parent for path in _ASSETS.glob(f"*/{CONFIG}")}


def _load(folder: Path, device: torch.device) -> Encoder:
    path = folder / CONFIG
    values = read_json(path)
    if not isinstance(values, dict) or set(values) != {"format", "architecture", "network", "metadata"}:
        raise InputError(
            f"{path} must hold format, architecture, network and metadata; train the encoder again"
        )
    if values["format"] != FORMAT or isinstance(values["format"], bool):
        raise InputError(
            f"{path} is of format {values['format']!r}, and this version reads format {FORMAT}; "
            "train the encoder again"
        )
    try:
        config = find_architecture(values["architecture"]).from_dict(values["network"])
        metadata = check_metadata(values["metadata"])
        network = config.build_on_meta(
            check_frame_shape(metadata), channels=metadata["channels"], boundary=metadata["boundary"]
        )
        check_latents(metadata, network.content_size)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    weights = _read_weights(folder / WEIGHTS, network.state_dict())
    network.load_state_dict(weights, assign=True)
    # Folders of earlier versions have neither of the two hashes.
    hashed = CONFIG_HASH in metadata or LATENTS_HASH in metadata
    if hashed and metadata.get(CONFIG_HASH) != hash_of_config(values):
        raise altered(path)
    latents, statistics = _read_latents(folder / LATENTS, network, metadata)
    # These two concern the files, not the encoder, and are computed anew when it is saved.
    metadata = {name: value for name, value in metadata.items() if name not in (LATENTS_HASH, CONFIG_HASH)}
    encoder = Encoder(
        network, metadata, device=device, training_latents=latents, training_statistics=statistics
    )
    if encoder.hash != metadata["weights_sha256"]:
        raise InputError(
            f"{folder / WEIGHTS} and {path} belong to different encoders (hash); restore one of them"
        )
    return encoder


def _read_tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        tensors: dict[str, torch.Tensor] = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise explain(error, path) or InputError(
            f"{path} is truncated or damaged ({error}); restore it or train again"
        ) from error
    return tensors


def _read_latents(
    path: Path, network: Network, metadata: Mapping[str, Any]
) -> tuple[NDArray[np.float16] | None, TrainingStatistics | None]:
    if not path.exists():
        return None, None
    tensors = _read_tensors(path)
    latents = tensors.get("content")
    if latents is None or latents.dtype != torch.float16:
        raise InputError(f"{path} must hold content, a tensor of float16; restore it or train again")
    size = network.content_size
    if latents.ndim != 2 or latents.shape[1] != size or not torch.isfinite(latents).all():
        raise InputError(
            f"{path}: content of shape {tuple(latents.shape)} must be (K, {size}) and finite; "
            "restore it or train again"
        )
    array: NDArray[np.float16] = latents.numpy()
    count = statistics_size(network.frame_shape, network.channels, boundary=metadata["boundary"])
    statistics = _statistics(path, {name: tensors[name] for name in tensors if name != "content"}, count)
    if LATENTS_HASH in metadata and metadata[LATENTS_HASH] != hash_tensors(tensors):
        raise InputError(
            f"{path} has been altered, or belongs to another encoder (hash); restore it or train again"
        )
    return array, statistics


def _statistics(path: Path, tensors: Mapping[str, torch.Tensor], count: int) -> TrainingStatistics | None:
    if not tensors:
        return None
    if set(tensors) != {f"statistics_{name}" for name in STATISTICS}:
        raise InputError(
            f"{path} holds {', '.join(sorted(tensors))} besides content; it must hold nothing else, or "
            f"{', '.join(f'statistics_{name}' for name in STATISTICS)}; restore it or train again"
        )
    arrays = {name: tensors[f"statistics_{name}"] for name in STATISTICS}
    shapes = {"mean": (count,), "scale": (count,), "components": (*arrays["components"].shape[:1], count)}
    for name, tensor in arrays.items():
        if tuple(tensor.shape) != shapes[name]:
            wanted = f"(K, {count})" if name == "components" else f"({count},)"
            raise InputError(
                f"{path}: statistics_{name} of shape {tuple(tensor.shape)} must be {wanted} for frames of "
                "this encoder; restore it or train again"
            )
        good = tensor.dtype == torch.float32 and torch.isfinite(tensor).all()
        if not good or (name == "scale" and not (tensor > 0).all()):
            raise InputError(
                f"{path}: statistics_{name} must be finite float32 numbers, those of scale above 0; "
                "restore it or train again"
            )
    return TrainingStatistics(**{name: tensor.numpy() for name, tensor in arrays.items()})


def _read_weights(path: Path, expected: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    weights = _read_tensors(path)
    if set(weights) != set(expected):
        odd = sorted(set(weights) ^ set(expected))[0]
        raise InputError(f"{path} and config.json differ in the tensor {odd!r}; restore one of them")
    for name, tensor in weights.items():
        wanted = expected[name]
        if tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
            raise InputError(
                f"{path}: {name} is {tensor.dtype} {tuple(tensor.shape)}, but config.json describes "
                f"{wanted.dtype} {tuple(wanted.shape)}; restore one of them"
            )
        if not torch.isfinite(tensor).all():
            raise InputError(f"{path}: {name} holds NaN or infinity; train again")
    return weights
