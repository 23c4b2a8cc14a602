"""Files that make one film by several processes in turn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from morphsim.checks import shown
from morphsim.errors import InputError
from morphsim.frames.film_file import FILM, Recording, recipe_text, recording_text, steps_text
from morphsim.frames.plan import read_film_file
from morphsim.frames.stages import LENGTH
from morphsim.simulator import Stage
from morphsim.simulator.chain import DIFFUSIVITY, STEPS
from morphsim.simulator.recipe_io import STAGES
from morphsim.simulator.resolve import name_and_value
from morphsim.simulator.schedules import Schedule, Steps
from morphsim.text_files import read_toml

_NUMBERED = re.compile(r"([0-9]{1,6})\.(.+)", re.DOTALL)


def is_chain_file(path: Path) -> bool:
    """Whether a TOML file describes a film of several processes.

    Raises:
        InputError: it can't be read.
    """
    return STAGES in read_toml(path)


def read_chain(files: Sequence[Path]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The stages that files describe, and how the film is recorded.

    Args:
        files: the recipe of each stage; or one file with a table [[stage]] for each.

    Returns:
        The parameters of each stage, and the table `film` (of the first file).

    Raises:
        InputError: a file that can't be read, or that does not describe a stage.
    """
    if len(files) == 1 and is_chain_file(files[0]):
        return _of_chain_file(files[0])
    stages, film = [], {}
    for number, file in enumerate(files):
        values = read_film_file(file)
        table = values.pop(FILM, {})
        if not isinstance(table, Mapping):
            raise InputError(f"{file}: {FILM} is {shown(table)}; it must be a table, as [film] seed = 3")
        entries = dict(table)
        if DIFFUSIVITY in entries:
            # D belongs to the process, all else to the film.
            values.setdefault(DIFFUSIVITY, entries.pop(DIFFUSIVITY))
        if number == 0:
            film = entries
        for name, value in entries.items():
            if film.get(name) != value:
                raise InputError(
                    f"{file}: its table [{FILM}] has {name} {shown(value)}, unlike the first stage; leave "
                    "the table out, as all stages are recorded like the first"
                )
        stages.append(values)
    return stages, film


def _of_chain_file(file: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    values = read_toml(file)
    stages, film = values.pop(STAGES), values.pop(FILM, {})
    if not isinstance(stages, list) or not stages or not all(isinstance(each, dict) for each in stages):
        raise InputError(f"{file}: {STAGES} is {shown(stages)}; write [[{STAGES}]] above each recipe")
    if values:
        raise InputError(
            f"{file}: {next(iter(values))!r} stands outside of its stages; move it below a [[{STAGES}]]"
        )
    return stages, film


def change_stages(stages: Sequence[Mapping[str, Any]], settings: Iterable[str]) -> list[dict[str, Any]]:
    """Stages with some of their parameters changed.

    Args:
        stages: the parameters of each.
        settings: `NUMBER.NAME=VALUE`; stages count from 1.

    Raises:
        InputError: another form, or no such stage.
    """
    changed = [dict(stage) for stage in stages]
    form = "NUMBER.NAME=VALUE"
    for key, text in name_and_value(settings, form):
        parts = _NUMBERED.fullmatch(key)
        if parts is None:
            raise InputError(
                f"{key}={text} does not say for which of {len(stages)} stages; write 1.{key}={text} for the "
                "first"
            )
        number = int(parts[1])
        if not 1 <= number <= len(stages):
            raise InputError(f"{key}={text} is for stage {number}; stages count from 1 to {len(stages)}")
        changed[number - 1][parts[2]] = _number_or_text(text)
    return changed


def chain_text(stages: Sequence[Stage], recording: Recording) -> str:
    """A file from which `morphsim simulate` makes a film again, bit for bit on the same machine.

    What the film itself determines at the begin of a stage, as its thickness, is left out.

    Args:
        stages: as they were made.
        recording: of the film.
    """
    parts = [
        f"# A film of {len(stages)} stages: `morphsim simulate` with this file makes it again.\n",
        recording_text(recording, {LENGTH: float(stages[0].units.length_nm), DIFFUSIVITY: None}),
    ]
    for stage in stages:
        schedule = stage.schedule if isinstance(stage.schedule, Schedule) else None
        parts.append(f"\n[[{STAGES}]]\n")
        parts.append(recipe_text(stage.recipe, schedule, units=stage.units, without=stage.fixed))
        parts.append(f"# Of the unit of time [m^2/s].\n{DIFFUSIVITY} = {float(stage.units.diffusivity)!r}\n")
        if isinstance(stage.schedule, Steps):
            parts.append(steps_text(stage.recipe, stage.schedule, stage.units, table=f"{STAGES}.{STEPS}"))
    return "".join(parts)


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
