"""Simulation of one film into a folder: frames, a movie, a strip of pictures and the full recipe."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from morphsim.device import DeviceName
from morphsim.errors import InputError
from morphsim.files import write_text
from morphsim.frames.film_start import FilmStart
from morphsim.frames.pictures import Show, check_shown, draw_movie, draw_strip, film_pictures
from morphsim.frames.plan import check_recording, read_grid_file, stated_process
from morphsim.frames.read_start import read_start
from morphsim.frames.snapshots import film_frames
from morphsim.frames.store import write_frames
from morphsim.locks import claimed_folder
from morphsim.progress import progress
from morphsim.simulator import Recipe, Snapshot, Units, find_process, record_film
from morphsim.simulator.cells import solver_cells
from morphsim.simulator.export.netcdf import check_xarray, write_netcdf
from morphsim.simulator.export.vtk import remove_vtk, vtk_folder, write_vtk
from morphsim.simulator.export.xdmf import remove_xdmf, write_xdmf, xdmf_fields
from morphsim.simulator.materials import material
from morphsim.simulator.processes import ProcessName
from morphsim.simulator.resolve import changed_parameters, resolve_recipe

FRAMES, STRIP, RECIPE = "frames.h5", "strip.png", "recipe.toml"
VTK, XDMF, NETCDF = "film.pvd", "film.xdmf", "film.nc"


@dataclass(frozen=True, kw_only=True)
class FilmConfig:
    """One film and its output files."""

    recipe: Path | None = None
    """TOML file: process, and any of its parameters."""
    process: ProcessName | None = None
    """How the film is made; required unless the recipe file or the material names it."""
    start: str | None = None
    """Initial state: FILE or FILE:ROW of frames, the fields of an xdmf export, or the TOML file of a recipe
    that is simulated first (default: freshly mixed)."""
    material: str | None = None
    """Blend by name, instead of a recipe file: its parameters and units, which other options override."""
    set: tuple[str, ...] = ()
    """NAME=VALUE: parameters of the recipe."""
    out: Path = Path("runs/simulate")
    """Folder for the results; files of an earlier film in it are replaced."""
    frames: int = 50
    """Snapshots of the film, the last at its end."""
    shape: tuple[int, int] = (100, 400)
    """Height and width of the frames."""
    cells: tuple[int, int] | None = None
    """Height and width of the solver's grid (default: that of the process for this shape)."""
    seed: int = 0
    """Seed of the noise."""
    threshold: float = 0.5
    """Smallest donor share of a donor pixel."""
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
    dtype: Literal["float32", "float64"] = "float32"
    """Precision of the simulation."""
    device: DeviceName = "cpu"
    """Where to simulate."""

    def film_recipe(self) -> Recipe:
        """The recipe given by the file or the material and the options.

        Raises:
            InputError: an invalid configuration.
        """
        return self._resolved()[0]

    def _resolved(self) -> tuple[Recipe, FilmStart | None]:
        """The recipe and the initial state; None for a freshly mixed film."""
        check_recording(
            frames=self.frames,
            shape=self.shape,
            cells=self.cells,
            seed=self.seed,
            threshold=self.threshold,
        )
        values = {} if self.recipe is None else self._file_values(self.recipe)
        try:
            stated_by = values.get("process") if self.material is None else material(self.material).process
            process = stated_process(self.process or stated_by)
            start = read_start(self.start, process)
            if start is None:
                source = {**values, "process": process} if self.material is None else None
                return (
                    resolve_recipe(source, process=process, material_name=self.material, changes=self.set),
                    None,
                )
            stated = values | changed_parameters(find_process(process).recipe, self.set)
            stated.pop("process", None)
            recipe = start.recipe(stated, self.material)
            start.check_shape(self.shape, solver_cells(recipe, self.shape, self.cells, before=start.before))
            return recipe, start
        except InputError as error:
            raise InputError(f"{self.recipe}: {error}" if self.recipe else str(error)) from error

    def _file_values(self, file: Path) -> dict[str, Any]:
        """The parameters of a recipe file that describes one film."""
        if self.material is not None:
            raise InputError(f"{file} and the material {self.material!r} are both a recipe; give one of them")
        values, lists, replicas = read_grid_file(file)
        films = math.prod(len(entries) for entries in lists.values()) * (replicas or 1)
        if films > 1:
            raise InputError(f"{file} describes {films} films; make them with `morphsim dataset`")
        return values | {name: entries[0] for name, entries in lists.items()}

    def units(self, process: str, *, before: Units | None = None) -> Units:
        """The scales that convert results to nm and s.

        Args:
            process: of the film.
            before: scales of the film that it starts from.

        Raises:
            InputError: a scale out of range.
        """
        default = before or find_process(process).units
        if self.material is not None:
            default = material(self.material).units
        return Units(
            length_nm=default.length_nm if self.length_nm is None else self.length_nm,
            diffusivity=default.diffusivity if self.diffusivity is None else self.diffusivity,
        )


