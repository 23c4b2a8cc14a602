"""Data sets of many films over a grid of recipes, made in parallel and resumed after an interruption."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from morphsim.checks import whole_number
from morphsim.device import DeviceName, most_parallel, resolve_device
from morphsim.errors import InputError
from morphsim.frames.parts import Parts
from morphsim.frames.plan import DatasetPlan, make_plan
from morphsim.frames.presets import PRESETS, PresetName
from morphsim.frames.store import merge_frames, read_notes
from morphsim.frames.workers import make_films
from morphsim.progress import progress
from morphsim.simulator.processes import ProcessName
from morphsim.suggest import did_you_mean

_FRAMES, _SEED = 50, 0


@dataclass(frozen=True, kw_only=True)
class DatasetConfig:
    """Which films to make, and how."""

    out: Path
    """The HDF5 file to write; films are kept in the folder OUT.parts until all are complete."""
    preset: PresetName | None = None
    """Data set by name, see `morphsim.frames.presets`; all other options override it."""
    recipes: Path | None = None
    """TOML file: process, parameters, replicas, and a table [grid] with a list for each varied parameter."""
    process: ProcessName | None = None
    """How the films are made; required unless the recipe file or the preset names it."""
    set: tuple[str, ...] = ()
    """NAME=VALUE: parameters shared by all films."""
    grid: tuple[str, ...] = ()
    """NAME=VALUE,VALUE,...: parameters to vary; every combination is made."""
    replicas: int | None = None
    """Films of each recipe, with different noise (default: that of the recipe file or the preset, or 1)."""
    frames: int | None = None
    """Snapshots of each film (default: that of the preset, or 50)."""
    shape: tuple[int, int] = (100, 400)
    """Height and width of the frames."""
    cells: tuple[int, int] | None = None
    """Height and width of the solver's grid (default: that of the process for this shape)."""
    seed: int | None = None
    """Seed of all noise; each film derives its own from it (default: that of the preset, or 0)."""
    threshold: float = 0.5
    """Smallest donor share of a donor pixel."""
    workers: int = 1
    """Processes that make films in parallel; the result does not depend on it."""
    dtype: Literal["float32", "float64"] = "float32"
    """Precision of the simulation."""
    device: DeviceName = "cpu"
    """Where to simulate."""
    overwrite: bool = False
    """Replace an existing file."""

    def plan(self) -> DatasetPlan:
        """The films that the data set will consist of.

        Raises:
            InputError: an invalid configuration.
        """
        if self.preset is not None and self.preset not in PRESETS:
            raise InputError(f"preset is {self.preset!r}; {did_you_mean(self.preset, PRESETS)}")
        preset = PRESETS[self.preset] if self.preset is not None else None
        frames, seed = (preset.frames, preset.seed) if preset is not None else (_FRAMES, _SEED)
        return make_plan(
            process=self.process,
            file=self.recipes,
            settings=self.set,
            grid=self.grid,
            replicas=self.replicas,
            preset=preset,
            frames=frames if self.frames is None else self.frames,
            shape=list(self.shape),
            cells=None if self.cells is None else list(self.cells),
            seed=seed if self.seed is None else self.seed,
            threshold=self.threshold,
            dtype=self.dtype,
            device=resolve_device(self.device).type,
        )


def make_dataset(config: DatasetConfig, *, show_progress: bool = True) -> Path:
    """Make all films of a data set, or resume where an earlier run was stopped or killed.

    Film k depends only on the configuration and k, so the file is the same to the byte for any number of
    workers and interruptions. Films that diverge or do not dry in time are left out and listed by
    `failed_films`. With several workers, a script must guard its entry point with
    `if __name__ == "__main__":`, since each worker imports it.

    Args:
        config: what to make.
        show_progress: show a progress bar and messages on stderr.

    Returns:
        The file.

    Raises:
        InputError: an invalid configuration, an output or unfinished films of another configuration, or films
            that all fail, or a film with less than a cell across its interfaces.
        KeyboardInterrupt: on Ctrl-C, with a message on what is complete.
    """
    plan = config.plan()
    whole_number("workers", config.workers, 1, most_parallel())
    parts = Parts(config.out, plan)
    if config.out.exists() and not config.overwrite:
        _check_finished(config.out, plan)
        if parts.folder.is_dir():
            with parts.claimed():
                parts.remove()
        _say(f"{config.out} is complete already: {plan.films} films", show_progress)
        return config.out
    plan.check_resolution()
    with parts.claimed():
        missing = parts.missing()
        done = plan.films - len(missing)
        try:
            with progress("films", plan.films, unit="films", done=done, show=show_progress) as advance:
                make_films(plan, missing, parts.folder, workers=config.workers, made=lambda _: advance())
        except KeyboardInterrupt:
            count = plan.films - len(parts.missing())
            raise KeyboardInterrupt(
                f"stopped with {count} of {plan.films} films made; run the same command to resume"
            ) from None
        _finish(parts, show_progress)
    return config.out


def failed_films(path: str | Path) -> list[dict[str, object]]:
    """The films missing from a generated file because their simulation failed.

    Returns:
        For each film its number `film`, its `recipe` and the `reason`.

    Raises:
        InputError: the file is missing or truncated.
    """
    try:
        records = json.loads(read_notes(path).get("failed", "[]"))
    except (ValueError, RecursionError):
        records = None
    if not isinstance(records, list):
        raise InputError(f"{path}: its note on failed films is not one that morphsim wrote; make it again")
    return records


def _finish(parts: Parts, show_progress: bool) -> None:
    made, failures = parts.made(), parts.failures()
    if not made:
        parts.remove()
        raise InputError(f"not one of {len(failures)} films can be made: {failures[0]['reason']}")
    notes = {"plan": parts.plan.to_json()}
    if failures:
        notes["failed"] = json.dumps(failures)
    merge_frames(parts.out, made, notes=notes)
    parts.remove()
    for failure in failures:
        _say(f"film {failure['film']} is left out: {failure['reason']}", show_progress)


def _check_finished(out: Path, plan: DatasetPlan) -> None:
    stored = read_notes(out).get("plan")
    if stored is None:
        raise InputError(
            f"{out} exists and was not made by this command; name another --out or add --overwrite"
        )
    if differences := plan.differences(stored):
        raise InputError(
            f"{out} exists and was made by another plan ({'; '.join(differences)}); "
            "name another --out or add --overwrite"
        )


def _say(text: str, show: bool) -> None:
    if show:
        print(text, file=sys.stderr, flush=True)  # noqa: T201
