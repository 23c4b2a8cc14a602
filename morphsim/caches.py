"""A folder of the user for caches, where the package and the home can't be written to."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def user_cache() -> Path | None:
    """The folder `morphsim-UID` below that for temporary files, made where it is missing.

    Caches hold machine code, which is run: nobody else may have put it there.

    Returns:
        None where it can't be made, or is another user's, or others may write to it.
    """
    if not hasattr(os, "getuid"):
        return None
    user = os.getuid()
    try:
        folder = Path(tempfile.gettempdir()) / f"morphsim-{user}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == user
    private = not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    return folder if own and private and os.access(folder, os.W_OK) else None
