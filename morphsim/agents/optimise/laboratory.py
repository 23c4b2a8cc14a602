"""Candidates for a laboratory, and its results: folders of recipe files, and tables to fill in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from morphsim.agents.optimise.config import OptimiseConfig
from morphsim.agents.optimise.contest import job_name
from morphsim.agents.optimise.output import csv_text, knob_columns
from morphsim.agents.optimise.search import Candidate
from morphsim.agents.optimise.study import Study, open_study
from morphsim.csv_files import number_of, read_text_file, table_rows
from morphsim.errors import InputError
from morphsim.files import write_text
from morphsim.locks import claimed_folder

RESULTS = "results.csv"
CANDIDATE, IMAGE, DISTANCE = "candidate", "image", "distance"


@dataclass(frozen=True, eq=False, kw_only=True)
class Exchange:
    """What a laboratory told and got."""

    study: Study
    """The search."""
    told: int
    """Number of candidates with new results."""
    folder: Path | None
    """Of the new candidates; None if none were asked for."""
    asked: Sequence[Candidate]
    """The new candidates."""


def exchange(config: OptimiseConfig, *, tell: Path | None = None, ask: int | None = None) -> Exchange:
    """Add a laboratory's results to a search, then propose candidates, without simulating.

    The folder `ask-NNNN`, with the number of its first candidate, gets a recipe file for each candidate and
    `results.csv`, with their knobs in physical units and empty cells for an image or a distance.

    Args:
        config: of the search.
        tell: a table with columns `candidate`, and `image` (a file, relative to the table) or `distance`; a
            row for each film. Rows without a result are left for later, and results that are known already
            must be the same.
        ask: number of candidates.

    Raises:
        InputError: as for `open_study`, or a table, image or candidate that can't be used; then nothing is
            added.
        MachineError: another run writes to the folder, or the disk is full.
    """
    with claimed_folder(config.out):
        study = open_study(config)
        before = len(study.search.told)
        if tell is not None:
            _tell(study, tell)
        asked = [] if ask is None else study.search.ask(ask)
        folder = None
        if asked:
            folder = config.out / f"ask-{asked[0].number:04}"
            _write_candidates(study, asked, folder)
        # Last, so that after a kill the same candidates are asked for again.
        study.save()
    return Exchange(study=study, told=len(study.search.told) - before, folder=folder, asked=asked)


def _tell(study: Study, table: Path) -> None:
    found: dict[int, list[float]] = {}
    for line, number, image, distance in _rows(table):
        try:
            if image:
                found.setdefault(number, []).extend(study.distance.of_file(table.parent / image).tolist())
            else:
                found.setdefault(number, []).append(_distance(distance))
        except InputError as error:
            raise InputError(f"{table}, row {line}: {error}") from error
    for number, distances in found.items():
        try:
            study.search.tell(number, distance=distances)
        except InputError as error:
            raise InputError(f"{table}: {error}") from error


def _distance(text: str) -> float:
    try:
        return number_of(text)
    except ValueError:
        raise InputError(f"the distance is {text!r}; give a number, or nan for a film that failed") from None


def _rows(table: Path) -> Iterator[tuple[int, int, str, str]]:
    """Number of the row, from 1 for the header; candidate, image and distance of rows with a result."""
    if not table.is_file():
        raise InputError(f"{table} does not exist; fill in the {RESULTS} of a folder of candidates")
    try:
        rows = table_rows(read_text_file(table))
    except InputError as error:
        raise InputError(f"{table}: {error}") from error
    header = rows[0] if rows else []
    if CANDIDATE not in header or not {IMAGE, DISTANCE} & set(header):
        raise InputError(
            f"{table} has the columns {', '.join(header) or 'none'}; it must have {CANDIDATE}, and "
            f"{IMAGE} or {DISTANCE}"
        )
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise InputError(f"{table}, row {line} has {len(row)} cells, and the header {len(header)}")
        cells = dict(zip(header, row, strict=True))
        image, distance = cells.get(IMAGE, ""), cells.get(DISTANCE, "")
        if not image and not distance:
            continue
        if image and distance:
            raise InputError(f"{table}, row {line} has an image and a distance; keep one of them")
        number = cells[CANDIDATE]
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise InputError(f"{table}, row {line}: the candidate is {number!r}; it must be a whole number")
        yield line, int(number), image, distance


def _write_candidates(study: Study, candidates: Sequence[Candidate], folder: Path) -> None:
    header, columns = knob_columns(study.space, [each.position for each in candidates])
    table = [[CANDIDATE, IMAGE, DISTANCE, *header]]
    for candidate, knobs in zip(candidates, columns, strict=True):
        film = study.space.film(candidate.position, seed=study.config.seed)
        write_text(folder / f"{job_name(candidate)}.toml", film.text())
        table.append([str(candidate.number), "", "", *knobs])
    # A table that was filled in is never replaced.
    if not (folder / RESULTS).exists():
        write_text(folder / RESULTS, csv_text(table))
