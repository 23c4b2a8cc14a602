from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba.core import caching

from morphsim import caches, compiled, compiled_cache


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for temporary files, and no warning yet."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(compiled_cache, "_warned", [])
    return tmp_path


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container: neither package nor home folder is writable."""

    def refused(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for locator in (caching.InTreeCacheLocator, caching.UserWideCacheLocator):
        monkeypatch.setattr(locator, "ensure_cache_path", refused)


def a_loop() -> Callable[[np.ndarray], float]:
    def total(x: np.ndarray) -> float:
        found = 0.0
        for value in x:
            found += value
        return found

    return compiled.loop(total)


def kept(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.nbc"))


@pytest.mark.usefixtures("read_only")
def test_loops_are_kept_in_a_private_temporary_folder(
    temporary: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = numba.config.CACHE_DIR
    assert a_loop()(np.ones(3)) == 3.0
    folder = temporary / f"morphsim-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(kept(folder)) == 1
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"compiled loops are kept in {folder}" in record.getMessage()
    assert before == numba.config.CACHE_DIR
    caplog.clear()
    # Read again rather than compiled, without another warning.
    again = a_loop()
    assert again(np.ones(3)) == 3.0
    assert sum(again.stats.cache_hits.values()) == 1
    assert not caplog.records


def spoil_mode(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o770)


def spoil_link(folder: Path) -> None:
    (folder.parent / "other").mkdir(mode=0o700)
    folder.symlink_to("other")


def spoil_kind(folder: Path) -> None:
    folder.write_text("")


def spoil_owner(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives folders away")
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)


@pytest.mark.usefixtures("read_only")
@pytest.mark.parametrize("spoil", [spoil_mode, spoil_link, spoil_kind, spoil_owner])
def test_a_folder_that_others_can_write_to_is_never_used(
    temporary: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], None]
) -> None:
    spoil(temporary / f"morphsim-{os.getuid()}")
    assert caches.user_cache() is None
    assert a_loop()(np.ones(3)) == 3.0
    assert not kept(temporary)
    (record,) = caplog.records
    assert "compiled loops can't be kept on disk" in record.getMessage()


def test_the_folder_that_a_user_names_wins(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(temporary / "mine"))
    assert a_loop()(np.ones(3)) == 3.0
    assert len(kept(temporary / "mine")) == 1
    assert not caplog.records


@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x05."])
def test_a_damaged_cache_is_compiled_anew(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(temporary))
    a_loop()(np.ones(3))
    (path,) = kept(temporary)
    path.write_bytes(content)
    assert a_loop()(np.ones(3)) == 3.0
    healed = a_loop()
    assert healed(np.ones(3)) == 3.0
    assert sum(healed.stats.cache_hits.values()) == 1


def test_a_full_disk_only_costs_time(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(temporary))
    monkeypatch.setattr(caching.IndexDataCacheFile, "_save_data", full)
    assert a_loop()(np.ones(3)) == 3.0
    (record,) = caplog.records
    assert "No space left on device" in record.getMessage()


def a_loop_of(number: float) -> Callable[[np.ndarray], float]:
    """Two of them have the same name and code, and differ in what they hold."""

    def scaled(x: np.ndarray) -> float:
        return x[0] * number

    return compiled.loop(scaled)


def test_processes_that_compile_at_the_same_time_keep_their_code_apart(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both look for what is kept before either writes. Then they write in turns, the second one first to end.
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(temporary))
    inputs = {"first": np.full(2, 0.5, np.float32), "second": np.arange(4)}
    order = [("first", 1), ("second", 1), ("second", 2), ("first", 2)]
    written: list[tuple[str, int]] = []
    both_ready, turn = threading.Barrier(2, timeout=60.0), threading.Condition()
    opened = caching.IndexDataCacheFile._open_for_write

    @contextlib.contextmanager
    def in_turn(file: Any, path: str) -> Iterator[Any]:
        name = threading.current_thread().name
        mine = name, sum(owner == name for owner, _ in written) + 1
        if mine[1] == 1:
            both_ready.wait()
        with turn:
            assert turn.wait_for(lambda: written == order[: order.index(mine)], timeout=60.0)
            with opened(file, path) as stream:
                yield stream
            written.append(mine)
            turn.notify_all()

    savers = {name: a_loop() for name in inputs}
    waiting: dict[str, Callable[[], None]] = {}
    save = caching.Cache.save_overload
    with monkeypatch.context() as patched:
        # Compiled one after the other, since numba compiles under a lock.
        patched.setattr(
            caching.Cache,
            "save_overload",
            lambda cache, sig, data: waiting.update({name: lambda: save(cache, sig, data)}),
        )
        for name, saver in savers.items():
            saver(inputs[name])
    with monkeypatch.context() as patched:
        patched.setattr(caching.IndexDataCacheFile, "_open_for_write", in_turn)
        threads = [threading.Thread(target=action, name=name) for name, action in waiting.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert written[:2] == order[:2]
    for x in inputs.values():
        reader = a_loop()
        assert reader(x) == x.sum()
        assert sum(reader.stats.cache_hits.values()) == 1


def test_the_same_signature_of_other_code_is_compiled(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(temporary))
    assert a_loop_of(2.0)(np.ones(1)) == 2.0
    other = a_loop_of(3.0)
    assert other(np.ones(1)) == 3.0
    assert not other.stats.cache_hits
    again = a_loop_of(3.0)
    assert again(np.ones(1)) == 3.0
    assert sum(again.stats.cache_hits.values()) == 1
    again._cache.flush()
    assert not kept(temporary)


def test_code_from_another_file_of_the_same_part_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_cache, "__file__", str(tmp_path / "compiled_cache.py"))
    folder = tmp_path / "simulator" / "loops"
    folder.mkdir(parents=True)
    one, other = folder / "one.py", tmp_path / "simulator" / "other.py"
    stamps = []
    for path, text in ((one, "a"), (other, "b"), (other, "bc"), (tmp_path / "far.py", "d")):
        path.write_text(text)
        compiled_cache._stamp_of_folder.cache_clear()
        stamps.append(compiled_cache._stamp_of_part(one))
    compiled_cache._stamp_of_folder.cache_clear()
    assert len({*stamps[:3]}) == 3
    assert stamps[3] == stamps[2]
    assert compiled_cache._stamp_of_part(tmp_path / "far.py") == ""
    assert compiled_cache._stamp_of_part(tmp_path.parent / "a.py") == ""
