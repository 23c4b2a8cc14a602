"""Progress with a rate and the time left: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Protocol

_SECONDS_BETWEEN_LINES = 15.0


class Advance(Protocol):
    """Tells the display that `steps` more units are done; `note` replaces the text at its end."""

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
        total: how many units there are in all.
        unit: what is counted, for the rate.
        done: units that an earlier run had finished already; they do not count in the rate.
        show: False for library use without any output.
    """
    if not show:
        yield _no_display
    elif sys.stderr.isatty():
        with _bar(label, total, unit, done) as advance:
            yield advance
    else:
        with _lines(label, total, unit, done) as advance:
            yield advance


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
        started, finished = time.monotonic(), 0.0

        def advance(steps: float = 1, *, note: str = "") -> None:
            nonlocal finished
            finished += steps
            rate = f"{finished / max(time.monotonic() - started, 1e-9):.3g} {unit}/s"
            bar.update(task, advance=steps, rate=rate, note=note)

        yield advance


@contextlib.contextmanager
def _lines(label: str, total: float, unit: str, done: int) -> Iterator[Advance]:
    started = last = time.monotonic()
    finished = 0.0
    shown = -1.0

    def line(note: str) -> None:
        nonlocal shown
        shown = finished
        elapsed = max(time.monotonic() - started, 1e-9)
        rate = finished / elapsed
        left = f"{(total - done - finished) / rate:.0f} s left" if rate > 0 else "time left unknown"
        text = f"{label}: {done + finished:.6g}/{total:.6g} {unit}, {rate:.3g} {unit}/s, {left}"
        sys.stderr.write(f"{text}  {note}".rstrip() + "\n")
        sys.stderr.flush()

    note_at_end = ""

    def advance(steps: float = 1, *, note: str = "") -> None:
        nonlocal finished, last, note_at_end
        finished += steps
        note_at_end = note
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            line(note)

    yield advance
    if shown != finished:
        line(note_at_end)
