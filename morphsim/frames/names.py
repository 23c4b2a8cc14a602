"""Film, recipe and time from the name of a frame's file, and the natural order of names."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePosixPath

# Numbers or exponents with more digits are not quantities, and would take too long to compare.
# The decimal point may be a comma, as in some languages.
_DIGITS = r"[0-9]{1,100}"
# A unit may follow 1e-3, as in 1e-3s; 1e3s is ambiguous.
_EXPONENT = r"(?:[eE](?:[-+][0-9]{1,3}(?![0-9])|[0-9]{1,3}(?![0-9A-Za-z])))?"
# Fortran's 0.5D-03 and 1.E-03; without digits after the point, D could belong to a word as in `scan3D-10`.
_FORTRAN = rf"{_DIGITS}\.(?:{_DIGITS}[dD][-+][0-9]{{1,3}}(?![0-9])|[eE][-+]?[0-9]{{1,3}}(?![0-9A-Za-z]))"
_UNSIGNED = rf"(?:{_FORTRAN}|{_DIGITS}(?:[.,]{_DIGITS})?{_EXPONENT})"
# `t=-0.5` is negative; in `film-10` the dash separates two words.
_SIGN = r"(?:(?<![^\W_])(?<![)\]}])[-+])?"
# `_.5` is one half, `film.5` is the fifth.
_POINT_FIVE = rf"(?:(?<![^\W_])\.{_DIGITS}{_EXPONENT})"
# A number that is not part of another number or of a version such as 1.5.2.
_NUMBER = rf"{_SIGN}(?:(?<![0-9])(?<![0-9][.,]){_UNSIGNED}(?![.,]?[0-9])|{_POINT_FIVE}(?![.,]?[0-9]))"

_TIME_AT_END = re.compile(rf"(?P<time>{_NUMBER})$")
_SIGNED = rf"[-+]?{_UNSIGNED}"
_RECIPE_IN_FILE = re.compile(
    rf"(?P<prefix>.*?)_(?P<blend>{_SIGNED})_(?P<chi>{_SIGNED})_(?P<time>{_SIGNED})", re.DOTALL
)
_RECIPE_IN_FOLDER = re.compile(rf"BR(?P<blend>{_SIGNED})-CHI(?P<chi>{_SIGNED})", re.IGNORECASE)

_YEAR, _MONTH, _DAY = "(?:19|20)[0-9]{2}", "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
# 2024-01-15, also with a time of day, as in 2024-01-15_10-30-00 or 20240115T103000.
_CLOCK = r"[-_.T ][0-9]{2}(?:[-_.:]?[0-9]{2}){1,2}(?:\.[0-9]+)?"
_DATE_AT_END = re.compile(
    rf"(?<![0-9]){_YEAR}(?:([-_.]){_MONTH}\1{_DAY}(?:{_CLOCK})?|{_MONTH}{_DAY}[-_.T ]?[0-9]{{6}})$"
)
# A day before its month, or a time of day alone, as in 10-30-00.
_OTHER_DATE_AT_END = re.compile(
    rf"(?<![0-9])(?:[0-3][0-9]-[0-3][0-9]-{_YEAR}|[0-2][0-9]-[0-5][0-9]-[0-5][0-9])$"
)
_WORD_AT_END = re.compile(r"[0-9A-Za-z]*$")
_HASH = re.compile(r"(?=.*[0-9][a-f])[0-9a-f]{7,}", re.IGNORECASE)
_EXPONENTIAL = re.compile(r"[0-9]+e[0-9]+", re.IGNORECASE)
_UUID_AT_END = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
# What precedes a number that is part of something else: 0p5 (one half, or a counter), 10^-3, 100x400, 12:30,
# 12h30 and 1d-3.
_MORE_BEFORE = re.compile(r"(?:\^|[0-9](?:[pxhm×:]|d[-+]?))$", re.IGNORECASE)
# The typographic minus sign.
_MINUS = str.maketrans("\N{MINUS SIGN}", "-")
_PLAIN = str.maketrans(",dD", ".ee")
_NO_TIME_AT_END = (_DATE_AT_END, _OTHER_DATE_AT_END, _UUID_AT_END)

_IN_ORDER = re.compile(rf"(?P<version>{_DIGITS}(?:\.{_DIGITS}){{2,}})|(?P<number>{_NUMBER})|{_DIGITS}")

Key = tuple[tuple[int, Decimal, str], ...]


@dataclass(frozen=True, kw_only=True)
class NamedFilm:
    """The film of a file, according to its name."""

    name: str
    """Shared by the files of one film: the folder, with a prefix or file name if needed."""
    blend_ratio: float = math.nan
    """Share of one phase, the donor unless the frames show otherwise; NaN if the name lacks it."""
    chi: float = math.nan
    """Interaction parameter; NaN if the name lacks it."""
    time: float = math.nan
    """The number at the end of the name; NaN if there is none."""


def film_of(relative: PurePosixPath) -> NamedFilm:
    """Find the film of a file from its path below the imported folder.

    - `data_0.514_2.4_000220.txt`: blend ratio, chi and time. Files of one folder with the same prefix, blend
      ratio and chi are one film.
    - `BR0.54-CHI2.4/000123.png`: blend ratio and chi from the nearest folder of that form; each folder is a
      film, and the number at the end of the file name is the time.
    - Anything else: each folder is a film of unknown recipe.

    Numbers may have a decimal point, an exponent and a sign: `phi_t=0.25`, `t_1e-3`, `t=-0.5`. A dash after a
    letter or a digit separates two words: `film-10` has the time 10. Dates, times of day, versions (`1.5.2`),
    hashes, sizes (`100x400`) and powers (`10^-3`) are not times.
    """
    folder = "" if str(relative.parent) == "." else str(relative.parent)
    stem = relative.stem.translate(_MINUS)
    if (match := _RECIPE_IN_FILE.fullmatch(stem)) and 0.0 <= _number(match["blend"]) <= 1.0:
        return NamedFilm(
            name=str(PurePosixPath(folder) / f"{match['prefix']}_{match['blend']}_{match['chi']}"),
            blend_ratio=_number(match["blend"]),
            chi=_number(match["chi"]),
            time=_number(match["time"]),
        )
    time = _time(stem)
    for part in reversed(relative.parent.parts):
        if (match := _RECIPE_IN_FOLDER.fullmatch(part)) and 0.0 <= _number(match["blend"]) <= 1.0:
            return NamedFilm(
                name=folder, blend_ratio=_number(match["blend"]), chi=_number(match["chi"]), time=time
            )
    return NamedFilm(name=folder, time=time)


def in_order(path: PurePosixPath) -> tuple[Key, ...]:
    """A sort key for natural order: frame2 before frame10, t=0.02 before t=0.1, and 1e-3 before 0.01."""
    *folders, name = path.parts or ("",)
    suffix = PurePosixPath(name).suffix
    return (*map(_key, folders), (*_key(name.removesuffix(suffix)), (1, Decimal(0), suffix)))


def _key(name: str) -> Key:
    key: list[tuple[int, Decimal, str]] = []
    start = 0
    name = name.translate(_MINUS)
    for match in _IN_ORDER.finditer(name):
        if match.start() > start:
            key.append((1, Decimal(0), name[start : match.start()]))
        numbers = match[0].split(".") if match["version"] else [match[0]]
        key += [(0, Decimal(number.translate(_PLAIN)), number) for number in numbers]
        start = match.end()
    if start < len(name):
        key.append((1, Decimal(0), name[start:]))
    return tuple(key)


def _time(stem: str) -> float:
    match = _TIME_AT_END.search(stem)
    if match is None or any(other.search(stem) for other in _NO_TIME_AT_END):
        return math.nan
    if _MORE_BEFORE.search(stem[: match.start()]):
        return math.nan
    word = _WORD_AT_END.search(stem)
    if word and _HASH.fullmatch(word[0]) and not _EXPONENTIAL.fullmatch(word[0]):
        return math.nan
    return _number(match["time"])


def _number(text: str) -> float:
    number = float(text.translate(_PLAIN))
    return number if math.isfinite(number) else math.nan
