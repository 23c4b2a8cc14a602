"""One film from its recipe to a folder: frames, a movie, a strip of pictures and the full recipe."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from morphsim.device import DeviceName
from morphsim.errors import InputError
from morphsim.files import write_text
from morphsim.frames.frameset import FrameSet
from morphsim.frames.plan import make_plan
from morphsim.frames.render import animate, frame_strip
from morphsim.frames.snapshots import film_frames
from morphsim.frames.store import write_frames
from morphsim.frames.transforms import resize
from morphsim.progress import progress
from morphsim.simulator import ANNEALING_UNITS, DRYING_UNITS, Recipe, Snapshot, record_film

FRAMES, STRIP, RECIPE = "frames.h5", "strip.png", "recipe.toml"

_MOST_VALUES = 2**30
_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class FilmConfig:
    """One film, and what to write of it."""

    recipe: Path | None = None
    """TOML file: process, and any of its parameters."""
    process: Literal["annealing", "drying"] | None = None
    """How the film is made; needed unless the recipe file tells."""
    set: tuple[str, ...] = ()
    """NAME=VALUE: parameters of the recipe."""
    out: Path = Path("runs/simulate")
    """Folder for the results; files of an earlier film in it are replaced."""
    frames: int = 50
    """Snapshots of the film, the last at its end."""
    shape: tuple[int, int] = (100, 400)
    """Height and width of the frames."""
    seed: int = 0
    """Of the initial noise."""
    threshold: float = 0.5
    """Donor share from which on a pixel counts as donor."""
    animation: Literal["gif", "mp4", "none"] = "gif"
    """Format of the movie; mp4 needs the extra `movie`."""
    dtype: Literal["float32", "float64"] = "float32"
    """Precision of the simulation."""
    device: DeviceName = "cpu"
    """Where to simulate."""

    def film_recipe(self) -> Recipe:
        """The recipe that file and options describe.

        Raises:
            InputError: anything in the configuration that can't be.
        """
        # A plan of a single film: it checks all that a data set and a film have in common.
        plan = make_plan(
            process=self.process,
            file=self.recipe,
            settings=self.set,
            grid=(),
            replicas=None,
            frames=self.frames,
            shape=list(self.shape),
            seed=self.seed,
            threshold=self.threshold,
            dtype=self.dtype,
            device=self.device,
        )
        if plan.films > 1:
            raise InputError(f"{self.recipe} describes {plan.films} films; make them with `morphsim dataset`")
        values = self.frames * self.shape[0] * self.shape[1]
        if values > _MOST_VALUES:
            raise InputError(
                f"{self.frames} frames of {self.shape[0]} x {self.shape[1]} hold {values:.2g} values; "
                f"the limit is {_MOST_VALUES:.2g}: ask for fewer or smaller frames"
            )
        return plan.film_recipe(0)


@dataclass(frozen=True, kw_only=True)
class FilmReport:
    """What was made; the state is that of the last frame."""

    out: Path
    """The folder."""
    files: tuple[str, ...]
    """Names of the files written there."""
    process: str
    """`annealing` or `drying`."""
    frames: int
    """How many frames."""
    shape: tuple[int, int]
    """(H, W) of a frame."""
    time: float
    """Simulated time [h0^2/D_s when drying, h0^2/D when annealing]."""
    time_s: float
    """The same in seconds, for the default units of the process [s]."""
    thickness: float
    """[h0]."""
    thickness_nm: float
    """The same for the default units of the process [nm]."""
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
        }


def simulate_film(config: FilmConfig, *, show_progress: bool = True) -> FilmReport:
    """Make one film and write `frames.h5`, `film.gif`, `strip.png` and `recipe.toml` into a folder.

    The movie shows donor shares and, when drying, how the film shrinks; the strip shows up to eight of the
    binary frames in their true thickness.

    Args:
        config: what to make.
        show_progress: show a bar on stderr.

    Returns:
        What was written, and the state of the film at its end.

    Raises:
        InputError: a bad configuration, or a film that does not dry within its duration.
        SimulationDiverged: the film can't be stepped.

    >>> report = simulate_film(FilmConfig(process="annealing", shape=(32, 128)))     # doctest: +SKIP
    """
    recipe = config.film_recipe()
    if config.animation == "mp4":
        _check_mp4()
    started = time.perf_counter()
    snapshots: list[Snapshot] = []
    with progress("simulating", config.frames, unit="frames", show=show_progress) as advance:
        for snapshot in record_film(
            recipe,
            seed=config.seed,
            frames=config.frames,
            shape=config.shape,
            dtype=config.dtype,
            device=config.device,
        ):
            snapshots.append(snapshot)
            advance()
    seconds = time.perf_counter() - started
    frameset = film_frames(recipe, snapshots, seed=config.seed, threshold=config.threshold)
    write_frames(config.out / FRAMES, frameset)
    files = [FRAMES]
    for suffix in ("gif", "mp4"):
        (config.out / f"film.{suffix}").unlink(missing_ok=True)
    if config.animation != "none":
        files.append(f"film.{config.animation}")
        animate(
            np.stack([snapshot.share for snapshot in snapshots]),
            config.out / files[-1],
            thickness=[snapshot.thickness for snapshot in snapshots],
        )
    _draw_strip(frameset, config.out / STRIP)
    write_text(config.out / RECIPE, recipe_text(recipe))
    units = DRYING_UNITS if recipe.process == "drying" else ANNEALING_UNITS
    last = snapshots[-1]
    return FilmReport(
        out=config.out,
        files=(*files, STRIP, RECIPE),
        process=recipe.process,
        frames=len(frameset),
        shape=frameset.shape,
        time=last.time,
        time_s=last.time * units.time_s,
        thickness=last.thickness,
        thickness_nm=last.thickness * units.length_nm,
        dryness=last.dryness,
        donor_pixels=float(frameset.frames[-1].mean()),
        seconds=seconds,
    )


def recipe_text(recipe: Recipe) -> str:
    """All parameters of a recipe as TOML, which `load_recipe` reads again."""
    # JSON's texts and numbers are TOML's.
    lines = [f"{name} = {json.dumps(value)}" for name, value in recipe.to_dict().items()]
    return "\n".join(lines) + "\n"


def _check_mp4() -> None:
    """Ask for the movie writer before a long simulation, rather than after it."""
    try:
        import imageio_ffmpeg  # noqa: F401
    except ImportError as error:
        raise InputError("mp4 needs a movie writer: pip install morphsim[movie], or take gif") from error


def _draw_strip(frameset: FrameSet, path: Path) -> None:
    chosen = np.unique(np.linspace(0, len(frameset) - 1, min(_SHOWN, len(frameset))).round().astype(int))
    drying = frameset.process == "drying"
    units = DRYING_UNITS if drying else ANNEALING_UNITS
    height, width = frameset.shape
    pictures, titles = [], []
    for row in chosen:
        thickness = float(frameset.columns["thickness"][row])
        pictures.append(resize(frameset.frames[row], (max(1, round(thickness * height)), width)))
        title = f"{frameset.columns['time'][row] * units.time_s:.3g} s"
        titles.append(f"{title}, {thickness * units.length_nm:.0f} nm" if drying else title)
    frame_strip(pictures, path, titles=titles)
