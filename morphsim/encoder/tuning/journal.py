"""The journal of a search: a line of JSON for each step, each with a hash of its content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend

from morphsim.errors import InputError
from morphsim.files import altered
from morphsim.hashes import hash_without

_SEAL = "sha256"


def open_study(path: Path, *, maximize: bool) -> optuna.Study:
    """Open the journal of a search, or begin one.

    Args:
        path: of the journal.
        maximize: whether a larger value is better.

    Raises:
        InputError: the journal is damaged.
    """
    if path.exists():
        _drop_broken_end(path)
    try:
        study = optuna.create_study(
            storage=optuna.storages.JournalStorage(_SealedJournal(path)),
            study_name="encoder",
            direction="maximize" if maximize else "minimize",
            load_if_exists=True,
        )
        # This reads all of it.
        len(study.trials)
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError, IndexError) as error:
        raise InputError(f"{path} is damaged ({error}); search again with another --out") from error
    return study


class _SealedJournal(BaseJournalBackend):
    """A journal in a file whose lines have a hash; those of earlier versions have none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = JournalFileBackend(str(path))

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        for log in self._file.read_logs(log_number_from):
            if _SEAL in log and log.pop(_SEAL) != hash_without(log, _SEAL):
                raise altered(self._path)
            yield log

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self._file.append_logs([{**log, _SEAL: hash_without(log, _SEAL)} for log in logs])


def _drop_broken_end(path: Path) -> None:
    """Drop a last line that a killed search left incomplete; Optuna would append to it."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
