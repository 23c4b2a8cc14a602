from __future__ import annotations

import errno
import io
import os
import threading
import warnings
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from morphsim import MachineError
from morphsim.encoder.training.board import Board
from morphsim.frames import to_rgb

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.summary.writer import event_file_writer, record_writer


def test_runs_resumed_within_a_second_are_read_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of two files of one second, TensorBoard reads that of a process's tenth writer before that of its ninth.
    monkeypatch.setattr(event_file_writer, "_global_uid", SimpleNamespace(get=count(9).__next__))
    for epoch in (1, 2):
        board = Board(tmp_path, first_epoch=epoch, enabled=True)
        board.scalars({"epoch": epoch, "train_kl": 0.5 * epoch})
        board.close()
    log = EventAccumulator(str(tmp_path))
    log.Reload()
    assert [(event.step, event.value) for event in log.Scalars("train/kl")] == [(1, 0.5), (2, 1.0)]


def test_pictures_have_the_colours_of_all_frames(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    frames = generator.integers(0, 2, (2, 1, 6, 9)).astype(np.float32)
    painted = generator.random(frames.shape, np.float32)
    board = Board(tmp_path, first_epoch=1, enabled=True)
    board.reconstructions(1, frames, painted)
    board.map(1, np.zeros((2, 3), np.float32), frames, ["one", "two"])
    board.close()
    log = EventAccumulator(str(tmp_path))
    log.Reload()
    (event,) = log.Images("reconstructions")
    shown = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))
    wanted = [np.concatenate([to_rgb(frames[i, 0]), to_rgb(painted[i, 0])]) for i in range(2)]
    assert np.array_equal(shown, np.concatenate(wanted, axis=1))
    with Image.open(next(tmp_path.rglob("sprite.png"))) as sprite:
        thumbnail = np.asarray(sprite.convert("RGB"), int)[:6, :9]
    assert abs(thumbnail - to_rgb(frames[0, 0])).max() <= 1


def test_a_full_disk_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = threading.excepthook
    board = Board(tmp_path, first_epoch=1, enabled=True)
    # The thread that writes the log does this.
    monkeypatch.setattr(record_writer.RecordWriter, "write", full)
    with pytest.raises(MachineError, match=f"{tmp_path}: No space left on device"):
        for epoch in range(1, 100):
            board.scalars({"epoch": epoch, "train_kl": 0.5})
            board.flush()
    with pytest.raises(MachineError, match="No space left"):
        board.close()
    assert capsys.readouterr().err == ""
    assert threading.excepthook is before
