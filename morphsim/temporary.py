"""Hidden folders for files being written; later processes remove those that killed processes left."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = ".morphsim-"
_NAME = re.compile(re.escape(_PREFIX) + "[a-z0-9_]{8}")
_LOCK = ".owner"


def lock(descriptor: int) -> bool:
    """Lock an open file, until it is closed.

    Returns:
        False if the system or its file system has no such locks.

    Raises:
        BlockingIOError: another process holds the lock.
    """
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


@contextlib.contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Provide an empty hidden folder in `parent` that is removed at the end of the block."""
    folder, descriptor = _make(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_leftovers(parent: Path) -> None:
    """Remove the temporary folders in `parent` that killed processes left.

    Folders of running processes are locked and stay. If the file system has no locks, all of them stay.
    """
    try:
        found = [entry.name for entry in os.scandir(parent) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return
    for name in found:
        if _NAME.fullmatch(name):
            _remove_unless_locked(parent / name)


def _make(parent: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        try:
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT)
        except FileNotFoundError:
            # Another process has removed it as a leftover before it was locked.
            continue
        except BaseException:
            folder.rmdir()
            raise
        try:
            lock(descriptor)
            if os.path.samestat(os.fstat(descriptor), os.stat(folder / _LOCK)):  # noqa: PTH116
                return folder, descriptor
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(descriptor)


def _remove_unless_locked(folder: Path) -> None:
    try:
        # Made if it is missing: its owner may have been killed before it could make it.
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return
    try:
        if lock(descriptor):
            shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)
