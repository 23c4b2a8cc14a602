from __future__ import annotations

import warnings
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from morphsim.encoder.board import Board

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.summary.writer import event_file_writer


def test_runs_resumed_within_a_second_are_read_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of two files of one second, TensorBoard reads that of a process's tenth writer before its ninth's.
    monkeypatch.setattr(event_file_writer, "_global_uid", SimpleNamespace(get=count(9).__next__))
    for epoch in (1, 2):
        board = Board(tmp_path, first_epoch=epoch, enabled=True)
        board.scalars({"epoch": epoch, "train_kl": 0.5 * epoch})
        board.close()
    log = EventAccumulator(str(tmp_path))
    log.Reload()
    assert [(event.step, event.value) for event in log.Scalars("train/kl")] == [(1, 0.5), (2, 1.0)]
