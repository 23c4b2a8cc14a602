"""How much one file may ask for: sizes are checked before anything is read or built."""

from __future__ import annotations

import math
import os

from morphsim.errors import InputError

MOST_GIB = "MORPHSIM_MOST_GIB"
"""Environment variable: the most that the values of one file may take in memory [GiB]."""
DEFAULT_GIB = 8.0
MOST_TEXT = 2**28
"""The longest JSON file that is read [bytes]."""
MOST_TOML = 2**16
"""The longest TOML file that is read [bytes]."""
MOST_NESTING = 32
"""How deep the lists and tables of a TOML or JSON file may be nested."""
MOST_NAMES = 100_000
"""The most objects that a group of an HDF5 file, or a zip file, may hold."""
MOST_FILMS = 1_000_000
"""The most films in one set of frames, unless there are more frames than that."""
MOST_FILM_NUMBER = 2**31
"""Numbers that other programs give to films are below it, and above its negative: larger ones are damage."""


def most_bytes() -> int:
    """The most that the values of one file may take in memory [bytes].

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
    """Refuse what would take more memory than one file may.

    Args:
        size: that would be needed [bytes].
        what: what needs it, for the error.

    Raises:
        InputError: it is more than `most_bytes`.
    """
    limit = most_bytes()
    if size > limit:
        raise InputError(
            f"{what} claims {_gib(size)} GiB in memory and {_gib(limit)} GiB are allowed; if you trust the "
            f"file, raise the limit with the environment variable {MOST_GIB}"
        )


def _gib(size: int) -> str:
    return f"{size / 2**30:.4g}" if size < 2**80 else "far too many"
