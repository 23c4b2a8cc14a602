"""Outputs that one run at a time may write, held by locks that end with their process."""

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
    """Make a folder and hold it for this run, as `claimed_file` does.

    A folder that is still empty at the end, though this run made it, is removed.

    Raises:
        MachineError: another run holds it, or the disk is full.
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
    """Hold a file that this run is going to write, and show that there is room for it.

    The lock is a hidden file, removed at the end. Where the file system has no locks, a line in the log says
    so, and the run goes on.

    Raises:
        MachineError: another run holds it, or the disk is full.
        InputError: nothing can be written there.
    """
    real = _real(file)
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain(error, file) or error from error
    with _held(real.with_name(f".{real.name}{_LOCK}"), file):
        yield


def _real(path: str | Path) -> Path:
    """Two names of one place have one lock."""
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
        # Removed while it is held: who has opened it by then sees that it is gone, and makes a new one.
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
            # Also shows that the disk has room for something.
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
    """Whether the open file is the one of that name, and not one that another run has removed since."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
