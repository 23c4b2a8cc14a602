from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from morphsim import InputError, MachineError
from morphsim.system_errors import error_number, explain


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.ENOSPC, MachineError, "No space left on device"),
        (errno.EDQUOT, MachineError, "free some of your space"),
        (errno.EFBIG, MachineError, "ulimit -f"),
        (errno.EAGAIN, MachineError, "is in use by another program"),
        (errno.ENOLCK, MachineError, "HDF5_USE_FILE_LOCKING"),
        (errno.EIO, MachineError, "the disk or network storage failed"),
        (errno.EMFILE, MachineError, "ulimit"),
        (errno.EACCES, InputError, "Permission denied"),
        (errno.EROFS, InputError, "Read-only file system"),
        (errno.ENAMETOOLONG, InputError, "use another path"),
    ],
)
def test_an_error_is_told_apart_by_its_number(tmp_path: Path, number: int, kind: type, says: str):
    path = tmp_path / "missing" / "film.h5"
    for error in (
        OSError(number, os.strerror(number)),
        # As HDF5 and libraries in Rust wrap it.
        RuntimeError(f"Can't write data (file write failed: errno = {number}, error message = '...')"),
        ValueError(f"I/O error: some text (os error {number})"),
    ):
        assert error_number(error) == number
        found = explain(error, path)
        assert type(found) is kind
        assert says in str(found)
        assert str(found).startswith(str(path))


def test_the_space_that_is_left_is_told_where_the_file_would_lie(tmp_path: Path):
    found = explain(OSError(errno.ENOSPC, ""), tmp_path / "not" / "there" / "film.h5")
    assert "MiB are left" in str(found)
    # Under a quota or a limit on files, the space of the disk is not what is missing.
    for number in (errno.EDQUOT, errno.EFBIG):
        found = explain(OSError(number, ""), tmp_path / "film.h5", needed=2**20)
        assert "are left" not in str(found)
        assert "(1 MiB are needed)" in str(found)


def test_the_cause_of_an_error_counts():
    try:
        try:
            raise OSError(errno.ENOSPC, "full")
        except OSError as full:
            raise RuntimeError("can't close the file") from full
    except RuntimeError as error:
        assert error_number(error) == errno.ENOSPC


def test_what_a_file_holds_is_no_matter_of_the_system():
    assert error_number(ValueError("bad symbol table node signature")) is None
    assert explain(OSError("Unable to open file (truncated file)"), "film.h5") is None
