"""The revision of the code that trained an encoder."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git_revision() -> str | None:
    """Return the git revision of this package's checkout, ending in `-dirty` if files were changed.

    None if the package is not run from its own checkout, or git is not installed.
    """
    package = Path(__file__).resolve().parents[2]
    if not (package.parent / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=package, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
