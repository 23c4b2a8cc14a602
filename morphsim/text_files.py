"""Reading of TOML and JSON files within limits of size and nesting, with clear errors."""

from __future__ import annotations

import codecs
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from morphsim.errors import InputError
from morphsim.limits import MOST_NESTING, MOST_TEXT, MOST_TOML
from morphsim.system_errors import explain

_BETWEEN = re.compile(r"[,=\[\]{}#\s]")
_PART = re.compile(r"[\w\"'-]\.")
_MOST_DIGITS = 100
_LARGE = 10**_MOST_DIGITS


def read_text(path: str | Path, *, most: int = MOST_TEXT) -> str:
    """Read a UTF-8 text, with or without a byte order mark.

    Args:
        path: the file.
        most: largest size [bytes].

    Raises:
        InputError: the file is missing, too long, or not UTF-8.
        MachineError: the operating system refuses to read it.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except OSError as error:
        raise explain(error, path) or InputError(f"{path} can't be read ({error})") from error
    if len(content) > most:
        raise InputError(f"{path} is longer than {most} bytes, the limit for such a file; shorten it")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{path} is UTF-16 text; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error}); save it as UTF-8") from error


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        InputError: the file is missing, not TOML, too long or too deeply nested.
        MachineError: the operating system refuses to read it.
    """
    text = read_text(path, most=MOST_TOML)
    try:
        # The time of tomllib grows with the square of the number of parts of a dotted key.
        if any(len(_PART.findall(piece)) > MOST_NESTING for piece in _BETWEEN.split(text)):
            raise RecursionError
        values = tomllib.loads(text)
        _check_nesting(values)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} can't be read as TOML ({_reason(error)})") from error
    return values


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: the file is missing, not JSON, too long or too deeply nested.
        MachineError: the operating system refuses to read it.
    """
    text = read_text(path)
    try:
        values = json.loads(text, parse_int=_integer)
        _check_nesting(values)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path} can't be read as JSON ({_reason(error)}); restore it from a backup"
        ) from error
    return values


def _integer(digits: str) -> int:
    """Refuse integers that no float can represent: comparing or printing them would fail later."""
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"an integer of {len(digits)} digits")
    return int(digits)


def _check_nesting(values: Any) -> None:
    """Refuse deep nesting and huge integers, which would cause failures later."""
    level: list[Any] = [values]
    for _ in range(MOST_NESTING):
        below: list[Any] = []
        for value in level:
            if isinstance(value, int) and not -_LARGE < value < _LARGE:
                raise ValueError(f"an integer of more than {_MOST_DIGITS} digits")
            below += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if not below:
            return
        level = below
    raise RecursionError


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return f"its lists and tables may be nested at most {MOST_NESTING} deep"
    return " ".join(str(error).split())
