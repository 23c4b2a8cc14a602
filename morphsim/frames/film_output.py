"""The files of a simulated film besides its frames: pictures and exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from morphsim.errors import InputError
from morphsim.frames.pictures import FilmPictures, draw_movie, draw_strip
from morphsim.simulator import Recipe, Snapshot, Units
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


def draw_film(out: Path, animation: str, pictures: FilmPictures) -> Iterator[str]:
    """Draw the movie and the strip of a film; yield the names of their files.

    Args:
        out: the folder.
        animation: "gif", "mp4" or "none".
        pictures: of the film.
    """
    if animation != "none":
        yield (movie := f"film.{animation}")
        draw_movie(out / movie, pictures)
    draw_strip(out / STRIP, pictures)
    yield STRIP


def _numbered(name: str, number: str) -> str:
    return f"{Path(name).stem}-{number}{Path(name).suffix}"
