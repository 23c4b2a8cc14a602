"""Text tables of users: files within a size limit, separated by commas, semicolons or tabs."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

from morphsim.errors import InputError, MachineError
from morphsim.system_errors import explain

MOST_BYTES = 2**26
"""Largest size of a text file [bytes]."""

_SEPARATORS = ";\t,"


def read_text_file(path: str | Path) -> str:
    """Read a text in UTF-8, or in UTF-16 with a byte order mark.

    Raises:
        InputError: not a text file, or too long; the message does not repeat its name.
        MachineError: the file can't be read at the moment.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        refused = explain(error, path)
        if isinstance(refused, MachineError):
            raise refused from error
        raise InputError(f"it can't be read ({error.strerror})") from error
    if len(content) > MOST_BYTES:
        raise InputError(
            f"it exceeds the limit of {MOST_BYTES} bytes of text; cut it into parts, or save it as an array"
        )
    # On Windows, text files begin with a byte order mark, and PowerShell writes UTF-16.
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("it is not plain text; a text file of frames or tables is in UTF-8") from error


def table_rows(text: str) -> list[list[str]]:
    """Split a table into cells, without empty lines and lines that begin with `#`.

    The separator is the first of semicolon, tab and comma that the first line holds; with semicolons and
    tabs, numbers may have a decimal comma.

    Raises:
        InputError: quotes that don't end.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        return []
    separator = next((mark for mark in _SEPARATORS if mark in lines[0]), ",")
    try:
        rows = list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error as error:
        raise InputError(f"it is not a table ({error})") from error
    return [[cell.strip() for cell in row] for row in rows]


def number_of(text: str) -> float:
    """A number with a decimal point or comma.

    Raises:
        ValueError: it is not a number.
    """
    # Python reads 1_000 as a number, other programs don't.
    if "_" in text:
        raise ValueError(text)
    return float(text.replace(",", "."))
