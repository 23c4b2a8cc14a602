"""The files of a search: recipe, films, result and picture."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from morphsim.agents.comparison import AgentEvaluation
from morphsim.agents.optimise.contest import Row
from morphsim.agents.optimise.picture import draw_optimum
from morphsim.agents.optimise.search import Candidate
from morphsim.agents.optimise.space import KnobSpace
from morphsim.agents.optimise.study import Study
from morphsim.files import write_json, write_text
from morphsim.frames.pictures.knobs import physical
from morphsim.json_values import json_values

RECIPE, HISTORY, RESULT, PICTURE = "recipe.toml", "history.csv", "result.json", "picture.png"


def write_results(
    study: Study,
    chosen: Candidate,
    evaluation: AgentEvaluation,
    rows: Sequence[Row],
    result: Mapping[str, Any],
) -> None:
    """Write the files of a finished search into its folder.

    Args:
        study: the search.
        chosen: candidate.
        evaluation: of its check.
        rows: all films.
        result: for `result.json`.
    """
    out = study.config.out
    write_text(out / RECIPE, study.space.film(chosen.position, seed=evaluation.seeds[0]).text())
    write_text(out / HISTORY, history_text(study.space, rows))
    draw_optimum(out / PICTURE, study, chosen, evaluation, rows)
    write_json(out / RESULT, json_values(dict(result)))


def history_text(space: KnobSpace, rows: Sequence[Row]) -> str:
    """The films as a CSV table, with the knobs of each in physical units."""
    header, columns = knob_columns(space, [row.position for row in rows])
    table = [["stage", "film", "candidate", "seed", "distance", *header, "reason"]]
    for row, values in zip(rows, columns, strict=True):
        table.append(
            [
                row.stage,
                row.name,
                "" if row.candidate is None else str(row.candidate),
                "" if row.seed is None else str(row.seed),
                "" if math.isnan(row.distance) else repr(row.distance),
                *values,
                row.reason,
            ]
        )
    return csv_text(table)


def knob_columns(
    space: KnobSpace, positions: Sequence[Sequence[float] | None]
) -> tuple[list[str], list[list[str]]]:
    """The knobs at positions in physical units, for a table.

    Args:
        space: of the positions.
        positions: None for the untouched recipe.

    Returns:
        Names with units, one for each stage of each knob, and the texts of a row for each position; those of
        the untouched recipe are empty where a schedule of its own changes the knob.
    """
    header: list[str] = []
    columns: list[list[str]] = []
    found = [None if each is None else space.settings(each) for each in positions]
    scheduled = space.base.schedule.profiles if space.base.schedule else {}  # type: ignore[union-attr]
    for name in space.names:
        own = math.nan if name in scheduled else float(getattr(space.base.recipe, name))
        stages = len(space.shares)
        raw = np.array([(own,) * stages if each is None else each[name] for each in found], np.float64)
        values, unit = physical(name, raw, space.base.units)
        for stage in range(stages):
            number = f" {stage + 1}" if stages > 1 else ""
            header.append(f"{name}{number} [{unit}]" if unit else f"{name}{number}")
            columns.append(["" if math.isnan(value) else f"{value:.6g}" for value in values[:, stage]])
    return header, [list(row) for row in zip(*columns, strict=True)]


def csv_text(rows: Sequence[Sequence[str]]) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
