"""Fills the page of commands with the help that each command prints, so that the page never lags behind."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from morphsim.cli import COMMANDS, main

PLACEHOLDER = "<!-- commands -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the placeholder by a section for each command."""
    if PLACEHOLDER not in markdown:
        return markdown
    sections = [f"## morphsim {name}\n\n```text\n{_printed(name, '--help')}\n```\n" for name in COMMANDS]
    return markdown.replace(PLACEHOLDER, f"```text\n{_printed('--help')}\n```\n\n" + "\n".join(sections))


def _printed(*words: str) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        status = main(list(words))
    assert status == 0, words
    return text.getvalue().strip()
