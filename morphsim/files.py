"""Atomic writing of files, and trees of tensors stored without pickle."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from morphsim.errors import InputError
from morphsim.hashes import hash_json, hash_tensors, hash_without
from morphsim.system_errors import explain
from morphsim.temporary import remove_leftovers, temporary_folder
from morphsim.text_files import read_json as read_json

_SEAL = "sha256"
_SEALED = "sealed_tree"
_TENSOR = "__tensor__"

# Folders that this process has already cleaned of leftovers.
_cleaned: set[Path] = set()


@contextlib.contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Provide a temporary path that replaces `target` when the block ends without an error.

    The temporary file has the name of `target`, since some writers choose the format by the name, and is in a
    hidden folder beside it; if this process is killed, the next process that writes there removes the folder.
    If `target` is a symbolic link, the file it points to is replaced. A replaced file keeps its permissions.

    Raises:
        InputError: the path can't be written to.
        MachineError: the disk is full or fails.
    """
    try:
        real = _real_file(Path(target))
        real.parent.mkdir(parents=True, exist_ok=True)
        if real.parent not in _cleaned:
            remove_leftovers(real.parent)
            _cleaned.add(real.parent)
        with temporary_folder(real.parent) as folder:
            temporary = folder / real.name
            yield temporary
            _bring_to_disk(temporary)
            with contextlib.suppress(OSError):
                temporary.chmod(stat.S_IMODE(real.stat().st_mode))
            temporary.replace(real)
    except OSError as error:
        raise explain(error, target) or error from error


def _real_file(target: Path) -> Path:
    """Resolve links.

    Raises:
        OSError: it is a folder or a broken link.
        InputError: it is a device, pipe or the like, which must not be replaced by a file.
    """
    real = Path(os.path.realpath(target))
    if real.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if real.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if real.exists() and not real.is_file():
        raise InputError(f"{target} is a device or a pipe; give the path of a file")
    return real


def _bring_to_disk(path: Path) -> None:
    """Flush to disk before the rename; some file systems report a full disk only now."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def atomic_buffer(target: str | Path) -> Iterator[io.BytesIO]:
    """Provide a file in memory that is written to `target` when the block ends without an error.

    For writers that crash, or give no useful error, when a disk is full.

    Raises:
        InputError: as `atomic_path`.
        MachineError: as `atomic_path`.
    """
    buffer = io.BytesIO()
    yield buffer
    write_bytes(target, buffer.getbuffer())


def write_bytes(target: str | Path, content: bytes | memoryview) -> None:
    """Write `content` to `target` atomically; raises as `atomic_path`."""
    with atomic_path(target) as temporary:
        try:
            temporary.write_bytes(content)
        except OSError as error:
            raise explain(error, target, needed=len(content)) or error from error


def write_text(target: str | Path, text: str) -> None:
    """Write `text` to `target` atomically; raises as `atomic_path`."""
    write_bytes(target, text.encode("utf-8"))


def write_json(target: str | Path, value: Any) -> None:
    """Write `value` to `target` atomically as indented JSON; NaN and infinity are refused."""
    write_text(target, json.dumps(value, indent=2, allow_nan=False) + "\n")


def write_sealed_json(target: str | Path, values: Mapping[str, Any]) -> None:
    """Write a JSON object as `write_json` does, with its hash as an additional entry `sha256`."""
    write_json(target, {**values, _SEAL: hash_without(values, _SEAL)})


def read_sealed_json(path: str | Path) -> Any:
    """Read what `write_sealed_json` wrote, without the hash; files of earlier versions have none.

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
    """Return the error for a training file that was altered after it was written."""
    return InputError(f"{path} has been altered since it was written (hash); restore it or train again")


def is_folder(path: str | Path) -> bool:
    """Whether a path is a folder; no text is an error."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        # A text that is too long for a path, or contains a zero byte.
        return False


def save_tree(target: str | Path, tree: Mapping[str, Any]) -> None:
    """Store nested dicts and lists of tensors and plain values as one safetensors file.

    Tensors are stored in the body of the file, everything else as JSON in its header, with a hash of both.
    """
    tensors: dict[str, torch.Tensor] = {}

    def strip(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            name = str(len(tensors))
            tensors[name] = value.detach().cpu().contiguous().clone()
            return {_TENSOR: name}
        if isinstance(value, Mapping):
            # JSON turns integer keys (parameter numbers of an optimiser) into strings: keep pairs.
            return {"__items__": [[key, strip(item)] for key, item in value.items()]}
        if isinstance(value, list | tuple):
            return [strip(item) for item in value]
        return value

    header = json.dumps(strip(tree))
    sealed = f"{_hash_of_tree(header, tensors)} {header}"
    write_bytes(target, save(tensors, metadata={_SEALED: sealed}))


def save_tensors(target: str | Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Store tensors by name as a safetensors file, atomically; raises as `atomic_path`."""
    write_bytes(target, save(dict(tensors)))


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
            # A single entry, since the order of several is undefined. Earlier versions stored no hash.
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
        raise explain(error, path) or InputError(
            f"{path} is truncated or was not written by morphsim ({error}); make it again"
        ) from error
    return tree
