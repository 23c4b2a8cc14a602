"""The configuration of a search for a recipe."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from morphsim.agents.optimise.proposals import MethodName
from morphsim.agents.optimise.search import MOST_CANDIDATES
from morphsim.agents.optimise.space import KnobSpace, ScheduleKind
from morphsim.checks import MOST_PROCESSES, check_choice, check_seed, check_whole
from morphsim.encoder import Encoder
from morphsim.errors import InputError
from morphsim.frames.binarisation import Binarisation
from morphsim.frames.film import Film
from morphsim.frames.simulate import FilmConfig
from morphsim.rewards.source import check_boundary
from morphsim.simulator import find_process
from morphsim.simulator.processes import ProcessName
from morphsim.simulator.resolve import changed_parameters, name_and_value

_MOST_REPEATS = 1000
_MOST_CHECKED = 10_000
_MOST_FINALISTS = 100


@dataclass(frozen=True, kw_only=True)
class OptimiseConfig:
    """A search for the knobs whose films come nearest to a target.

    Raises:
        InputError: a value is out of range.
    """

    target: str
    """The morphology to reach: FILE, FILE:ROW or FILE:ROW,ROW,...; of several frames the nearest counts."""
    encoder: str = "default"
    """Name of a shipped encoder, or the folder of an encoder; its distance is made small."""
    recipe: Path | None = None
    """TOML file of the film: process, any of its parameters, schedules of other knobs, and a table [film]."""
    process: ProcessName | None = None
    """How the film is made; required unless the recipe file or the material names it."""
    material: str | None = None
    """Blend by name, instead of a recipe file."""
    set: tuple[str, ...] = ()
    """NAME=VALUE: parameters of the recipe; values may have units, as `width="2 µm"`."""
    start: str | None = None
    """Initial state of the films, as for `morphsim simulate` (default: freshly mixed)."""
    knobs: tuple[str, ...] = ()
    """Knobs that are searched (default: all of the process)."""
    range: tuple[str, ...] = ()
    """NAME=LOW,HIGH: ranges of knobs, which may have units, as `"temperature=20 °C,60 °C"` (default: those of
    the process, or around the material)."""
    schedule: ScheduleKind = "constant"
    """`constant` knobs, or knobs that change in `steps`, with a value in each stage."""
    stages: int = 4
    """Stages of a schedule in steps."""
    breakpoints: tuple[float, ...] = ()
    """Where the stages after the first begin: drynesses when drying, else shares of the duration (default:
    0.45, 0.6 and 0.75 for four stages, and equally spaced in the logarithm of time)."""
    method: MethodName = "cma-es"
    """How candidates are proposed; cma-es and tpe need pip install 'morphsim[tune]'."""
    population: int | None = None
    """Results of a generation of cma-es; in a laboratory, the films that are made at once (default: 4 + 3 ln
    of the number of searched values)."""
    films: int = 256
    """Films of the search in total, including those before an interruption."""
    repeats: int = 1
    """Films of each candidate, with different noise; their median counts."""
    finalists: int = 5
    """Nearest candidates of the search that are made again to choose the best."""
    finalist_films: int = 3
    """New films of each finalist."""
    check: int = 8
    """New films of the chosen candidate, of the untouched recipe and of random knobs, for the result."""
    cells: tuple[int, int] | None = None
    """Height and width of the solver's grid (default: that of the process for the encoder's frames)."""
    length_nm: float | None = None
    """Length h0 [nm] (default: as for `morphsim simulate`)."""
    diffusivity: float | None = None
    """Diffusivity D [m^2/s] (default: as for `morphsim simulate`)."""
    workers: int = 1
    """Parallel processes that make films; the result doesn't depend on their number."""
    seed: int = 0
    """Seed of the proposals and of the noise of the films."""
    out: Path = Path("runs/optimum")
    """Folder for the results; the same command continues a search that was stopped, and a larger --films a
    finished one."""

    def __post_init__(self) -> None:
        for name in ("encoder", "target"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise InputError(f"{name} is {getattr(self, name)!r}; it must be a string that is not empty")
        check_choice("schedule", self.schedule, get_args(ScheduleKind))
        check_choice("method", self.method, get_args(MethodName))
        for name, most in (
            ("films", MOST_CANDIDATES),
            ("repeats", _MOST_REPEATS),
            ("finalists", _MOST_FINALISTS),
            ("finalist_films", _MOST_REPEATS),
            ("check", _MOST_CHECKED),
            ("workers", MOST_PROCESSES),
        ):
            check_whole(name, getattr(self, name), 1, most)
        check_seed("seed", self.seed, below=2**32)
        if self.films < self.repeats:
            raise InputError(
                f"films is {self.films}, fewer than the {self.repeats} repeats of one candidate; raise it"
            )

    @property
    def candidates(self) -> int:
        """Number of candidates of the search."""
        return self.films // self.repeats

    def space(self, encoder: Encoder) -> KnobSpace:
        """The films to choose from, in frames of the encoder.

        Raises:
            InputError: a recipe, knob, range or boundary that can't be used.
        """
        film = self._film(encoder)
        check_boundary({"boundary": film.recipe.boundary}, encoder)
        space = KnobSpace(
            film,
            knobs=self.knobs or None,
            schedule=self.schedule,
            stages=self.stages,
            breakpoints=self.breakpoints,
            ranges=self._ranges(film),
            around=self.material is not None,
        )
        space.check_resolution()
        return space

    def _film(self, encoder: Encoder) -> Film:
        return FilmConfig(
            recipe=self.recipe,
            process=self.process,
            material=self.material,
            set=self.set,
            start=self.start,
            shape=encoder.frame_shape,
            cells=self.cells,
            length_nm=self.length_nm,
            diffusivity=self.diffusivity,
            threshold=Binarisation.of_encoder(encoder.metadata).threshold,
        ).film()

    def _ranges(self, film: Film) -> dict[str, tuple[float, float]]:
        kind = find_process(film.recipe.process).recipe
        ranges = {}
        for name, text in name_and_value(self.range, "NAME=LOW,HIGH"):
            ends = [end.strip() for end in text.split(",")]
            if len(ends) != 2 or not all(ends):
                raise InputError(f"{name}={text} is not of the form NAME=LOW,HIGH")
            values = [changed_parameters(kind, [f"{name}={end}"], units=film.units)[name] for end in ends]
            if isinstance(values[0], str):
                raise InputError(f"{name} is no knob, so it has no range")
            ranges[name] = float(values[0]), float(values[1])
        return ranges

    def identity(self) -> dict[str, Any]:
        """The options that must stay the same when a search goes on, besides the films themselves."""
        kept = ("method", "population", "repeats", "seed")
        return {name: value for name, value in asdict(self).items() if name in kept}
