"""What pages show of the code is made from it when they are built, so that it never lags behind."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import Any

from morphsim.cli import COMMANDS, main

sys.path.insert(0, str(Path(__file__).parent))
import import_map

COMMANDS_PLACEHOLDER = "<!-- commands -->"


def on_files(files: Any, config: Any) -> Any:
    """Add the map of the package's folders."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, "import-map.svg", content=import_map.picture(import_map.imports())))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the placeholder by a section with the help of each command."""
    if COMMANDS_PLACEHOLDER not in markdown:
        return markdown
    sections = [f"## morphsim {name}\n\n```text\n{_printed(name, '--help')}\n```\n" for name in COMMANDS]
    return markdown.replace(
        COMMANDS_PLACEHOLDER, f"```text\n{_printed('--help')}\n```\n\n" + "\n".join(sections)
    )


def _printed(*words: str) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        status = main(list(words))
    assert status == 0, words
    return text.getvalue().strip()
