"""A cache of machine code on disk that warns where it can't be used, but never fails."""

from __future__ import annotations

import functools
import glob
import hashlib
import logging
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import config
from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache

from morphsim.caches import user_cache

_log = logging.getLogger(__name__)


class _KeyedFiles(IndexDataCacheFile):
    """Machine code in one file for each signature, which tells what it was compiled from.

    numba counts its files and keeps an index of them. Two processes that compile a function for two
    signatures at the same time both take the next number, and one is then given the machine code of the
    other. Here no file depends on another: its name follows from the signature, and it is of use only to a
    process that asks for the very same code. Files are replaced as a whole.
    """

    _source_stamp: Any
    _version: str

    def __init__(self, cache_path: str, filename_base: str, source_stamp: Any) -> None:
        super().__init__(cache_path, filename_base, source_stamp)  # type: ignore[no-untyped-call]
        self._folder, self._base = cache_path, filename_base

    def save(self, key: Any, data: Any) -> None:
        """Keep the machine code of a function for a signature."""
        origin = self._version, self._source_stamp, key
        self._save_data(self._name_of(key), (origin, data))  # type: ignore[no-untyped-call]

    def load(self, key: Any) -> Any:
        """The machine code that was kept, or None."""
        try:
            origin, data = self._load_data(self._name_of(key))  # type: ignore[no-untyped-call]
        except FileNotFoundError:
            return None
        return data if origin == (self._version, self._source_stamp, key) else None

    def flush(self) -> None:
        """Forget all machine code of the function."""
        for path in Path(self._folder).glob(f"{glob.escape(self._base)}.*.nbc"):
            path.unlink(missing_ok=True)

    def _name_of(self, key: Any) -> str:
        # Without the hash of the function's code, or each change of it would leave a file behind.
        signature, machine, _ = key
        digest = hashlib.sha256(repr((signature, machine)).encode()).hexdigest()
        return f"{self._base}.{digest[:16]}.nbc"


class _LenientCache(FunctionCache):
    """A cache that behaves as empty where it can't be read, and drops what it can't write."""

    temporary = False

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        impl: Any = self._impl
        stamp = impl.locator.get_source_stamp(), _stamp_of_part(Path(function.__code__.co_filename))
        self._cache_file = _KeyedFiles(self.cache_path, impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception as error:
            # A damaged file makes pickle and LLVM raise nearly any exception; it is written again.
            _log.info("%s is damaged (%s) and is compiled again", self.cache_path, error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        if self.temporary:
            _warn_once(f"are kept in {self.cache_path}, since neither package nor home folder is writable")
        self._try(functools.partial(super().save_overload, sig, data))

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            _warn_once(f"can't be kept in {self.cache_path} ({error}), so each process compiles them again")


class _NoCache(NullCache):
    """A cache that keeps nothing, and warns at the first compilation."""

    def save_overload(self, sig: Any, cres: Any) -> None:
        _warn_once(
            "can't be kept on disk, so each process compiles them again; "
            "set NUMBA_CACHE_DIR to a writable folder"
        )


def _stamp_of_part(file: Path) -> str:
    """A digest of the files of the part of this package that a file belongs to; "" for any other file.

    Machine code also holds the functions that were compiled into it, from other files. numba only looks
    whether the function's own file has changed.
    """
    package = Path(__file__).resolve().parent
    parts = file.resolve().relative_to(package).parts if file.resolve().is_relative_to(package) else ()
    return _stamp_of_folder(package / parts[0]) if len(parts) > 1 else ""


@functools.cache
def _stamp_of_folder(folder: Path) -> str:
    entries = [(str(path), path.stat()) for path in sorted(folder.rglob("*.py"))]
    listed = [(name, entry.st_mtime_ns, entry.st_size) for name, entry in entries]
    return hashlib.sha256(repr(listed).encode()).hexdigest()


def cache_of(function: Callable[..., Any]) -> Any:
    """A cache for a function: in numba's own place or `NUMBA_CACHE_DIR`, else in `user_cache`."""
    try:
        return _LenientCache(function)
    except (RuntimeError, OSError):
        # No folder is writable.
        pass
    folder = user_cache()
    if folder is None:
        return _NoCache()
    settings: Any = config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(folder / "numba")
    try:
        cache = _LenientCache(function)
    except (RuntimeError, OSError):
        return _NoCache()
    finally:
        settings.CACHE_DIR = before
    cache.temporary = True
    return cache


def _warn_once(what: str) -> None:
    # By the first process only.
    if multiprocessing.parent_process() is None and not _warned:
        _warned.append(what)
        _log.warning("compiled loops %s", what)


_warned: list[str] = []
