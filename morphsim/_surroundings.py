"""Process environment of a command: signals, output encodings, read-only home folders."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType

from morphsim.caches import user_cache

_ENDING = ("SIGTERM", "SIGHUP")
# Python represents the byte 0x80 + n of an undecodable name by the character U+DC80 + n.
_BYTES, _FIRST_SURROGATE = "morphsim-bytes", 0xDC00


def write_any_character() -> None:
    """Escape characters that stdout and stderr can't encode, such as bytes of undecodable file names.

    If the locale uses `surrogateescape`, such bytes are written unchanged.
    """
    codecs.register_error(_BYTES, _bytes_or_escapes)
    handlers = {"strict": "backslashreplace", "surrogateescape": _BYTES}
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in handlers:
            stream.reconfigure(errors=handlers[stream.errors])


def _bytes_or_escapes(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    written = b""
    for character in error.object[error.start : error.end]:
        byte = ord(character) - _FIRST_SURROGATE
        written += bytes([byte]) if 0x80 <= byte <= 0xFF else character.encode("ascii", "backslashreplace")
    return written, error.end


@contextlib.contextmanager
def signals_interrupt() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that no file is left half-written.

    Yields:
        The numbers of received signals; later signals are ignored during clean-up.
    """
    received: list[int] = []
    # Processes of a distributed training wait for each other outside of Python, where no handler runs.
    if threading.current_thread() is not threading.main_thread() or "WORLD_SIZE" in os.environ:
        yield received
        return

    def interrupt(number: int, _: FrameType | None) -> None:
        for each in handled:
            signal.signal(each, signal.SIG_IGN)
        received.append(number)
        raise KeyboardInterrupt("terminated")

    known = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
    # Signals that a caller handles, or ignores as nohup does, are left alone.
    handled = [number for number in known if signal.getsignal(number) == signal.SIG_DFL]
    for number in handled:
        signal.signal(number, interrupt)
    try:
        yield received
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def use_writable_caches() -> None:
    """Set cache folders for matplotlib and Triton if the home folder is not writable."""
    home = os.path.expanduser("~")  # noqa: PTH111 - it raises nothing if there is no home
    if os.path.isdir(home) and os.access(home, os.W_OK):  # noqa: PTH112
        return
    folder = user_cache()
    if folder is None:
        return
    os.environ.setdefault("MPLCONFIGDIR", str(folder / "matplotlib"))
    os.environ.setdefault("TRITON_CACHE_DIR", str(folder / "triton"))
