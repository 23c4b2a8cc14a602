"""Files that are either whole or absent, and trees of tensors stored without pickle."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from morphsim.errors import InputError
from morphsim.hashes import hash_json, hash_tensors, hash_without

_SEAL = "sha256"
_SEALED = "sealed_tree"
_TENSOR = "__tensor__"


@contextlib.contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `target` that replaces it once the block ends without an error.

    The temporary name keeps the suffix of `target`, since several writers choose their format by it.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files private; a result is as readable as any other file its user writes.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: str | Path, text: str) -> None:
    """Write `text` to `target` in one step."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: str | Path, value: Any) -> None:
    """Write `value` to `target` as readable JSON in one step; NaN and infinity are refused."""
    write_text(target, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: the file is missing or is not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} can't be read as JSON ({error}); restore it from a backup") from error


def write_sealed_json(target: str | Path, values: Mapping[str, Any]) -> None:
    """Write a JSON object as `write_json` does, with a hash of it as one more entry, `sha256`."""
    write_json(target, {**values, _SEAL: hash_without(values, _SEAL)})


def read_sealed_json(path: str | Path) -> Any:
    """Read what `write_sealed_json` wrote, without its hash; what earlier versions wrote has none.

    Raises:
        InputError: the file is missing, is not JSON or was altered.
    """
    values = read_json(path)
    if not isinstance(values, dict) or _SEAL not in values:
        return values
    if values[_SEAL] != hash_without(values, _SEAL):
        raise altered(path)
    del values[_SEAL]
    return values


def altered(path: str | Path) -> InputError:
    """The error for a file of a training that is not as it was written."""
    return InputError(f"{path} has been altered since it was written (hash); restore it or train again")


def save_tree(target: str | Path, tree: Mapping[str, Any]) -> None:
    """Store nested dicts and lists of tensors and plain values as one safetensors file.

    Tensors go into the file's body, everything else as JSON into its header, and with it a hash of both.
    """
    tensors: dict[str, torch.Tensor] = {}

    def strip(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            name = str(len(tensors))
            tensors[name] = value.detach().cpu().contiguous().clone()
            return {_TENSOR: name}
        if isinstance(value, Mapping):
            # JSON turns integer keys (an optimizer's parameter numbers) into text: keep them as pairs.
            return {"__items__": [[key, strip(item)] for key, item in value.items()]}
        if isinstance(value, list | tuple):
            return [strip(item) for item in value]
        return value

    header = json.dumps(strip(tree))
    with atomic_path(target) as temporary:
        save_file(tensors, temporary, metadata={_SEALED: f"{_hash_of_tree(header, tensors)} {header}"})


def _hash_of_tree(header: str, tensors: Mapping[str, torch.Tensor]) -> str:
    return hash_json([header, hash_tensors(tensors)])


def load_tree(path: str | Path) -> dict[str, Any]:
    """Read what `save_tree` stored (tuples come back as lists). Nothing in the file is executed.

    Raises:
        InputError: the file is missing, truncated, altered or was not written by `save_tree`.
    """
    from safetensors import safe_open

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist")

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            if _TENSOR in value:
                return tensors[value[_TENSOR]]
            return {key: fill(item) for key, item in value["__items__"]}
        if isinstance(value, list):
            return [fill(item) for item in value]
        return value

    try:
        tensors = load_file(path)
        with safe_open(path, framework="pt") as opened:
            # A single entry, since the library writes several in any order. Earlier versions gave no hash.
            ((kind, header),) = (opened.metadata() or {}).items()
        if kind == _SEALED:
            stored, _, header = header.partition(" ")
            if stored != _hash_of_tree(header, tensors):
                raise altered(path)
        elif kind != "tree":
            raise ValueError("it holds no tree")
        tree = fill(json.loads(header))
        if not isinstance(tree, dict):
            raise ValueError("it holds no tree")
    except InputError:
        raise
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path} is truncated or was not written by morphsim ({error}); make it again"
        ) from error
    return tree
