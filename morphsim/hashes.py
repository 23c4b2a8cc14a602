"""SHA-256 of arrays, tensors and JSON, to detect altered files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def hash_arrays(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of named arrays: names, types, shapes and values, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def hash_tensors(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return the SHA-256 of named tensors, as `hash_arrays` does."""
    return hash_arrays({name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()})


def hash_json(value: Any) -> str:
    """Return the SHA-256 of a JSON value, independent of the order of names and of white space."""
    # A round trip turns tuples into lists and numbers that are names into strings.
    plain = json.loads(json.dumps(value))
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def hash_without(values: Mapping[str, Any], name: str) -> str:
    """Return the SHA-256 of a JSON object without its entry `name`, which holds the hash itself."""
    return hash_json({key: value for key, value in values.items() if key != name})
