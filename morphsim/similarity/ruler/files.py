"""Checks of the JSON file of a ruler."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from morphsim.checks import check_choice, check_frame_shape, check_number, shown
from morphsim.errors import InputError
from morphsim.files import read_json
from morphsim.similarity.ruler.families import check_families, descriptor_names
from morphsim.types import Boundary

FORMAT = 1
"""Raised when the descriptors or their meaning change: another version would measure something else."""

MOST_SPREAD = 1e9
"""Largest spread of a descriptor that a ruler accepts."""

_FIELDS = ("format", "shape", "boundary", "families", "within", "between")


def read_ruler_fields(path: str | Path) -> dict[str, Any]:
    """Read the arguments of a ruler.

    Raises:
        InputError: the file is missing, is not the file of a ruler, or is of another format.
    """
    values = read_json(path)
    if not isinstance(values, Mapping) or "format" not in values:
        raise InputError(f"{path} is not the file of a ruler; write one with Ruler.save")
    if isinstance(values["format"], bool) or values["format"] != FORMAT:
        raise InputError(
            f"{path} is of format {shown(values['format'])}, and this version reads format {FORMAT}; "
            "fit the ruler again"
        )
    try:
        return _fields(values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _fields(values: Mapping[str, Any]) -> dict[str, Any]:
    if set(values) != set(_FIELDS):
        raise InputError(f"a ruler must have exactly the fields {', '.join(_FIELDS)}")
    shape = values["shape"]
    shape = tuple(shape) if isinstance(shape, list) else shape
    check_frame_shape("shape", shape)
    check_choice("boundary", values["boundary"], get_args(Boundary))
    families = values["families"]
    if not isinstance(families, list):
        raise InputError(f"families are {shown(families)}; they must be a list of names")
    names, family_of = descriptor_names(shape, families=check_families(families))
    spreads = {}
    for which in ("within", "between"):
        given = values[which]
        if not isinstance(given, Mapping) or set(given) != set(names):
            raise InputError(
                f"{which} must have a value for each of the {len(names)} descriptors of frames of "
                f"{shape[0]} x {shape[1]}; fit the ruler again"
            )
        for name, value in given.items():
            check_number(f"{which} of {name}", value, 0.0, MOST_SPREAD)
        spreads[which] = np.array([float(given[name]) for name in names])
    return {
        "names": names,
        "families": family_of,
        "shape": shape,
        "boundary": values["boundary"],
        **spreads,
    }
