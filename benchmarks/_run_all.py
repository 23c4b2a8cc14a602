"""Runs all benchmarks in full and keeps what they print in benchmarks/results.

    python benchmarks/_run_all.py [NAME ...] [--quick]

Without names all are run. A quick run prints its targets and keeps nothing: figures of full runs stay.
MORPHSIM_OLD names a folder or a Python interpreter in which version 0.1.0 is installed, for the benchmarks
that compare this version with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from _harness import INTERRUPTED, exit_status, say

from morphsim._commandline import complain, parse
from morphsim.errors import InputError
from morphsim.files import write_json

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results"


@dataclass(frozen=True)
class Run:
    """A result and the command that makes it.

    Attributes:
        name: the result is `results/NAME.json`.
        script: `benchmarks/SCRIPT.py`.
        arguments: besides --json.
        data: a file or folder that it needs in the folder of MORPHSIM_DATA; None if it needs none.
        gpu: whether a full run needs a GPU.
        old: whether it compares with version 0.1.0 where that is installed.
    """

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    data: str | None = None
    gpu: bool = False
    old: bool = False


# Of the policies, the searches cost most of the time. Third films are left out: the agent dries one of them
# at 328 K and fast evaporation to a skin thinner than a cell, which takes more than ten minutes to simulate.
_STEERING = ("--no-reach", "--films", "2", "--constants", "20", "--workers", "2")

RUNS = (
    Run("pfhub", "pfhub", ("--case", "1a")),
    Run("pfhub-1b", "pfhub", ("--case", "1b")),
    Run("wodo1d", "wodo1d"),
    Run("wodo2d", "wodo2d"),
    Run("materials", "materials"),
    Run("published_frames", "published_frames", data="opv_frames.h5"),
    Run("random_recipes", "random_recipes", ("--workers", "1", "--longest", "15")),
    Run("resolution", "resolution", ("--workers", "2")),
    Run("step_control", "step_control", old=True),
    Run("simulator", "simulator"),
    Run("datasets", "datasets"),
    Run("reward", "reward", old=True),
    Run("random_steps", "random_steps"),
    Run("metric", "metric", ("--seed", "1", "--figures", "docs/metric-evaluation")),
    Run("ruler", "ruler"),
    Run("steerability", "steerability", ("--workers", "2")),
    Run(
        "steering",
        "steering",
        (
            *("--agent", "default", "--policies", "random", "recipe", "constant", "library", "own"),
            *("--library-films", "6000", "--picture", "docs/steering/films.png", *_STEERING),
        ),
    ),
    Run(
        "steering-disturbed",
        "steering",
        (
            *("--task", "DryingDisturbed-v1", "--agent", "default"),
            *("--policies", "random", "recipe", "constant", "own", *_STEERING),
        ),
    ),
    Run("presets", "presets"),
    Run("tvae_mnist", "tvae_mnist", data="mnist"),
    Run("training", "training"),
    Run("gpu", "gpu", gpu=True),
    Run("first_system", "first_system", ("--minutes", "4")),
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Run benchmarks and keep their results."""

    names: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[NAME ...]")] = ()
    """Results to make; all without any."""
    quick: bool = False
    """Run everything small and keep nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 1 where a benchmark fails."""
    program = "benchmarks/_run_all.py"

    def work() -> int:
        options = parse(Options, sys.argv[1:] if arguments is None else arguments, program=program)
        known = [each.name for each in RUNS]
        unknown = [name for name in options.names if name not in known]
        if unknown:
            raise InputError(f"{unknown[0]!r} is not a benchmark; use {', '.join(known)}")
        chosen = [each for each in RUNS if not options.names or each.name in options.names]
        failed = [each.name for each in chosen if not carry_out(each, quick=options.quick)]
        if failed:
            complain(program, f"failed: {', '.join(failed)}")
        return 1 if failed else 0

    return exit_status(program, work)


def carry_out(wanted: Run, *, quick: bool, results: Path = RESULTS) -> bool:
    """Run one benchmark, and keep its result unless it was a quick one.

    Args:
        wanted: which.
        quick: run it small.
        results: where results are kept.

    Returns:
        False where the benchmark failed; the result of an earlier run then stays.
    """
    command = [sys.executable, str(FOLDER / f"{wanted.script}.py"), "--json", *wanted.arguments]
    if wanted.data is not None:
        folder = Path(os.environ.get("MORPHSIM_DATA", FOLDER.parents[1] / "shared" / "data"))
        if not (folder / wanted.data).exists():
            say(f"{wanted.name}: skipped, {wanted.data} is not in {folder}; set MORPHSIM_DATA to its folder")
            return True
        command.append(str(folder / wanted.data))
    if wanted.old and (old := os.environ.get("MORPHSIM_OLD")):
        command += ["--old", old]
    if wanted.gpu and not quick and not torch.cuda.is_available():
        say(f"{wanted.name}: skipped, there is no GPU")
        return True
    if quick:
        command.append("--quick")
    say(f"{wanted.name} ...")
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=FOLDER.parent)
    if done.returncode == INTERRUPTED:
        raise KeyboardInterrupt
    if done.returncode != 0:
        return False
    result = json.loads(done.stdout)
    say(f"{wanted.name}: {summary(result)}")
    keep(result, wanted.name, results)
    return True


def keep(result: Mapping[str, Any], name: str, results: Path) -> bool:
    """Write a result unless it is a quick one; tell whether it was written."""
    if result["quick"]:
        return False
    write_json(results / f"{name}.json", result)
    return True


def summary(result: Mapping[str, Any]) -> str:
    """One line: how many targets are reached, and which are missed."""
    targets = result["targets"]
    missed = [target["name"] for target in targets if not target["holds"]]
    reached = f"{len(targets) - len(missed)} of {len(targets)} targets reached in {result['seconds']:.0f} s"
    return f"{reached}; missed: {'; '.join(missed)}" if missed else reached


if __name__ == "__main__":
    sys.exit(main())
