"""An encoder as a folder: `weights.safetensors`, `config.json` and, where it is known, `latents.safetensors`.

Reading it executes nothing. The metadata in `config.json` hold the hashes of all three, so that what was
damaged or mixed up is refused; folders of earlier versions have the hash of the weights alone.
"""

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
from morphsim.encoder.familiarity import Familiarity, statistics_size
from morphsim.encoder.metadata import check_frame_shape, check_latents, check_metadata
from morphsim.encoder.networks import Network, find_architecture
from morphsim.errors import InputError
from morphsim.files import altered, read_json, save_tensors, write_json
from morphsim.hashes import hash_json, hash_tensors
from morphsim.suggest import did_you_mean
from morphsim.system_errors import explain

WEIGHTS = "weights.safetensors"
CONFIG = "config.json"
LATENTS = "latents.safetensors"

_ASSETS = Path(__file__).resolve().parents[1] / "assets"
_FORMAT = 2
_STATISTICS = ("mean", "scale", "components")
_LATENTS_HASH = "latents_sha256"
_CONFIG_HASH = "config_sha256"


def load_encoder(name_or_folder: str | Path, device: str = "auto") -> Encoder:
    """Load a shipped encoder by name, or any encoder from its folder.

    Args:
        name_or_folder: the name of an encoder inside the package, as `default`, or a folder that
            `train_encoder` or `Encoder.save` wrote.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        InputError: no such encoder, a file that is missing, truncated or altered, or no such device.
    """
    chosen = resolve_device(device)
    shipped = _shipped()
    folder = shipped.get(str(name_or_folder), Path(name_or_folder))
    if not _is_folder(folder):
        hint = did_you_mean(str(name_or_folder), sorted(shipped)) if shipped else "none is shipped"
        raise InputError(
            f"encoder {str(name_or_folder)!r} is unknown, neither an encoder's folder nor shipped; {hint}"
        )
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} holds no {name}; name a folder that train-encoder has finished")
    return _load(folder, chosen)


def save_encoder(encoder: Encoder, folder: str | Path) -> None:
    """Write an encoder into a folder, each file in one step.

    Args:
        encoder: the encoder.
        folder: made where it is missing.
    """
    folder = Path(folder)
    weights = {
        name: value.detach().cpu().contiguous() for name, value in encoder.network.state_dict().items()
    }
    save_tensors(folder / WEIGHTS, weights)
    known = _known(encoder)
    if known:
        save_tensors(folder / LATENTS, known)
    else:
        (folder / LATENTS).unlink(missing_ok=True)
    metadata = {**encoder.metadata, _LATENTS_HASH: hash_tensors(known) if known else None}
    values = {
        "format": _FORMAT,
        "architecture": encoder.architecture,
        "network": encoder.network.config.to_dict(),
        "metadata": metadata,
    }
    metadata[_CONFIG_HASH] = _hash_of_config(values)
    write_json(folder / CONFIG, values)


def _known(encoder: Encoder) -> dict[str, torch.Tensor]:
    """What `latents.safetensors` holds."""
    if encoder.training_latents is None:
        return {}
    known = {"content": torch.from_numpy(encoder.training_latents.astype(np.float16))}
    if encoder.familiarity is not None:
        for name in _STATISTICS:
            known[f"statistics_{name}"] = torch.from_numpy(getattr(encoder.familiarity, name).copy())
    return known


def _hash_of_config(values: Mapping[str, Any]) -> str:
    """The hash of all that `config.json` holds but this hash itself."""
    metadata = {name: value for name, value in values["metadata"].items() if name != _CONFIG_HASH}
    return hash_json({**values, "metadata": metadata})


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        # A text that is too long for a path, or holds a zero byte.
        return False


def _shipped() -> dict[str, Path]:
    return {path.parent.name: path.parent for path in _ASSETS.glob(f"*/{CONFIG}")}


def _load(folder: Path, device: torch.device) -> Encoder:
    path = folder / CONFIG
    values = read_json(path)
    if not isinstance(values, dict) or set(values) != {"format", "architecture", "network", "metadata"}:
        raise InputError(
            f"{path} must hold format, architecture, network and metadata; train the encoder again"
        )
    if values["format"] != _FORMAT or isinstance(values["format"], bool):
        raise InputError(
            f"{path} is of format {values['format']!r}, and this version reads format {_FORMAT}; "
            "train the encoder again"
        )
    try:
        config = find_architecture(values["architecture"]).from_dict(values["network"])
        metadata = check_metadata(values["metadata"])
        network = config.outline(
            check_frame_shape(metadata), channels=metadata["channels"], boundary=metadata["boundary"]
        )
        check_latents(metadata, network.content_size)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    weights = _read_weights(folder / WEIGHTS, network.state_dict())
    network.load_state_dict(weights, assign=True)
    # Folders of earlier versions have neither of the two hashes.
    hashed = _CONFIG_HASH in metadata or _LATENTS_HASH in metadata
    if hashed and metadata.get(_CONFIG_HASH) != _hash_of_config(values):
        raise altered(path)
    latents, familiarity = _read_latents(folder / LATENTS, network, metadata)
    # They are of the files, not of the encoder, and are made anew when it is saved.
    metadata = {name: value for name, value in metadata.items() if name not in (_LATENTS_HASH, _CONFIG_HASH)}
    encoder = Encoder(network, metadata, device=device, training_latents=latents, familiarity=familiarity)
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
) -> tuple[NDArray[np.float16] | None, Familiarity | None]:
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
    familiarity = _familiarity(path, {name: tensors[name] for name in tensors if name != "content"}, count)
    if _LATENTS_HASH in metadata and metadata[_LATENTS_HASH] != hash_tensors(tensors):
        raise InputError(
            f"{path} has been altered, or belongs to another encoder (hash); restore it or train again"
        )
    return array, familiarity


def _familiarity(path: Path, tensors: Mapping[str, torch.Tensor], count: int) -> Familiarity | None:
    if not tensors:
        return None
    if set(tensors) != {f"statistics_{name}" for name in _STATISTICS}:
        raise InputError(
            f"{path} holds {', '.join(sorted(tensors))} beside content, where it must hold nothing or "
            f"{', '.join(f'statistics_{name}' for name in _STATISTICS)}; restore it or train again"
        )
    arrays = {name: tensors[f"statistics_{name}"] for name in _STATISTICS}
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
            raise InputError(f"{path}: statistics_{name} can't be used; restore it or train again")
    return Familiarity(**{name: tensor.numpy() for name, tensor in arrays.items()})


def _read_weights(path: Path, expected: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    weights = _read_tensors(path)
    if set(weights) != set(expected):
        odd = sorted(set(weights) ^ set(expected))[0]
        raise InputError(f"{path} and config.json differ in the tensor {odd!r}; restore one of them")
    for name, tensor in weights.items():
        wanted = expected[name]
        if tensor.shape != wanted.shape or tensor.dtype != wanted.dtype:
            raise InputError(
                f"{path}: {name} is {tensor.dtype} {tuple(tensor.shape)}, config.json means {wanted.dtype} "
                f"{tuple(wanted.shape)}; restore one of them"
            )
        if not torch.isfinite(tensor).all():
            raise InputError(f"{path}: {name} holds NaN or infinity; train again")
    return weights
