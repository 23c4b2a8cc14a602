"""Progress with rate and remaining time: a bar on a terminal, otherwise a line every 15 seconds."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Protocol

_SECONDS_BETWEEN_LINES = 15.0


class Advance(Protocol):
    """Advances the display by `steps` units; `note` replaces the text at its end."""

    def __call__(self, steps: float = 1, *, note: str = "") -> None:
        """Advance the display."""


def _no_display(steps: float = 1, *, note: str = "") -> None:
    """Show nothing."""


@contextlib.contextmanager
def progress(
    label: str, total: float, *, unit: str = "it", done: int = 0, show: bool = True
) -> Iterator[Advance]:
    """Show the progress of `total` units on stderr while the block runs.

    Args:
        label: what is being done.
        total: total number of units.
        unit: name of the unit, for the rate.
        done: units finished by an earlier run; they do not count in the rate.
        show: False for no output, for use as a library.
    """
    if not show:
        yield _no_display
    elif sys.stderr.isatty():
        with _bar(label, total, unit, done) as advance:
            yield advance
    else:
        with _lines(label, total, unit, done) as advance:
            yield advance


class _Rate:
    """Measures the units done per second.

    The time until the first advance does not count: it is spent on compiling and starting, and would inflate
    the remaining time.
    """

    def __init__(self) -> None:
        self.finished = 0.0
        self._last = 0.0
        self._first: tuple[float, float] | None = None

    def advance(self, steps: float) -> None:
        """Count finished units."""
        self._last = time.monotonic()
        self.finished += steps
        if self._first is None and steps > 0:
            self._first = (self.finished, self._last)

    def per_second(self) -> float | None:
        """Units per second; None until units were finished twice."""
        if self._first is None or self.finished == self._first[0]:
            return None
        before, began = self._first
        return (self.finished - before) / max(self._last - began, 1e-9)


@contextlib.contextmanager
def _bar(label: str, total: float, unit: str, done: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total, completed=done, rate="", note="")
        rate = _Rate()

        def advance(steps: float = 1, *, note: str = "") -> None:
            rate.advance(steps)
            speed = rate.per_second()
            bar.update(task, advance=steps, rate="" if speed is None else f"{speed:.3g} {unit}/s", note=note)

        yield advance


@contextlib.contextmanager
def _lines(label: str, total: float, unit: str, done: int) -> Iterator[Advance]:
    last = time.monotonic()
    rate = _Rate()
    shown = -1.0

    def line(note: str) -> None:
        nonlocal shown
        shown, speed = rate.finished, rate.per_second()
        left = max(total - done - shown, 0.0)
        pace = "time left unknown" if speed is None else f"{speed:.3g} {unit}/s, {left / speed:.0f} s left"
        text = f"{label}: {done + shown:.6g}/{total:.6g} {unit}" + (f", {pace}" if left or speed else "")
        sys.stderr.write(f"{text}  {note}".rstrip() + "\n")
        sys.stderr.flush()

    note_at_end = ""

    def advance(steps: float = 1, *, note: str = "") -> None:
        nonlocal last, note_at_end
        rate.advance(steps)
        note_at_end = note
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            line(note)

    yield advance
    if shown != rate.finished:
        line(note_at_end)
