"""What the data sets that are made by name cost: seconds and disk.

    python benchmarks/datasets.py [--presets annealing-57 drying] [--workers 2] [--json] [--quick]

Each preset of `morphsim dataset` is made from nothing into a temporary folder, frames of 100 x 400, with
two processes side by side. Seconds are those of the whole command but for the start of Python. Films that
can't be made are counted as failed. The patterned share is that of frames in which both phases have at least
2 % of the pixels. With --quick two small films of each preset are made.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _harness import BenchmarkOptions, Outcome, Target, run, say, table

from morphsim.frames import PRESETS, DatasetConfig, failed_films, make_dataset, read_frames
from morphsim.frames.presets import PresetName

SHAPE, QUICK_SHAPE = (100, 400), (16, 64)
MINUTES_BOUND = 40.0
# Of its pixels, in the rarer phase.
PATTERNED = 0.02


@dataclass(frozen=True, kw_only=True)
class Options(BenchmarkOptions):
    """Measure what the data sets cost."""

    presets: tuple[PresetName, ...] = tuple(PRESETS)
    """Which to make."""
    workers: int = 2
    """Processes that make films side by side."""


def measure(options: Options) -> Outcome:
    """Make each data set once."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            _cost(name, Path(folder) / f"{name}.h5", workers=options.workers, quick=options.quick)
            for name in options.presets
        ]
    columns = ("preset", "films", "frames", "seconds", "megabytes", "patterned_share", "failed")
    return Outcome(
        results={"shape": QUICK_SHAPE if options.quick else SHAPE, "workers": options.workers, "sets": rows},
        targets=[
            Target("annealing-57 [min]", row["seconds"] / 60.0, "<=", MINUTES_BOUND)
            for row in rows
            if row["preset"] == "annealing-57" and not options.quick
        ],
        table=table(columns, [[row[column] for column in columns] for row in rows]),
    )


def _cost(name: PresetName, out: Path, *, workers: int, quick: bool) -> dict[str, Any]:
    config = (
        _quick_config(name, out, workers) if quick else DatasetConfig(out=out, preset=name, workers=workers)
    )
    say(f"{name}: {config.plan().films} films")
    started = time.perf_counter()
    make_dataset(config, show_progress=False)
    seconds = time.perf_counter() - started
    megabytes = out.stat().st_size / 1e6
    say(f"{name}: {seconds:.0f} s, {megabytes:.1f} MB")
    frame_set = read_frames(out)
    donor = frame_set.frames.mean(axis=(1, 2))
    failed = failed_films(out)
    out.unlink()
    return {
        "preset": name,
        "films": frame_set.trajectories,
        "frames": len(frame_set),
        "seconds": seconds,
        "megabytes": megabytes,
        "patterned_share": float(((donor >= PATTERNED) & (donor <= 1.0 - PATTERNED)).mean()),
        "failed": len(failed),
    }


def _quick_config(name: PresetName, out: Path, workers: int) -> DatasetConfig:
    """The first and the last value of the first parameter, and the first of every other."""
    (first, values), *others = PRESETS[name].grid.items()
    return DatasetConfig(
        out=out,
        preset=name,
        grid=(f"{first}={values[0]},{values[-1]}",),
        set=tuple(f"{parameter}={rest[0]}" for parameter, rest in others),
        replicas=1,
        frames=3,
        shape=QUICK_SHAPE,
        workers=workers,
    )


if __name__ == "__main__":
    sys.exit(run("datasets", Options, measure))
