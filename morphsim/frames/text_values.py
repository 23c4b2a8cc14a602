"""Text files within size limits, and tables of numbers separated by commas, semicolons or tabs."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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


def read_csv(path: Path) -> NDArray[np.float64] | NDArray[np.int64]:
    """Read a picture from a table of numbers, a row of pixels in each line.

    Returns:
        (H, W) integers if all numbers are written as such, else floating point.

    Raises:
        InputError: as `read_text_file`, no numbers, or rows that differ in length.
        MachineError: the file can't be read at the moment.
    """
    rows = table_rows(read_text_file(path))
    # A separator may end each line.
    if rows and all(row[-1] == "" for row in rows):
        rows = [row[:-1] for row in rows]
    if not rows or not rows[0]:
        raise InputError("it is empty")
    if len(rows) == 1 == len(rows[0]):
        raise InputError("it holds a single number or word; separate columns by commas, semicolons or tabs")
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise InputError(
            f"its lines hold {min(lengths)} to {max(lengths)} values; rows must be of one length"
        )
    return np.array([_numbers_of(row, line) for line, row in enumerate(rows, start=1)])


def number_of(text: str) -> float:
    """A number with a decimal point or comma.

    Raises:
        ValueError: it is not a number.
    """
    # Python reads 1_000 as a number, other programs don't.
    if "_" in text:
        raise ValueError(text)
    return float(text.replace(",", "."))


def _numbers_of(row: Sequence[str], line: int) -> list[float] | list[int]:
    try:
        if all(cell.lstrip("+-").isdigit() and len(cell) < 19 for cell in row):
            return [int(cell) for cell in row]
        return [number_of(cell) for cell in row]
    except ValueError as error:
        odd = next(cell for cell in row if not _is_number(cell))
        raise InputError(
            f"its line {line} holds {odd[:40]!r}; a picture in a table holds numbers only (a table of "
            "metadata is named with --table)"
        ) from error


def _is_number(text: str) -> bool:
    try:
        number_of(text)
    except ValueError:
        return False
    return True
