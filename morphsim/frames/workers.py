"""Films side by side in processes of their own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event
from pathlib import Path

import torch

from morphsim.errors import InputError
from morphsim.frames.films import make_film
from morphsim.frames.plan import Plan


def make_films(
    plan: Plan, films: Sequence[int], folder: Path, *, workers: int, made: Callable[[int], None]
) -> None:
    """Make some films of a plan, in this process with one worker, else in others.

    Args:
        plan: of the data set.
        films: numbers of the films to make.
        folder: where they are kept.
        workers: how many processes.
        made: called in this process with the number of each film that is done.

    Raises:
        InputError: a worker was killed by the system.
    """
    workers = min(workers, len(films))
    if workers <= 1:
        with _one_thread():
            for film in films:
                make_film(plan, film, folder)
                made(film)
        return
    # Not fork: a copy of a process that has run torch threads may hang.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start_worker, initargs=(plan, folder, stop)
    ) as pool:
        try:
            with _interrupts_ignored():
                futures = {pool.submit(_make_in_worker, film): film for film in films}
            for future in as_completed(futures):
                future.result()
                made(futures[future])
        except BrokenProcessPool as error:
            raise InputError(
                "a worker process was killed, perhaps for memory; run again with fewer --workers to go on"
            ) from error
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """As in a worker: sums over several threads may differ in their last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """While processes start: they inherit it, and Ctrl-C finds none whose initializer has not run."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_plan: Plan
_folder: Path
_stop: Event


def _start_worker(plan: Plan, folder: Path, stop: Event) -> None:
    global _plan, _folder, _stop
    _plan, _folder, _stop = plan, folder, stop
    torch.set_num_threads(1)
    # Ctrl-C reaches the whole group of processes: the parent alone decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _make_in_worker(film: int) -> None:
    make_film(_plan, film, _folder, stopped=_stop.is_set)
