"""Limits on the size of input files, checked before anything is read or built."""

from __future__ import annotations

import math
import os

from morphsim.errors import InputError

MOST_GIB = "MORPHSIM_MOST_GIB"
"""Environment variable with the largest memory for the values of one file [GiB]."""
DEFAULT_GIB = 8.0
MOST_TEXT = 2**28
"""The longest JSON file that is read [bytes]."""
MOST_TOML = 2**16
"""The longest TOML file that is read [bytes]."""
MOST_NESTING = 32
"""Largest depth of nested lists and tables in a TOML or JSON file."""
MOST_NAMES = 100_000
"""Largest number of objects in a group of an HDF5 file or in a zip file."""
MOST_FILMS = 1_000_000
"""Largest number of films in one set of frames, unless there are more frames than that."""
MOST_FILM_NUMBER = 2**31
"""Limit of the magnitude of film numbers in foreign files; larger ones indicate damage."""


def most_bytes() -> int:
    """Return the largest memory for the values of one file [bytes].

    Raises:
        InputError: the environment variable is not a number above 0.
    """
    text = os.environ.get(MOST_GIB)
    try:
        limit = DEFAULT_GIB if not text else float(text)
    except ValueError:
        limit = math.nan
    if not 0.0 < limit * 2**30 < math.inf:
        raise InputError(
            f"the environment variable {MOST_GIB} is {text!r}; it must be a number of GiB above 0"
        )
    return int(limit * 2**30)


def check_bytes(size: int, what: str) -> None:
    """Check that a file does not need more memory than allowed.

    Args:
        size: memory needed [bytes].
        what: what needs it, for the error message.

    Raises:
        InputError: the size exceeds `most_bytes`.
    """
    limit = most_bytes()
    if size > limit:
        raise InputError(
            f"{what} needs {_gib(size)} GiB of memory, but {_gib(limit)} GiB are allowed; if you trust the "
            f"file, raise the limit with the environment variable {MOST_GIB}"
        )


def _gib(size: int) -> str:
    return f"{size / 2**30:.4g}" if size < 2**80 else "far too many"
