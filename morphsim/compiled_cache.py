"""A cache of machine code on disk that warns where it can't be used, but never fails."""

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
    """A cache that behaves as empty where it can't be read, and drops what it can't write."""

    temporary = False

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception as error:
            # A damaged file makes pickle and LLVM raise nearly any exception; it is written again.
            _log.info("%s is damaged (%s) and is compiled again", self.cache_path, error)
            self._try(self.flush)
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


def cache_of(function: Callable[..., Any]) -> Any:
    """A cache for a function: in numba's own place or `NUMBA_CACHE_DIR`, else in `user_cache`."""
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


def _warn_once(what: str) -> None:
    # By the first process only.
    if multiprocessing.parent_process() is None and not _warned:
        _warned.append(what)
        _log.warning("compiled loops %s", what)


_warned: list[str] = []
