"""The files of an encoder's folder, and the hash of its configuration.

Weights and latents are safetensors and all else is JSON, so that reading a folder executes no code. The
metadata in `config.json` hold the hashes of all three files, so that damaged or mixed-up files are refused;
folders of earlier versions hold the hash of the weights alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from morphsim.hashes import hash_json

WEIGHTS = "weights.safetensors"
CONFIG = "config.json"
LATENTS = "latents.safetensors"
METRICS = "metrics.json"

FORMAT = 2
STATISTICS = ("mean", "scale", "components")
LATENTS_HASH = "latents_sha256"
CONFIG_HASH = "config_sha256"


def hash_of_config(values: Mapping[str, Any]) -> str:
    """Return the hash of everything in `config.json` except this hash."""
    metadata = {name: value for name, value in values["metadata"].items() if name != CONFIG_HASH}
    return hash_json({**values, "metadata": metadata})
