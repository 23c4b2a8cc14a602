"""What the name of a frame's file tells about its film."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

_NUMBER = r"\d+(?:\.\d+)?"
_RECIPE_IN_FILE = re.compile(rf"(?P<prefix>.*?)_(?P<blend>{_NUMBER})_(?P<chi>{_NUMBER})_(?P<time>\d+)")
_RECIPE_IN_FOLDER = re.compile(rf"BR(?P<blend>{_NUMBER})-CHI(?P<chi>{_NUMBER})", re.IGNORECASE)
_TIME_AT_END = re.compile(r"(\d+)$")


@dataclass(frozen=True, kw_only=True)
class NamedFilm:
    """The film that a file belongs to, as far as its name tells."""

    name: str
    """Files of one film share it: the folder, and a prefix or file name where it needs one."""
    blend_ratio: float = math.nan
    """Share of one phase, of the donor if not known otherwise; NaN where the name doesn't tell."""
    chi: float = math.nan
    """Interaction parameter; NaN where the name doesn't tell."""
    time: float = math.nan
    """The number at the end of the name; NaN where there is none."""


def film_of(relative: PurePosixPath) -> NamedFilm:
    """Read the film out of a path below the folder that is imported.

    - `data_0.514_2.4_000220.txt`: blend ratio, chi and time. Files of one folder with the same prefix, blend
      ratio and chi are one film.
    - `BR0.54-CHI2.4/000123.png`: blend ratio and chi from the nearest folder of that form; each folder is a
      film, and the number that ends the file's name is the time.
    - Anything else: each folder is a film of unknown recipe.
    """
    folder = "" if str(relative.parent) == "." else str(relative.parent)
    if match := _RECIPE_IN_FILE.fullmatch(relative.stem):
        return NamedFilm(
            name=str(PurePosixPath(folder) / f"{match['prefix']}_{match['blend']}_{match['chi']}"),
            blend_ratio=float(match["blend"]),
            chi=float(match["chi"]),
            time=float(match["time"]),
        )
    ending = _TIME_AT_END.search(relative.stem)
    time = float(ending[1]) if ending else math.nan
    for part in reversed(relative.parent.parts):
        if match := _RECIPE_IN_FOLDER.fullmatch(part):
            return NamedFilm(
                name=folder, blend_ratio=float(match["blend"]), chi=float(match["chi"]), time=time
            )
    return NamedFilm(name=folder, time=time)
