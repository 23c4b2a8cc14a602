"""Pictures as tables of numbers, separated by commas, semicolons or tabs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from morphsim.csv_files import number_of, read_text_file, table_rows
from morphsim.errors import InputError


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
