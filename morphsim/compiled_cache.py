"""Machine code of compiled loops on disk, wherever it can be kept, and never a reason to fail."""

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
    """A cache that is empty where it can't be read, and full where it can't be written to."""

    temporary = False

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception as error:
            # A damaged file makes pickle and LLVM raise nearly anything; it is written anew.
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
            _tell(f"can't be kept in {self.cache_path} ({error}), and each process compiles them anew")


class _NoCache(NullCache):
    """A cache that keeps nothing, and says so once something is compiled."""

    def save_overload(self, sig: Any, cres: Any) -> None:
        _tell(
            "can't be kept on disk, and each process compiles them anew; "
            "set NUMBA_CACHE_DIR to a folder that can be written to"
        )


def cache_of(function: Callable[..., Any]) -> Any:
    """A cache for a function: where numba keeps it (or `NUMBA_CACHE_DIR` says), else in `user_cache`."""
    try:
        return _LenientCache(function)  # type: ignore[no-untyped-call]
    except (RuntimeError, OSError):
        # No place can be written to.
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
    # Once, and by the first process alone.
    if multiprocessing.parent_process() is None and not _told:
        _told.append(what)
        _log.warning("compiled loops %s", what)


_told: list[str] = []
