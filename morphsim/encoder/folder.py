"""An encoder as a folder: `weights.safetensors` and `config.json`. Reading it executes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from morphsim.device import resolve_device
from morphsim.encoder.cvae import CVAE, CVAEConfig
from morphsim.encoder.encoder import Encoder
from morphsim.errors import InputError
from morphsim.files import atomic_path, read_json, write_json
from morphsim.simulator.grid import Boundary

WEIGHTS = "weights.safetensors"
CONFIG = "config.json"

_ASSETS = Path(__file__).resolve().parents[1] / "assets"
_FORMAT = 1
_LARGEST = 1e30  # of a distance; JSON also holds whole numbers that no float can
_ARCHITECTURE = "cvae"


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
        names = ", ".join(sorted(shipped)) or "none"
        raise InputError(
            f"encoder {str(name_or_folder)!r} is unknown; shipped are: {names}; or name an encoder's folder"
        )
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise InputError(f"{folder} holds no {name}; name a folder that train_encoder.py has finished")
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
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file(weights, temporary)
    write_json(
        folder / CONFIG,
        {
            "format": _FORMAT,
            "architecture": _ARCHITECTURE,
            "network": encoder.network.config.to_dict(),
            "metadata": encoder.metadata,
        },
    )


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
    if (values["format"], values["architecture"]) != (_FORMAT, _ARCHITECTURE):
        raise InputError(
            f"{path} is of format {values['format']!r} and architecture {values['architecture']!r}; "
            f"this version reads format {_FORMAT} and {_ARCHITECTURE!r}"
        )
    try:
        network_config = CVAEConfig.from_dict(values["network"])
        metadata = _check_metadata(values["metadata"], network_config.latent_size)
        with torch.device("meta"):
            network = CVAE(network_config, metadata["frame_shape"])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (RuntimeError, OverflowError) as error:
        raise InputError(f"{path} describes a network that is too large; train the encoder again") from error
    weights = _read_weights(folder / WEIGHTS, network.state_dict())
    network.load_state_dict(weights, assign=True)
    encoder = Encoder(network, {**metadata, "frame_shape": list(metadata["frame_shape"])}, device=device)
    if encoder.hash != metadata["weights_sha256"]:
        raise InputError(
            f"{folder / WEIGHTS} and {path} belong to different encoders (hash); restore one of them"
        )
    return encoder


def _read_weights(path: Path, expected: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    try:
        weights = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path} is truncated or damaged ({error}); restore it or train again") from error
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


def _check_metadata(values: object, latent_size: int) -> dict[str, Any]:
    """Check what is used later; the frame shape comes back as a tuple."""
    if not isinstance(values, dict):
        raise InputError("metadata must be an object")
    shape = values.get("frame_shape")
    if not isinstance(shape, list) or len(shape) != 2 or not all(type(side) is int for side in shape):
        raise InputError(f"frame_shape is {shape!r}; it must be two whole numbers")
    if values.get("boundary") not in get_args(Boundary):
        raise InputError(
            f"boundary is {values.get('boundary')!r}; it must be one of {', '.join(get_args(Boundary))}"
        )
    names = values.get("latent_names")
    if not isinstance(names, list) or len(names) != latent_size or not all(isinstance(n, str) for n in names):
        raise InputError(f"latent_names must be {latent_size} texts")
    if not isinstance(values.get("weights_sha256"), str):
        raise InputError("weights_sha256 must be a text")
    quantiles = values.get("distance_quantiles")
    if not isinstance(quantiles, list) or len(quantiles) != 101 or not all(map(_is_distance, quantiles)):
        raise InputError("distance_quantiles must be 101 finite numbers of at least 0")
    if sorted(quantiles) != quantiles:
        raise InputError("distance_quantiles must not fall")
    if not _is_distance(values.get("distance_scale")):
        raise InputError(
            f"distance_scale is {values.get('distance_scale')!r}; it must be a finite number of at least 0"
        )
    return {**values, "frame_shape": (shape[0], shape[1])}


def _is_distance(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LARGEST
