"""Translation of operating system errors into messages for the user."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from morphsim.errors import InputError, MachineError

# Some libraries raise their own errors and quote the system's number: HDF5, and those written in Rust.
_QUOTED = re.compile(r"\berrno = (\d+)|\(os error (\d+)\)|\[Errno (\d+)\]")

_FULL = {errno.ENOSPC}
# With a quota, the free space of the disk would mislead.
_QUOTA = {errno.EDQUOT}
_TOO_LARGE = {errno.EFBIG}
_BUSY = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY, errno.ETXTBSY}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_FAILING = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EREMOTEIO}
_FEW_HANDLES = {errno.EMFILE, errno.ENFILE}
_NO_MEMORY = {errno.ENOMEM}
# The path itself is at fault: another path or other permissions are needed.
_PATH = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.ENXIO,
    errno.ENODEV,
    errno.EINVAL,
    errno.EILSEQ,
}


def error_number(error: BaseException) -> int | None:
    """Return the operating system's number of an error, even if a library wraps it; None if it has none."""
    seen: BaseException | None = error
    while seen is not None:
        number = getattr(seen, "errno", None)
        if isinstance(number, int) and not isinstance(number, bool) and number > 0:
            return number
        if quoted := _QUOTED.search(str(seen)):
            return int(next(digits for digits in quoted.groups() if digits))
        seen = seen.__cause__
    return None


def explain(
    error: BaseException, path: str | Path, *, needed: int | None = None
) -> InputError | MachineError | None:
    """Translate an error of the operating system.

    Args:
        error: error that a library or Python raised.
        path: the file or folder that was being read or written.
        needed: number of bytes to be written, if known.

    Returns:
        The error to raise instead (`raise found from error`): `InputError` if another path helps,
        `MachineError` if the machine is the cause. None if the error is not from the operating system, so
        that the content of the file must be the cause.
    """
    number = error_number(error)
    if number is None:
        return None
    reason = os.strerror(number)
    if number in _FULL:
        return MachineError(
            f"{path}: {reason}{space_left(Path(path), needed)}; free some space, or use another path"
        )
    wanted = "" if needed is None else f" ({_mebibytes(needed)} are needed)"
    if number in _QUOTA:
        return MachineError(f"{path}: {reason}{wanted}; free some of your space there, or use another path")
    if number in _TOO_LARGE:
        return MachineError(
            f"{path}: {reason}{wanted}; raise the limit on the size of files (`ulimit -f`), or use a path "
            "on a file system that allows larger files"
        )
    if number in _BUSY:
        return MachineError(
            f"{path} is in use by another program; wait until it has closed the file (if no program has "
            "it open, the file system has no working locks: set HDF5_USE_FILE_LOCKING=FALSE)"
        )
    if number in _NO_LOCKS:
        return MachineError(
            f"{path}: the file system has no file locks ({reason}); set HDF5_USE_FILE_LOCKING=FALSE, or use "
            "another path"
        )
    if number in _FAILING:
        return MachineError(
            f"{path}: the disk or network storage failed ({reason}); try again, or copy the file"
        )
    if number in _FEW_HANDLES:
        return MachineError(f"{path}: {reason}; close files or raise the limit with `ulimit -n`")
    if number in _NO_MEMORY:
        return MachineError(f"{path}: {reason}; free memory, or use smaller batches")
    if number in _PATH:
        return InputError(f"{path}: {reason}; use another path, or change its permissions")
    return MachineError(f"{path}: {reason}")


@contextlib.contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turn what a library raises while it reads a file into one error.

    For a broken file libraries and parsers raise almost any exception.

    Args:
        path: the file.
        kind: what it should be, with its article.

    Raises:
        InputError: the content is not of this kind; the message does not repeat the name of the file.
        MachineError: the operating system refuses to read it.
    """
    try:
        yield
    except (InputError, MachineError, MemoryError):
        raise
    except Exception as error:
        if refused := explain(error, path):
            raise refused from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"it is not {kind}, or is truncated ({reason})") from error


def space_left(path: Path, needed: int | None = None) -> str:
    """Return the free space at `path` and the space that is needed [MiB], as a text in brackets."""
    wanted = "" if needed is None else f", {_mebibytes(needed)} are needed"
    for place in (path, *path.parents):
        try:
            return f" ({_mebibytes(shutil.disk_usage(place).free)} are left{wanted})"
        except OSError:
            continue
    return ""


def _mebibytes(count: int) -> str:
    size = count / 2**20
    return f"{size:.0f} MiB" if size >= 10.0 else f"{size:.2g} MiB"
