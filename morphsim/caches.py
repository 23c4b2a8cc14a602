"""A cache folder for users whose package and home folders are read-only."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def user_cache() -> Path | None:
    """Return the folder `morphsim-UID` in the system's temporary folder; it is made if it is missing.

    Caches hold machine code that is executed, so no other user may be able to write there.

    Returns:
        None if it can't be made, belongs to another user or is accessible to others.
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
