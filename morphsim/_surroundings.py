"""What a command finds around it: signals, encodings of its output, a home that can't be written to."""

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
# Python keeps the byte 0x80 + n of a name that is no text as the character U+DC80 + n.
_BYTES, _FIRST_SURROGATE = "morphsim-bytes", 0xDC00


def write_any_character() -> None:
    """Escape what the encodings of stdout and stderr lack, as bytes in names that are no text.

    Where the locale asks for it (`surrogateescape`), such bytes are written as they are.
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
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that nothing is left half-written.

    Yields:
        The numbers of the signals that came; later ones are ignored, since cleaning up is under way.
    """
    received: list[int] = []
    # Processes that train together wait for each other outside of Python, where no handler would run.
    if threading.current_thread() is not threading.main_thread() or "WORLD_SIZE" in os.environ:
        yield received
        return

    def interrupt(number: int, _: FrameType | None) -> None:
        for each in handled:
            signal.signal(each, signal.SIG_IGN)
        received.append(number)
        raise KeyboardInterrupt("terminated")

    known = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
    # What a caller handles, or ignores as nohup does, stays as it is.
    handled = [number for number in known if signal.getsignal(number) == signal.SIG_DFL]
    for number in handled:
        signal.signal(number, interrupt)
    try:
        yield received
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def use_writable_caches() -> None:
    """Name folders in which matplotlib and Triton can keep things, where the home can't be written to."""
    home = os.path.expanduser("~")  # noqa: PTH111 - it raises nothing where there is no home
    if os.path.isdir(home) and os.access(home, os.W_OK):  # noqa: PTH112
        return
    folder = user_cache()
    if folder is None:
        return
    os.environ.setdefault("MPLCONFIGDIR", str(folder / "matplotlib"))
    os.environ.setdefault("TRITON_CACHE_DIR", str(folder / "triton"))
