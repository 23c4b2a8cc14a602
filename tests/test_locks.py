from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from morphsim import InputError, MachineError, locks
from morphsim.locks import claimed_file, claimed_folder

CLAIMS = [claimed_file, claimed_folder]
Claim = Callable[[Path], object]


@pytest.mark.parametrize("claim", CLAIMS)
def test_one_run_at_a_time(tmp_path: Path, claim: Claim) -> None:
    out = tmp_path / "out"
    with claim(out):
        told = f"another run writes to {out}; wait for it, or name another --out"
        with pytest.raises(MachineError, match=told), claim(out):
            pass
        # The one that was turned away has taken nothing with it.
        with pytest.raises(MachineError, match="another run"), claim(out):
            pass
    with claim(out):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("claim", CLAIMS)
def test_threads_and_links_are_told_apart_from_nothing(tmp_path: Path, claim: Claim) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    told: list[str] = []

    def other() -> None:
        try:
            with claim(tmp_path / "link" / "out"):
                told.append("in")
        except MachineError as error:
            told.append(str(error))

    with claim(tmp_path / "real" / "out"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert "another run" in told[0]


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import os, sys, signal\nfrom morphsim.locks import claimed_folder\n"
        "with claimed_folder(sys.argv[1]):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], check=False, timeout=60)
    assert (tmp_path / "out" / ".lock").exists()
    with claimed_folder(tmp_path / "out"):
        pass
    assert not list((tmp_path / "out").iterdir())


def test_a_lock_that_its_owner_removes_meanwhile_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, first = tmp_path / ".out.lock", [True]

    def slow(descriptor: int) -> bool:
        if first and first.pop():
            # Between opening and locking the file, its owner ends.
            path.unlink()
        return real(descriptor)

    real = locks.lock
    monkeypatch.setattr(locks, "lock", slow)
    with claimed_file(tmp_path / "out"):
        assert path.exists()
        with pytest.raises(MachineError, match="another run"), claimed_file(tmp_path / "out"):
            pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.EBADF])
def test_a_file_system_without_locks_is_no_other_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", no_locks)
    with caplog.at_level(logging.WARNING), claimed_folder(tmp_path / "out"):
        (tmp_path / "out" / "a.txt").write_text("result")
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'out'}: its file system has no locks; make sure that no other run writes there"
    ]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.txt"]


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_place_that_can_not_be_written_to(tmp_path: Path, claim: Claim) -> None:
    (tmp_path / "file").write_text("")
    for place in (Path("/proc/x"), Path("/proc/x/y"), tmp_path / "file" / "out", tmp_path / ("a" * 300)):
        with pytest.raises(InputError, match=r"; use another path"), claim(place):
            pass
    with pytest.raises(InputError, match="File exists"), claimed_folder(tmp_path / "file"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_full_disk_is_seen_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, claim: Claim
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(MachineError, match="No space left"), claim(tmp_path / "out"):
        pass
    assert not list(tmp_path.iterdir())
