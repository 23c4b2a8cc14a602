"""Parallel jobs in worker processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.synchronize import Event
from typing import Any, Protocol

import torch

from morphsim.errors import MachineError

Worker = Callable[[Any, Callable[[], bool]], Any]
"""Does a job. Its second argument returns whether the work was cancelled: a long job may then end early."""


class RunJobs(Protocol):
    """Runs jobs, calls `done` in this process with each finished one, and returns the results in order."""

    def __call__(self, jobs: Sequence[Any], *, done: Callable[[Any], None]) -> list[Any]:
        """Run the jobs."""
        ...


def run_jobs(
    make_worker: Callable[[], Worker],
    jobs: Sequence[Any],
    *,
    workers: int,
    done: Callable[[Any], None],
) -> list[Any]:
    """Run jobs: in this process if `workers` is 1, else in worker processes of one thread each.

    Args:
        make_worker: called once in each process to make the worker. It must be picklable.
        jobs: the jobs; they must be picklable.
        workers: number of processes.
        done: called in this process with each finished job.

    Returns:
        The results in the order of the jobs.

    Raises:
        MachineError: the system killed a worker.
    """
    with job_pool(make_worker, workers=min(workers, len(jobs))) as run:
        return run(jobs, done=done)


@contextlib.contextmanager
def job_pool(make_worker: Callable[[], Worker], *, workers: int) -> Iterator[RunJobs]:
    """Provide a function that runs jobs as `run_jobs` does, several times in the same processes.

    Args:
        make_worker: as for `run_jobs`.
        workers: number of processes.

    Raises:
        MachineError: the system killed a worker.
    """
    if workers <= 1:
        yield partial(_run_here, make_worker)
        return
    # Not fork: a fork of a process that has used torch threads may hang.
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start_worker, initargs=(make_worker, stop)
    ) as pool:
        try:
            yield partial(_run_there, pool)
        except BrokenProcessPool as error:
            raise MachineError(
                "a worker process was killed, perhaps for memory; run again with fewer --workers"
            ) from error
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _run_there(pool: ProcessPoolExecutor, jobs: Sequence[Any], *, done: Callable[[Any], None]) -> list[Any]:
    with _interrupts_ignored():
        futures = {pool.submit(_work, job): number for number, job in enumerate(jobs)}
    for future in as_completed(futures):
        future.result()
        done(jobs[futures[future]])
    return [future.result() for future in futures]


def _run_here(
    make_worker: Callable[[], Worker], jobs: Sequence[Any], *, done: Callable[[Any], None]
) -> list[Any]:
    threads = torch.get_num_threads()
    # One thread, as in a worker process: sums over several threads may differ in their last bits.
    torch.set_num_threads(1)
    try:
        worker = make_worker()
        results = []
        for job in jobs:
            results.append(worker(job, lambda: False))
            done(job)
        return results
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C while processes start; they inherit this until their initializer has run."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_worker: Worker
_stop: Event


def _start_worker(make_worker: Callable[[], Worker], stop: Event) -> None:
    global _worker, _stop
    torch.set_num_threads(1)
    # Ctrl-C reaches the whole process group; only the parent handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _stop = stop
    _worker = make_worker()


def _end_with_parent() -> None:
    """End a worker whose parent was killed; it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(job: Any) -> Any:
    return _worker(job, _stop.is_set)
