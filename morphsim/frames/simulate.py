"""Simulation of one film into a folder: frames, a movie, a strip of pictures and the full recipe."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from morphsim.device import DeviceName
from morphsim.errors import InputError
from morphsim.files import write_text
from morphsim.frames.film import Film
from morphsim.frames.film_file import FILM, STEPS, Recording, recipe_text, recording_of
from morphsim.frames.film_output import (
    FRAMES,
    RECIPE,
    SCHEDULE,
    check_writers,
    draw_film,
    remove_earlier,
    write_exports,
)
from morphsim.frames.pictures import Show, check_shown, film_pictures, held_settings
from morphsim.frames.plan import read_film_file, stated_process
from morphsim.frames.read_start import read_start
from morphsim.frames.snapshots import film_frames
from morphsim.frames.store import write_frames
from morphsim.locks import claimed_folder
from morphsim.progress import progress
from morphsim.simulator import Recipe, Snapshot, Units, find_process
from morphsim.simulator.materials import material
from morphsim.simulator.processes import ProcessName
from morphsim.simulator.recipe import without_units
from morphsim.simulator.resolve import changed_parameters, resolve_recipe
from morphsim.simulator.schedules import Schedule, Steps, read_schedule
from morphsim.simulator.schedules.read import split_schedule
from morphsim.simulator.schedules.steps import steps_from_dict


@dataclass(frozen=True, kw_only=True)
class FilmConfig:
    """One film and its output files."""

    recipe: Path | None = None
    """TOML file: process, any of its parameters, schedules of knobs, and a table [film] of options below."""
    process: ProcessName | None = None
    """How the film is made; required unless the recipe file or the material names it."""
    start: str | None = None
    """Initial state: FILE or FILE:ROW of frames, the fields of an xdmf export, or the TOML file of a recipe
    that is simulated first (default: freshly mixed)."""
    material: str | None = None
    """Blend by name, instead of a recipe file: its parameters and units, which other options override."""
    set: tuple[str, ...] = ()
    """NAME=VALUE: parameters of the recipe; values may have units, as `temperature="80 °C"`."""
    schedule: Path | None = None
    """TOML or CSV file with schedules of knobs (default: those of the recipe file)."""
    out: Path = Path("runs/simulate")
    """Folder for the results; files of an earlier film in it are replaced."""
    frames: int | None = None
    """Snapshots of the film, the last at its end (default: that of the recipe file, or 50)."""
    shape: tuple[int, int] | None = None
    """Height and width of the frames (default: that of the recipe file, or 100 400)."""
    cells: tuple[int, int] | None = None
    """Height and width of the solver's grid (default: that of the recipe file, or of the process for this
    shape)."""
    seed: int | None = None
    """Seed of the noise (default: that of the recipe file, or 0)."""
    threshold: float | None = None
    """Smallest donor share of a donor pixel (default: that of the recipe file, or 0.5)."""
    animation: Literal["gif", "mp4", "none"] = "gif"
    """Format of the movie; mp4 needs the extra `movie`."""
    show: Show = "share"
    """What strip and movie show: the donor share of the solids, a volume fraction, or the binary frames."""
    export: tuple[Literal["vtk", "xdmf", "netcdf"], ...] = ()
    """Formats in which to export the volume fractions: vtk, xdmf (for ParaView), netcdf (needs the extra
    `xarray`)."""
    length_nm: float | None = None
    """Length h0 [nm] (default: that of the material or the start; else 500 when drying and 100 otherwise)."""
    diffusivity: float | None = None
    """Diffusivity D [m^2/s] (default: that of the material or the start; else 1e-17 when annealing without
    vapour and 1e-10 otherwise)."""
    dtype: Literal["float32", "float64"] | None = None
    """Precision of the simulation (default: that of the recipe file, or float32)."""
    tolerance: float | None = None
    """Largest error of a volume fraction over a step (default: that of the recipe file, or the solver's)."""
    device: DeviceName = "cpu"
    """Where to simulate."""

    def film_recipe(self) -> Recipe:
        """The recipe given by the file or the material and the options, with the first values of schedules.

        Raises:
            InputError: an invalid configuration.
        """
        return self.film().recipe

    def film_units(self) -> Units:
        """The scales of the film that the file or the material and the options describe.

        Raises:
            InputError: an invalid configuration.
        """
        return self.film().units

    def film(self) -> Film:
        """The film that the options and the files describe.

        Raises:
            InputError: an invalid configuration.
        """
        values = {} if self.recipe is None else self._file_values(self.recipe)
        try:
            recording = recording_of(values.pop(FILM, {}), self.recording_options())
            steps = values.pop(STEPS, None)
            stated_by = values.get("process") if self.material is None else material(self.material).process
            process = stated_process(self.process or stated_by)
            start = read_start(recording.start, process)
            units = self.units(process, before=None if start is None else start.units, recording=recording)
            kind = find_process(process).recipe
            changes = changed_parameters(kind, self.set, units=units)
            schedule = self._schedule(values, steps, changes, process, units)
            numbers = {name: value for name, value in values.items() if not isinstance(value, Mapping)}
            stated = without_units(kind, numbers, units=units) | changes
            if start is None:
                source = {**stated, "process": process} if self.material is None else None
                recipe = resolve_recipe(
                    source, process=process, material_name=self.material, changes=changes, units=units
                )
            else:
                stated.pop("process", None)
                recipe = start.recipe(stated, self.material)
            if isinstance(schedule, Schedule):
                recipe = schedule.started(recipe)
            film = Film(recipe=recipe, start=start, schedule=schedule, recording=recording, units=units)
            if start is not None:
                start.check_shape(recording.shape, film.cells)
            return film
        except InputError as error:
            raise InputError(f"{self.recipe}: {error}" if self.recipe else str(error)) from error

    def recording_options(self) -> dict[str, Any]:
        """The options that belong to `Recording`; None where they are not given."""
        return {entry.name: getattr(self, entry.name, None) for entry in fields(Recording)}

    def _schedule(
        self, values: Mapping[str, Any], steps: object, changes: Mapping[str, Any], process: str, units: Units
    ) -> Schedule | Steps:
        """The steps of the recipe file, or its schedules, those of the file `schedule` and `set` on top."""
        knobs = [knob.name for knob in find_process(process).knobs]
        if steps is not None:
            if self.schedule is not None or self.frames is not None or changes.keys() & set(knobs):
                raise InputError(
                    "the recipe file has the steps of a film, which say what the knobs do and where there "
                    "are frames; leave out schedule, frames and knobs, or remove the table [steps]"
                )
            return steps_from_dict(steps, knobs)
        profiles = {**split_schedule(values, process, units=units)[1].profiles}
        if self.schedule is not None:
            profiles |= read_schedule(self.schedule, process, units=units).profiles
        return Schedule({name: profile for name, profile in profiles.items() if name not in changes})

    def _file_values(self, file: Path) -> dict[str, Any]:
        """The parameters of a recipe file that describes one film."""
        if self.material is not None:
            raise InputError(f"{file} and the material {self.material!r} are both a recipe; give one of them")
        return read_film_file(file)

    def units(
        self, process: str, *, before: Units | None = None, recording: Recording | None = None
    ) -> Units:
        """The scales that convert results to nm and s.

        Args:
            process: of the film.
            before: scales of the film that it starts from.
            recording: of the recipe file and the options; by default the options alone count.

        Raises:
            InputError: a scale out of range.
        """
        default = before or find_process(process).units
        if self.material is not None:
            default = material(self.material).units
        given = self if recording is None else recording
        return Units(
            length_nm=default.length_nm if given.length_nm is None else given.length_nm,
            diffusivity=default.diffusivity if given.diffusivity is None else given.diffusivity,
        )


@dataclass(frozen=True, kw_only=True)
class FilmReport:
    """Output of `simulate_film`, and the film's state in the last frame."""

    out: Path
    """The folder."""
    files: tuple[str, ...]
    """Names of the files written there."""
    process: str
    """How the film was made; `chain` if by several processes in turn."""
    stages: tuple[str, ...]
    """The process, or the processes in turn."""
    frames: int
    """Number of frames."""
    shape: tuple[int, int]
    """(H, W) of a frame."""
    cells: tuple[int, int]
    """(h, w) of the solver's grid."""
    time: float
    """Simulated time [time unit of the process], of a chain that of its last stage."""
    time_s: float
    """Simulated time in seconds, of a chain that of all stages [s]."""
    thickness: float
    """[h0]."""
    thickness_nm: float
    """The same in nanometres [nm]."""
    dryness: float
    """Evaporated share of the solvent that must leave, 0 to 1; 1 when annealing."""
    donor_pixels: float
    """Share of donor pixels in the last frame."""
    seconds: float
    """Wall-clock time of the simulation [s]."""
    lagging: tuple[str, ...] = ()
    """Knobs that could not follow their schedules at once, because of their limits."""

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            **asdict(self),
            "out": str(self.out),
            "files": list(self.files),
            "stages": list(self.stages),
            "shape": list(self.shape),
            "cells": list(self.cells),
            "lagging": list(self.lagging),
        }


