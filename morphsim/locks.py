"""Locks on outputs, so that only one run at a time writes them; a lock ends with its process."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from morphsim.errors import MachineError
from morphsim.system_errors import explain
from morphsim.temporary import lock, remove_leftovers

_LOCK = ".lock"


@contextlib.contextmanager
def claimed_folder(folder: str | Path) -> Iterator[None]:
    """Make a folder and lock it for this run, as `claimed_file` does.

    If this run made the folder and it is still empty at the end, it is removed.

    Raises:
        MachineError: another run holds the lock, or the disk is full.
        InputError: it can't be made or written to.
    """
    real = _real(folder)
    try:
        made = not real.exists()
        real.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, folder) or error from error
    try:
        with _held(real / _LOCK, folder):
            yield
    finally:
        if made:
            with contextlib.suppress(OSError):
                real.rmdir()


@contextlib.contextmanager
def claimed_file(file: str | Path) -> Iterator[None]:
    """Lock a file that this run is going to write, and check that the disk has space.

    The lock is a hidden file that is removed at the end. If the file system has no locks, a warning is logged
    and the run continues.

    Raises:
        MachineError: another run holds the lock, or the disk is full.
        InputError: the path can't be written to.
    """
    real = _real(file)
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, file) or error from error
    with _held(real.with_name(f".{real.name}{_LOCK}"), file):
        yield


def _real(path: str | Path) -> Path:
    """Resolve links, so that all paths to one place share one lock."""
    return Path(os.path.realpath(path))


@contextlib.contextmanager
def _held(path: Path, out: str | Path) -> Iterator[None]:
    try:
        descriptor = _acquire(path, out)
    except OSError as error:
        raise explain(error, out) or error from error
    try:
        remove_leftovers(path.parent)
        yield
    finally:
        # Removed while locked: a run that has opened it meanwhile notices this and makes a new one.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _acquire(path: Path, out: str | Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            if not lock(descriptor):
                logging.getLogger(__name__).warning(
                    "%s: its file system has no locks; make sure that no other run writes there", out
                )
            elif not _is_still(descriptor, path):
                os.close(descriptor)
                continue
            # Also checks that the disk has some space.
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        except BlockingIOError as error:
            os.close(descriptor)
            raise MachineError(f"another run writes to {out}; wait for it, or name another --out") from error
        except BaseException:
            path.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        return descriptor


def _is_still(descriptor: int, path: Path) -> bool:
    """Whether the open file is still the one at that path, not one that another run has removed."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
