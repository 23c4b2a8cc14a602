from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path

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
    return sorted(path for path in folder.rglob("*") if path.suffix in (".nbi", ".nbc"))


@pytest.mark.usefixtures("read_only")
def test_loops_are_kept_in_a_private_temporary_folder(
    temporary: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = numba.config.CACHE_DIR
    assert a_loop()(np.ones(3)) == 3.0
    folder = temporary / f"morphsim-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(kept(folder)) == 2
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
    assert len(kept(temporary / "mine")) == 2
    assert not caplog.records


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x05."])
def test_a_damaged_cache_is_compiled_anew(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, content: bytes
) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(temporary))
    a_loop()(np.ones(3))
    (path,) = (each for each in kept(temporary) if each.suffix == suffix)
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
