"""All files below a folder, links followed, each folder once."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from morphsim.system_errors import explain


def files_below(source: Path) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Search a folder and its subfolders, except hidden ones.

    Links to folders are followed last. A link to a folder that was searched already, or that contains
    `source`, is left out, so that no file comes twice.

    Args:
        source: a folder.

    Returns:
        The files, links to files included, and what was left out, each with the reason.
    """
    files: list[Path] = []
    left_out: list[tuple[Path, str]] = []
    above = set(source.resolve().parents)
    seen: dict[Path, Path] = {}
    folders, links = [source], list[Path]()
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        real = folder.resolve()
        if real in above:
            left_out.append((folder, "it links to a folder that contains the source"))
            continue
        if real in seen:
            left_out.append((folder, f"it is {seen[real]}, which is read already"))
            continue
        seen[real] = folder
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
            for entry in found:
                if entry.name.startswith("."):
                    continue
                path = folder / entry.name
                try:
                    mode = path.stat().st_mode
                except OSError as error:
                    left_out.append((path, f"it is a broken link ({error.strerror})"))
                    continue
                if stat.S_ISREG(mode):
                    files.append(path)
                elif stat.S_ISDIR(mode):
                    (links if entry.is_symlink() else folders).append(path)
                else:
                    left_out.append((path, "it is not a regular file"))
        except OSError as error:
            refused = explain(error, folder)
            left_out.append((folder, str(refused or error)))
    return files, left_out
