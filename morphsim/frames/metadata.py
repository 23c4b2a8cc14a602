"""A table of metadata about the files of an import: rpm, temperature, replicate, efficiency."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from morphsim.csv_files import number_of, read_text_file, table_rows
from morphsim.errors import InputError
from morphsim.frames.frame_set import RESERVED_NAMES, Column, is_column_name
from morphsim.suggest import did_you_mean

FILE = "file"
"""Column with the names of files; without it, the first column."""
RECIPE, FILM, REPLICATE, TIME, PIXEL_SIZE = "recipe", "film", "replicate", "time", "pixel_size"
_NOT_RECIPE = frozenset({FILM, REPLICATE, TIME, PIXEL_SIZE})
_RESERVED = RESERVED_NAMES | {"trajectory", "source"}
_NUMERIC = frozenset({TIME, PIXEL_SIZE})
_SHOWN = 3

# `temperature [°C]`, `speed (rpm)`
_WITH_UNIT = re.compile(r"(?P<name>.*?)\s*[\[(](?P<unit>[^\])]*)[\])]")


@dataclass(frozen=True, kw_only=True, eq=False)
class Metadata:
    """A table with a row for each file."""

    path: Path
    """The CSV file."""
    files: tuple[str, ...]
    """(R,) names of files: with or without folder, with or without suffix."""
    columns: dict[str, Column]
    """Values (R,) by name, numbers (NaN where empty) or texts."""
    units: dict[str, str]
    """Units of `columns`, from headers such as `temperature [°C]`."""
    recipe: tuple[str, ...]
    """Columns that distinguish recipes: films that agree in them are replicas."""

    def rows_of(self, files: Sequence[PurePosixPath]) -> dict[PurePosixPath, int]:
        """The row of each file that has one.

        Args:
            files: paths below the imported folder.

        Raises:
            InputError: no file has a row, a file has two, or a row without folder could be of two files.
        """
        rows = {name: row for row, name in enumerate(self.files)}
        found: dict[PurePosixPath, int] = {}
        for file in files:
            named = [name for name in _names(file) if name in rows]
            # A row with the folder comes before one without.
            named = [name for name in named if PurePosixPath(name).parent == PurePosixPath(named[0]).parent]
            if len(named) > 1:
                raise InputError(
                    f"{self.path} has the rows {' and '.join(named)}, which both fit {file}; keep one"
                )
            if not named:
                continue
            row = rows[named[0]]
            twin = next((other for other, its in found.items() if its == row), None)
            if twin is not None:
                raise InputError(
                    f"the row {named[0]} of {self.path} could be of {twin} or of {file}; write the folder or "
                    "the suffix too"
                )
            found[file] = row
        if not found:
            raise InputError(
                f"no row of {self.path} names a file of the import: the table begins with {self.files[0]}, "
                f"the files with {files[0]}; its column `{FILE}`, or the first one, holds names of files"
            )
        return found

    def unused(self, used: Sequence[int]) -> str | None:
        """A warning of the rows without a file; None if there are none."""
        left = [name for row, name in enumerate(self.files) if row not in set(used)]
        if not left:
            return None
        shown = ", ".join(left[:_SHOWN]) + (", ..." if len(left) > _SHOWN else "")
        return f"{self.path}: {len(left)} of {len(self.files)} rows name no file that was imported ({shown})"

    def film_of(self, row: int) -> str | None:
        """The film of a row: column `film`, or recipe and `replicate`; None if the file alone is a film."""
        name = FILM if FILM in self.columns else REPLICATE
        if name not in self.columns or _is_empty(self.columns[name])[row]:
            return None
        if name == FILM:
            return _shown(self.columns[FILM][row])
        return ", ".join(f"{name}={_shown(self.columns[name][row])}" for name in (*self.recipe, REPLICATE))

    def recipe_of(self, row: int) -> dict[str, Column]:
        """The recipe columns of a row, each (1,)."""
        return {name: self.columns[name][row : row + 1] for name in self.recipe}

    def others_of(self, row: int, count: int) -> dict[str, Column]:
        """The other columns of a row, each (count,), but film and pixel size.

        The frames of a file of several have times of their own.
        """
        names = self.columns.keys() - {*self.recipe, FILM, PIXEL_SIZE, *([TIME] if count > 1 else [])}
        return {name: np.repeat(self.columns[name][row : row + 1], count) for name in sorted(names)}


def read_metadata(path: Path, *, recipe: Sequence[str] = ()) -> Metadata:
    """Read a table of metadata: CSV with a header, separated by commas, semicolons or tabs.

    Args:
        path: the file.
        recipe: columns that distinguish recipes; by default the column `recipe`, or without it all but
            `film`, `replicate`, `time` and `pixel_size`.

    Raises:
        InputError: it can't be read, a name occurs twice or is not allowed, an unknown recipe column, or a
            recipe column with an empty cell.
    """
    try:
        rows = table_rows(read_text_file(path)) if path.is_file() else None
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if rows is None:
        raise InputError(f"{path} does not exist; --table names a CSV file with a header and a row per file")
    if len(rows) < 2 or len(rows[0]) < 2:
        raise InputError(f"{path} must hold a header of at least two columns, and a row for each file")
    odd = next((number for number, row in enumerate(rows) if len(row) != len(rows[0])), None)
    if odd is not None:
        raise InputError(
            f"{path}: row {odd} has {len(rows[odd])} cells, and the header {len(rows[0])}; quote cells that "
            "hold the separator"
        )
    names, units = _header(path, rows[0])
    table = dict(zip(names, zip(*rows[1:], strict=True), strict=True))
    files = tuple(_plain(name) for name in table.pop(FILE if FILE in table else names[0]))
    twice = next((name for name in files if files.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path} has two rows for {twice!r}; keep one")
    if units.pop(PIXEL_SIZE, "nm") != "nm":
        raise InputError(f"{path}: its column {PIXEL_SIZE} must be in nm")
    columns = {name: _column(path, name, cells) for name, cells in table.items()}
    chosen = _recipe_columns(path, columns, recipe)
    return Metadata(path=path, files=files, columns=columns, units=units, recipe=chosen)


def _header(path: Path, cells: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    names, units = [], {}
    for cell in cells:
        match = _WITH_UNIT.fullmatch(cell)
        name = match["name"] if match else cell
        if match and match["unit"].strip():
            units[name] = match["unit"].strip()
        if not is_column_name(name) or name in _RESERVED or name in names:
            raise InputError(
                f"{path} has the column {name!r}, which is empty, occurs twice or has a meaning of its own; "
                "rename it"
            )
        names.append(name)
    return names, units


def _column(path: Path, name: str, cells: Sequence[str]) -> Column:
    try:
        values = np.array([number_of(cell) if cell else math.nan for cell in cells])
    except ValueError:
        if name in _NUMERIC:
            raise InputError(f"{path}: its column {name} holds text; it must hold numbers") from None
        return np.array(cells, np.str_)
    if np.isinf(values).any():
        raise InputError(f"{path}: its column {name} holds an infinite value; leave the cell empty")
    if name == PIXEL_SIZE and not (values > 0).all():
        raise InputError(f"{path}: its column {PIXEL_SIZE} must hold positive lengths in nm in every row")
    return values


def _recipe_columns(path: Path, columns: dict[str, Column], named: Sequence[str]) -> tuple[str, ...]:
    possible = [name for name in columns if name not in _NOT_RECIPE]
    for name in named:
        if name not in possible:
            raise InputError(f"{path} has no recipe column {name!r}; {did_you_mean(name, possible)}")
    chosen = tuple(named) or ((RECIPE,) if RECIPE in columns else tuple(possible))
    for name in chosen:
        empty = _is_empty(columns[name])
        if empty.any():
            raise InputError(
                f"{path}: {int(empty.sum())} rows have no {name}, which distinguishes recipes; fill them, or "
                "name other columns with --recipe"
            )
    return chosen


def _is_empty(column: Column) -> NDArray[np.bool_]:
    """Which cells of the table were empty."""
    empty: NDArray[np.bool_] = column == "" if column.dtype.kind == "U" else np.isnan(column)
    return empty


def _names(file: PurePosixPath) -> list[str]:
    """What a row may call a file, the fullest name first."""
    names = [str(file), str(file.with_suffix("")), file.name, file.stem]
    if file.stem.lower().endswith(".ome"):
        names += [str(file.with_suffix("").with_suffix("")), PurePosixPath(file.stem).stem]
    return list(dict.fromkeys(names))


def _plain(name: str) -> str:
    return str(PurePosixPath(name.replace("\\", "/")))


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
