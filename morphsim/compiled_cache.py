"""Disk cache of compiled loops that never causes a failure."""

from __future__ import annotations

import functools
import logging
import multiprocessing
from collections.abc import Callable
from typing import Any

from numba import config
from numba.core.caching import FunctionCache, NullCache

from morphsim.caches import user_cache

_log = logging.getLogger(__name__)


class _LenientCache(FunctionCache):
    """A cache that ignores errors of reading and writing."""

    temporary = False

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception as error:
            # A damaged file can make pickle and LLVM raise almost any error; it is rewritten.
            _log.info("%s is damaged (%s) and compiled again", self.cache_path, error)
            self._try(self.flush)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        if self.temporary:
            _tell(f"are kept in {self.cache_path}, since package and home can't be written to")
        self._try(functools.partial(super().save_overload, sig, data))

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:
            _tell(f"can't be kept in {self.cache_path} ({error}), and each process compiles them again")


class _NoCache(NullCache):
    """A cache that stores nothing, and logs a warning when something is compiled."""

    def save_overload(self, sig: Any, cres: Any) -> None:
        _tell(
            "can't be kept on disk, and each process compiles them again; "
            "set NUMBA_CACHE_DIR to a folder that can be written to"
        )


def cache_of(function: Callable[..., Any]) -> Any:
    """Return a cache for a function: at numba's place (or `NUMBA_CACHE_DIR`), else in `user_cache`."""
    try:
        return _LenientCache(function)  # type: ignore[no-untyped-call]
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
        cache = _LenientCache(function)  # type: ignore[no-untyped-call]
    except (RuntimeError, OSError):
        return _NoCache()
    finally:
        settings.CACHE_DIR = before
    cache.temporary = True
    return cache


def _tell(what: str) -> None:
    # Once, and only from the main process.
    if multiprocessing.parent_process() is None and not _told:
        _told.append(what)
        _log.warning("compiled loops %s", what)


_told: list[str] = []
