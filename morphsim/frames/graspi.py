"""GraSPI's text format of structured two-phase morphologies.

A file holds whitespace-separated phases row by row, 0 for donor and 1 for acceptor. A header `nx ny` or
`nx ny nz` (columns, rows, layers; two-dimensional films of GraSPI have `nz` 0 or 1) may come first; published
files often lack it. See the GraSPI documentation, "Input Formats" (https://github.com/owodolab/graspi).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from morphsim.csv_files import read_text_file
from morphsim.errors import InputError

_LONGEST_HEADER = 3
_SIZE = re.compile("0*[1-9][0-9]{0,8}")
_LAYERS = re.compile("0*[0-9]{1,9}")


def read_graspi(path: str | Path) -> NDArray[np.uint8]:
    """Read a morphology as (H, W) uint8; donor is 1, although the file writes it as 0. Line 1 becomes row 0.

    A first line of two or three numbers is a header. The values below it may be broken into lines anywhere,
    as long as their count is right; without a header every line is a row.

    Raises:
        InputError: not a text file, too long, empty, more than two phases, three dimensions, ragged lines, or
            a count that contradicts the header.
        MachineError: the file can't be read at the moment.
    """
    return parse_graspi(read_text_file(path))


def parse_graspi(text: str) -> NDArray[np.uint8]:
    """Read a morphology as (H, W) uint8, 1 = donor, from the text of a file; see `read_graspi`."""
    lines = [words for line in text.splitlines() if (words := line.split())]
    if not lines:
        raise InputError("it is empty")
    if len(lines[0]) <= _LONGEST_HEADER:
        return _below_header(lines[0], lines[1:])
    widths = {len(words) for words in lines}
    if len(widths) > 1:
        raise InputError(f"its lines hold {min(widths)} to {max(widths)} values; rows must be of one length")
    return _donor([word for words in lines for word in words]).reshape(len(lines), -1)


def _below_header(header: list[str], lines: list[list[str]]) -> NDArray[np.uint8]:
    *sizes, layers = header if len(header) == _LONGEST_HEADER else [*header, "1"]
    if len(sizes) != 2 or not all(map(_SIZE.fullmatch, sizes)) or not _LAYERS.fullmatch(layers):
        raise InputError(
            f"its first line is {' '.join(header)!r}; a header is `nx ny`, `nx ny 0` or `nx ny 1`"
        )
    columns, rows = map(int, sizes)
    if int(layers) > 1:
        raise InputError(
            f"it has {int(layers)} layers; only two-dimensional morphologies (nz = 0 or 1) can be read"
        )
    count = sum(len(words) for words in lines)
    if count != rows * columns:
        raise InputError(f"it holds {count} values; its header {columns} {rows} asks for {rows * columns}")
    if rows != columns and len(lines) == columns and {len(words) for words in lines} == {rows}:
        raise InputError(
            f"its {columns} lines of {rows} values are the transpose of its header {columns} {rows}; "
            f"make the header {rows} {columns}"
        )
    return _donor([word for words in lines for word in words]).reshape(rows, columns)


def _donor(words: list[str]) -> NDArray[np.uint8]:
    """The donor, which is phase 0 in the file, as 1."""
    kinds = dict.fromkeys(words)
    try:
        phase = {word: float(word) for word in kinds}
    except ValueError as error:
        raise InputError(f"it holds text that is not a number ({error})") from error
    odd = [word for word, value in phase.items() if value not in (0.0, 1.0)]
    if odd:
        raise InputError(
            f"it holds the phase {odd[0]}; only 0 and 1 (two phases) can be read "
            "from text; name a table of grey values or heights .csv"
        )
    return np.array([phase[word] == 0.0 for word in words]).astype(np.uint8)