@dataclass(frozen=True, kw_only=True)
class FilmReport:
    """Output of `simulate_film`, and the film's state in the last frame."""

    out: Path
    """The folder."""
    files: tuple[str, ...]
    """Names of the files written there."""
    process: str
    """How the film was made."""
    frames: int
    """Number of frames."""
    shape: tuple[int, int]
    """(H, W) of a frame."""
    cells: tuple[int, int]
    """(h, w) of the solver's grid."""
    time: float
    """Simulated time [time unit of the process]."""
    time_s: float
    """The same in seconds [s]."""
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

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            **asdict(self),
            "out": str(self.out),
            "files": list(self.files),
            "shape": list(self.shape),
            "cells": list(self.cells),
        }


def simulate_film(config: FilmConfig, *, show_progress: bool = True) -> FilmReport:
    """Simulate one film and write `frames.h5`, `film.gif`, `strip.png` and `recipe.toml` into a folder.

    Movie and strip (up to eight moments) show `config.show` to scale, so that a drying film visibly shrinks,
    with surface, substrate, scale bar, colour bar, time and knobs. `config.export` adds `film.pvd` with the
    folder `film_vti`, `film.xdmf` with `film_fields.h5`, and `film.nc`, all in nm and s.

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
    recipe, start = config._resolved()
    units = config.units(recipe.process, before=None if start is None else start.units)
    check_shown(config.show, recipe.process)
    if config.animation == "mp4":
        _check_mp4()
    if "netcdf" in config.export:
        check_xarray()
    with claimed_folder(config.out):
        return _make(config, recipe, units, start, show_progress=show_progress)


def _make(
    config: FilmConfig, recipe: Recipe, units: Units, start: FilmStart | None, *, show_progress: bool
) -> FilmReport:
    started = time.perf_counter()
    before = None if start is None else start.before
    cells = solver_cells(recipe, config.shape, config.cells, before=before)
    fields = (
        None
        if start is None
        else start.fields(recipe, seed=config.seed, cells=cells, dtype=config.dtype, device=config.device)
    )
    snapshots: list[Snapshot] = []
    with progress("simulating", config.frames, unit="frames", show=show_progress) as advance:
        for snapshot in record_film(
            recipe,
            seed=config.seed,
            frames=config.frames,
            shape=config.shape,
            cells=cells,
            fields=fields,
            dtype=config.dtype,
            device=config.device,
        ):
            snapshots.append(snapshot)
            advance()
    seconds = time.perf_counter() - started
    _remove_earlier(config.out)
    frame_set = film_frames(recipe, snapshots, seed=config.seed, threshold=config.threshold)
    write_frames(config.out / FRAMES, frame_set, notes={"start": config.start} if config.start else None)
    files = [FRAMES]
    pictures = film_pictures(snapshots, frame_set, recipe, units, show=config.show)
    if config.animation != "none":
        files.append(f"film.{config.animation}")
        draw_movie(config.out / files[-1], pictures)
    draw_strip(config.out / STRIP, pictures)
    write_text(config.out / RECIPE, recipe_text(recipe))
    exports = tuple(_export(config, snapshots, recipe, units))
    last = snapshots[-1]
    return FilmReport(
        out=config.out,
        files=(*files, STRIP, RECIPE, *exports),
        process=recipe.process,
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
    )


def recipe_text(recipe: Recipe) -> str:
    """All parameters of a recipe as TOML, which `load_recipe` reads again."""
    # Strings and numbers are written alike in JSON and TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in recipe.to_dict().items()]
    return "\n".join(lines) + "\n"


def _check_mp4() -> None:
    """Check for the movie writer before a long simulation rather than after it."""
    try:
        import imageio_ffmpeg  # noqa: F401
    except ImportError as error:
        raise InputError("mp4 needs a movie writer: pip install morphsim[movie], or take gif") from error


def _remove_earlier(out: Path) -> None:
    """Remove the files of an earlier film, so that they are never mixed with those of the new one."""
    for name in ("film.gif", "film.mp4", NETCDF, STRIP, RECIPE):
        (out / name).unlink(missing_ok=True)
    remove_vtk(out / VTK)
    remove_xdmf(out / XDMF)


def _export(config: FilmConfig, snapshots: list[Snapshot], recipe: Recipe, units: Units) -> Iterator[str]:
    """Write the requested exports; yield the names of their files."""
    if "vtk" in config.export:
        write_vtk(config.out / VTK, snapshots, width=recipe.width, units=units)
        yield from (VTK, vtk_folder(VTK).name)
    if "xdmf" in config.export:
        write_xdmf(config.out / XDMF, snapshots, width=recipe.width, units=units)
        yield from (XDMF, xdmf_fields(XDMF).name)
    if "netcdf" in config.export:
        write_netcdf(config.out / NETCDF, snapshots, recipe, units=units)
        yield NETCDF
