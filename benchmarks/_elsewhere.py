"""Runs a script with another installation of the package, and brings back what it made.

The script imports this file too. It uses only what all versions from 0.1.0 on have.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import morphsim
from morphsim.errors import InputError


def own_place() -> Path:
    """The folder in which this process has found the package."""
    return Path(str(morphsim.__file__)).resolve().parents[1]


def program_of(place: Path) -> tuple[str, dict[str, str]]:
    """The interpreter and the environment variables with which the package of a place is found.

    Args:
        place: a Python interpreter, or the folder that holds the package, run by this interpreter.

    Raises:
        InputError: it is neither.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if place.is_dir():
        if not (place / "morphsim" / "__init__.py").is_file():
            raise InputError(
                f"{place} holds no package morphsim; give the folder into which it was installed"
            )
        return sys.executable, environment | {"PYTHONPATH": str(place.resolve())}
    if not place.is_file():
        raise InputError(f"{place} is neither a Python interpreter nor a folder with the package morphsim")
    return str(place.absolute()), environment


def ask_elsewhere(
    place: Path, script: Path, jobs: Sequence[Mapping[str, Any]]
) -> tuple[str, dict[str, NDArray[Any]]]:
    """Let a script work with the package that another interpreter or folder has, on one thread.

    Args:
        place: see `program_of`.
        script: calls `answer_jobs`.
        jobs: what it is to do, as JSON knows it.

    Returns:
        The version of the package, and the arrays of the answer.

    Raises:
        InputError: there is no such package, or the script fails with it.
    """
    program, environment = program_of(place)
    environment["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        asked, answer = Path(folder, "jobs.json"), Path(folder, "answer.npz")
        asked.write_text(json.dumps(jobs), encoding="utf-8")
        command = [program, str(script.resolve()), str(asked), str(answer)]
        # stdout belongs to the result of the benchmark.
        done = subprocess.run(command, env=environment, cwd=folder, stdout=sys.stderr, check=False)
        if done.returncode != 0 or not answer.is_file():
            raise InputError(f"{place} could not make the films; see its message above")
        with np.load(answer) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    package = Path(str(found.pop("package"))).resolve()
    if place.is_dir() and not package.is_relative_to(place.resolve()):
        raise InputError(f"{place} is not used; the package is found in {package.parent}")
    return str(found.pop("version")), found


def answer_jobs(work: Callable[[list[dict[str, Any]]], Mapping[str, Any]]) -> int:
    """The main function of a script that `ask_elsewhere` runs.

    Args:
        work: makes the arrays of the answer out of the jobs.

    Returns:
        The exit status.
    """
    torch.set_num_threads(1)
    asked, answer = sys.argv[1:]
    arrays = work(json.loads(Path(asked).read_text(encoding="utf-8")))
    if mixed := _modules_from_elsewhere():
        print(f"{', '.join(mixed)} are of another installation of the package", file=sys.stderr)
        return 1
    np.savez(answer, version=morphsim.__version__, package=str(morphsim.__file__), **arrays)
    return 0


def _modules_from_elsewhere() -> list[str]:
    """Modules of the package that don't belong to it: another installation is found behind it."""
    folder = Path(str(morphsim.__file__)).resolve().parent
    files = {
        name: getattr(module, "__file__", None)
        for name, module in sys.modules.items()
        if name.startswith("morphsim.")
    }
    return [name for name, file in files.items() if file and not Path(file).resolve().is_relative_to(folder)]
