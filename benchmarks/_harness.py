"""What every benchmark shares: its options, the machine it ran on, its targets, and how it prints them.

A benchmark is a dataclass of options and a function that measures:

    @dataclass(frozen=True, kw_only=True)
    class Options(BenchmarkOptions): ...

    def measure(options: Options) -> Outcome: ...

    if __name__ == "__main__":
        sys.exit(run("name", Options, measure))
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import torch

from morphsim._commandline import complain, parse
from morphsim._version import __version__
from morphsim.device import set_threads
from morphsim.errors import InputError
from morphsim.text_table import text_table

BAD_INPUT = 2
INTERRUPTED = 130
# Besides what morphsim needs, what a benchmark may compare it with.
LIBRARIES = ("torch", "numpy", "scipy", "h5py", "gymnasium", "stable-baselines3", "py-pde", "numba", "jax")

Sense = Literal[">=", "<="]


@dataclass(frozen=True, kw_only=True)
class BenchmarkOptions:
    """The options of every benchmark."""

    quick: bool = False
    """Measure something smaller in less than a minute; its figures are no results."""
    json: bool = False
    """Print one JSON object on stdout."""


@dataclass(frozen=True)
class Target:
    """What a benchmark has to reach.

    Attributes:
        name: what is measured, with its unit in brackets.
        value: what was reached; None or NaN where it could not be measured.
        sense: whether the value has to lie above or below.
        target: the bound.
    """

    name: str
    value: float | None
    sense: Sense
    target: float

    @property
    def holds(self) -> bool:
        """Whether the target is reached; what could not be measured is missed."""
        if self.value is None or not math.isfinite(self.value):
            return False
        return self.value >= self.target if self.sense == ">=" else self.value <= self.target

    def to_dict(self) -> dict[str, Any]:
        """As the JSON has it."""
        return {
            "name": self.name,
            "value": self.value,
            "sense": self.sense,
            "target": self.target,
            "holds": self.holds,
        }


@dataclass(frozen=True)
class Outcome:
    """What a benchmark measured.

    Attributes:
        results: everything that was measured, by name: numbers, texts, None, and lists and dicts of these.
        targets: what had to be reached.
        table: the results to be read by people, with `table`.
        headline: entries that stand at the top level of the JSON, beside `results`.
    """

    results: Mapping[str, Any]
    targets: Sequence[Target] = ()
    table: str = ""
    headline: Mapping[str, Any] = field(default_factory=dict)


Options = TypeVar("Options", bound=BenchmarkOptions)


def run(
    name: str,
    kind: type[Options],
    measure: Callable[[Options], Outcome],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run a benchmark as a command and print what it measured on stdout, all else on stderr.

    Args:
        name: of the benchmark, `benchmarks/NAME.py`.
        kind: the dataclass of its options.
        measure: measures. What it prints goes to stderr.
        arguments: the command line; None for that of the process.

    Returns:
        The exit status: 0 whether targets are reached or missed, 2 for bad input.
    """
    program = f"benchmarks/{name}.py"

    def work() -> int:
        options = parse(kind, sys.argv[1:] if arguments is None else arguments, program=program)
        # One thread, so that figures of different machines and peers can be compared.
        set_threads(1)
        started = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):
            outcome = measure(options)
        seconds = time.perf_counter() - started
        if options.json:
            print(json.dumps(report(name, options, outcome, seconds), indent=2, allow_nan=False))
        else:
            print("\n\n".join(part for part in (outcome.table, targets_table(outcome.targets)) if part))
        return 0

    return exit_status(program, work)


def exit_status(program: str, work: Callable[[], int]) -> int:
    """Do the work of a script and return its exit status; bad input and Ctrl-C give one line on stderr."""
    try:
        return work()
    except SystemExit as end:
        return int(end.code or 0)
    except InputError as error:
        complain(program, error)
        return BAD_INPUT
    except KeyboardInterrupt:
        complain(program, "interrupted")
        return INTERRUPTED


def report(name: str, options: BenchmarkOptions, outcome: Outcome, seconds: float) -> dict[str, Any]:
    """Build the JSON object of a run; NaN and infinity become None."""
    common = {
        "benchmark": name,
        "version": __version__,
        "quick": options.quick,
        "machine": machine(),
        "seconds": round(seconds, 3),
    }
    own = {
        "results": dict(outcome.results),
        "targets": [target.to_dict() for target in outcome.targets],
    }
    taken = sorted(outcome.headline.keys() & (common.keys() | own.keys()))
    if taken:
        raise ValueError(f"headline entries {taken} are names that every report has; rename them")
    result: dict[str, Any] = plain({**common, **outcome.headline, **own})
    return result


def plain(value: Any) -> Any:
    """Turn arrays, tensors, tuples and mappings into what JSON knows; NaN and infinity become None."""
    if isinstance(value, torch.Tensor):
        return plain(value.detach().cpu().numpy())
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def machine() -> dict[str, Any]:
    """What the figures depend on, without anything that identifies the computer."""
    return {
        "processor": _processor(),
        "cores": _cores(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "libraries": {name: found for name in LIBRARIES if (found := library_version(name))},
    }


def library_version(name: str) -> str | None:
    """Version of an installed package; None without it."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def medians(tasks: Mapping[str, Callable[[], float | None]], *, runs: int) -> dict[str, float]:
    """Median seconds of each task over `runs` runs taken in turn, so that a busy spell hits all alike.

    Args:
        tasks: by name. A task that returns seconds has timed itself; of the others the whole call counts.
        runs: how often each runs.
    """
    if runs < 1:
        raise ValueError(f"runs is {runs}; it must be at least 1")
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(runs):
        for name, task in tasks.items():
            started = time.perf_counter()
            own = task()
            seconds[name].append(time.perf_counter() - started if own is None else own)
    return {name: statistics.median(values) for name, values in seconds.items()}


def say(text: str) -> None:
    """Tell on stderr how a benchmark gets on."""
    print(text, file=sys.stderr, flush=True)


def number(value: object, digits: int = 4) -> str:
    """A figure for a table: `digits` significant digits, or - where there is none."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:.{digits}g}"
    return str(value)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out columns under a header, the first flush left, the others flush right."""
    return text_table(header, [[number(cell) for cell in row] for row in rows])


def targets_table(targets: Sequence[Target]) -> str:
    """The targets with what was reached; empty without targets."""
    if not targets:
        return ""
    rows = [
        (t.name, t.value, f"{t.sense} {number(t.target)}", "reached" if t.holds else "missed")
        for t in targets
    ]
    return table(("target", "value", "bound", ""), rows)


def _cores() -> int:
    # A container or a scheduler may lend fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    description = Path("/proc/cpuinfo")
    if description.is_file():
        for line in description.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine() or "unknown"
