"""The files of a simulated film besides its frames: pictures and exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from morphsim.errors import InputError
from morphsim.frames.frame_set import FrameSet
from morphsim.frames.render import animate, frame_strip
from morphsim.frames.transforms import resize
from morphsim.simulator import Recipe, Snapshot, Units, find_process
from morphsim.simulator.export.netcdf import check_xarray, write_netcdf
from morphsim.simulator.export.vtk import remove_vtk, vtk_folder, write_vtk
from morphsim.simulator.export.xdmf import remove_xdmf, write_xdmf, xdmf_fields

FRAMES, STRIP, RECIPE, SCHEDULE, CHAIN = (
    "frames.h5",
    "strip.png",
    "recipe.toml",
    "schedule.toml",
    "chain.toml",
)
VTK, XDMF, NETCDF = "film.pvd", "film.xdmf", "film.nc"

_STRIP_FRAMES = 8
_PREFIXES = {"": 1.0, "m": 1e3, "µ": 1e6, "n": 1e9}


def check_writers(animation: str, export: Sequence[str]) -> None:
    """Check for the writers of movies and exports before a long simulation rather than after it.

    Raises:
        InputError: a package is missing.
    """
    if animation == "mp4":
        try:
            import imageio_ffmpeg  # noqa: F401
        except ImportError as error:
            raise InputError("mp4 needs a movie writer: pip install morphsim[movie], or take gif") from error
    if "netcdf" in export:
        check_xarray()


def remove_earlier(out: Path) -> None:
    """Remove the files of an earlier film, so that they are never mixed with those of the new one."""
    for name in ("film.gif", "film.mp4", STRIP, RECIPE, SCHEDULE, CHAIN):
        (out / name).unlink(missing_ok=True)
    # Chains have exports for each stage.
    for name, remove in ((VTK, remove_vtk), (XDMF, remove_xdmf), (NETCDF, Path.unlink)):
        for path in [*out.glob(name), *out.glob(_numbered(name, "[0-9]*"))]:
            remove(path)


def write_exports(
    out: Path,
    export: Sequence[str],
    snapshots: Sequence[Snapshot],
    recipe: Recipe,
    units: Units,
    *,
    stage: int | None = None,
) -> Iterator[str]:
    """Write the requested exports, those of a stage under its number; yield the names of their files."""
    vtk, xdmf, netcdf = (
        name if stage is None else _numbered(name, str(stage)) for name in (VTK, XDMF, NETCDF)
    )
    if "vtk" in export:
        write_vtk(out / vtk, snapshots, width=recipe.width, units=units)
        yield from (vtk, vtk_folder(vtk).name)
    if "xdmf" in export:
        write_xdmf(out / xdmf, snapshots, width=recipe.width, units=units)
        yield from (xdmf, xdmf_fields(xdmf).name)
    if "netcdf" in export:
        write_netcdf(out / netcdf, snapshots, recipe, units=units)
        yield netcdf


def draw_film(
    out: Path,
    animation: str,
    snapshots: Sequence[Snapshot],
    frame_set: FrameSet,
    recipe: Recipe,
    units: Units,
    *,
    labels: Sequence[str] = (),
) -> Iterator[str]:
    """Draw the movie and the strip of a film; yield the names of their files.

    Args:
        out: the folder.
        animation: "gif", "mp4" or "none".
        snapshots: of the film.
        frame_set: its frames.
        recipe: with its width.
        units: of its thickness and time.
        labels: a text above each picture, before time and thickness.
    """
    titles = _titles(snapshots, recipe.process, units)
    if labels:
        titles = [f"{label}, {title}" for label, title in zip(labels, titles, strict=True)]
    if animation != "none":
        yield (movie := f"film.{animation}")
        animate(
            np.stack([snapshot.share for snapshot in snapshots]),
            out / movie,
            thickness=[snapshot.thickness for snapshot in snapshots],
            width=recipe.width,
            titles=titles,
        )
    _draw_strip(frame_set, titles, out / STRIP)
    yield STRIP


def _numbered(name: str, number: str) -> str:
    return f"{Path(name).stem}-{number}{Path(name).suffix}"


def _titles(snapshots: Sequence[Snapshot], process: str, units: Units) -> list[str]:
    """Time and, if it changes, thickness of each snapshot, all with the unit prefix that suits the last."""
    end = snapshots[-1].time * units.time_s
    prefix, factor = next((pair for pair in _PREFIXES.items() if end * pair[1] >= 1.0), ("n", 1e9))
    titles = [f"{snapshot.time * units.time_s * factor:.3g} {prefix}s" for snapshot in snapshots]
    if not find_process(process).thickness_changes:
        return titles
    return [
        f"{title}, {snapshot.thickness * units.length_nm:.3g} nm"
        for title, snapshot in zip(titles, snapshots, strict=True)
    ]


def _draw_strip(frame_set: FrameSet, titles: Sequence[str], path: Path) -> None:
    chosen = np.unique(
        np.linspace(0, len(frame_set) - 1, min(_STRIP_FRAMES, len(frame_set))).round().astype(int)
    )
    height, width = frame_set.shape
    pictures = []
    for row in chosen:
        thickness = float(frame_set.columns["thickness"][row])
        pictures.append(resize(frame_set.frames[row], (max(1, round(thickness * height)), width)))
    frame_strip(pictures, path, titles=[titles[row] for row in chosen])