def simulate_film(config: FilmConfig, *, show_progress: bool = True) -> FilmReport:
    """Simulate one film and write `frames.h5`, `film.gif`, `strip.png`, `recipe.toml` and `schedule.toml`.

    Movie and strip (up to eight moments) show `config.show` to scale, so that a drying film visibly shrinks,
    with surface, substrate, scale bar, colour bar, time and knobs. `config.export` adds `film.pvd` with the
    folder `film_vti`, `film.xdmf` with `film_fields.h5`, and `film.nc`, all in nm and s. `schedule.toml` is a
    recipe file from which the same film is made again, bit for bit on the same machine.

    Args:
        config: the film and its output.
        show_progress: show a progress bar on stderr.

    Returns:
        The files written, and the final state of the film.

    Raises:
        InputError: an invalid configuration, or a film that does not dry within its duration.
        MachineError: another run writes to the folder, or the disk is full.
        SimulationDiverged: no time step gives an acceptable solution.

    >>> report = simulate_film(FilmConfig(recipe=Path("film.toml")))     # doctest: +SKIP
    """
    film = config.film()
    check_shown(config.show, film.recipe.process)
    check_writers(config.animation, config.export)
    with claimed_folder(config.out):
        return _make(config, film, show_progress=show_progress)


def _make(config: FilmConfig, film: Film, *, show_progress: bool) -> FilmReport:
    started = time.perf_counter()
    recipe, units, recording, cells = film.recipe, film.units, film.recording, film.cells
    film.check_resolution()
    snapshots: list[Snapshot] = []
    made = Steps()
    with progress("simulating", film.frames, unit="frames", show=show_progress) as advance:
        for snapshot in film.snapshots(steps=made, device=config.device):
            snapshots.append(snapshot)
            advance()
    seconds = time.perf_counter() - started
    remove_earlier(config.out)
    text = film.text()
    profiles = film.schedule if isinstance(film.schedule, Schedule) else None
    frame_set = film_frames(
        recipe,
        snapshots,
        seed=recording.seed,
        threshold=recording.threshold,
        knobs=bool(film.schedule),
        schedule=profiles,
    )
    notes = {"schedule": text} | ({"start": recording.start} if recording.start else {})
    write_frames(config.out / FRAMES, frame_set, notes=notes)
    trace = made.trace()
    knobs = held_settings(trace.knobs, units, trace.time * units.time_s)
    pictures = film_pictures(snapshots, frame_set, recipe, units, show=config.show, knobs=knobs)
    files = [FRAMES, *draw_film(config.out, config.animation, pictures)]
    write_text(config.out / RECIPE, recipe_text(recipe, profiles, units=units))
    write_text(config.out / SCHEDULE, text)
    exports = tuple(write_exports(config.out, config.export, snapshots, recipe, units))
    last = snapshots[-1]
    return FilmReport(
        out=config.out,
        files=(*files, RECIPE, SCHEDULE, *exports),
        process=recipe.process,
        stages=(recipe.process,),
        frames=len(frame_set),
        shape=frame_set.shape,
        cells=cells,
        time=last.time,
        time_s=last.time * units.time_s,
        thickness=last.thickness,
        thickness_nm=last.thickness * units.length_nm,
        dryness=last.dryness,
        donor_pixels=float(frame_set.frames[-1].mean()),
        seconds=seconds,
        lagging=tuple(name for name, each in (profiles or Schedule()).profiles.items() if each.lags),
    )
