"""Choice of the compute device and of the number of CPU threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from morphsim.checks import shown, whole_number
from morphsim.errors import InputError

DeviceName = Literal["auto", "cpu", "cuda"]

# Work below this size [array elements] is not worth several threads.
_MANY = 4_000_000


def _use_one_thread() -> None:
    torch.set_num_threads(1)


# A forked child inherits torch's thread pool without its threads, so its first parallel operation would wait
# for ever. Loading an encoder starts the pool, and Gymnasium's AsyncVectorEnv forks on Linux with Python
# before 3.14. With one thread, no operation is parallel.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)


def resolve_device(name: str = "auto") -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:1` into a device; `auto` takes a CUDA GPU if there is one.

    Raises:
        InputError: the name is unknown, or CUDA is requested but not available.
    """
    if not isinstance(name, str):
        raise InputError(f"device is {shown(name)}; use one of the strings auto, cpu, cuda")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device {name!r} is unknown; use auto, cpu or cuda") from error
    if device.type not in {"cpu", "cuda"}:
        raise InputError(f"device {name!r} is not supported; use auto, cpu or cuda")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device {name!r} was requested, but torch finds no CUDA GPU; use --device cpu")
    return device


def set_threads(threads: int) -> None:
    """Set how many CPU threads torch uses in this process.

    One is the default of every command: fields of this size gain little from more threads, and on a busy
    machine several threads wait for each other.

    Raises:
        InputError: not a whole number from 1 to `most_parallel()`.
    """
    torch.set_num_threads(whole_number("threads", threads, 1, most_parallel()))


def most_parallel() -> int:
    """Upper limit of threads or worker processes: four for each core of the machine."""
    # Thousands of threads crash torch without an error message, and as many processes exhaust the machine.
    return 4 * (os.cpu_count() or 1)


@contextmanager
def threads_for(numbers: int, device: torch.device) -> Iterator[None]:
    """Use one thread for work that is too small for several.

    Otherwise worker processes, each using all cores, would slow each other down.

    Args:
        numbers: size of the work [array elements].
        device: where the work is done.
    """
    before = torch.get_num_threads()
    if device.type != "cpu" or numbers > _MANY or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
