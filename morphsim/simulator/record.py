"""Simulation of a film from start to end, as snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from morphsim.checks import check_choice, check_shape, shown, whole_number
from morphsim.errors import InputError
from morphsim.simulator.cells import solver_cells
from morphsim.simulator.core.control import TOLERANCE
from morphsim.simulator.film_start import FilmStart, start_of, start_of_fields
from morphsim.simulator.recipe import Recipe
from morphsim.simulator.resample import resample_fields
from morphsim.simulator.resolution import check_resolution
from morphsim.simulator.schedules.drive import record, record_steps
from morphsim.simulator.schedules.schedule import Schedule
from morphsim.simulator.schedules.steps import Steps
from morphsim.simulator.simulation import Simulation

MOST_FRAMES = 1_000_000


@dataclass(frozen=True)
class Snapshot:
    """One moment of one film.

    Attributes:
        fields: volume fractions, (C, H, W) float32, in the shape of the frame: of the donor when annealing,
            of donor and acceptor in a film with solvent. Row 0 lies under the free surface.
        time: [time units of the process].
        thickness: [h0].
        dryness: evaporated share of the solvent that must leave, 0 to 1; 1 when annealing.
        free_energy: of the whole film, per unit length in the third direction [RT/V h0^2 when annealing,
            RT/V_s h0^2 when drying], from the fields on the solver's grid.
        cells: (h, w), the solver's grid; None if it is the shape of the fields, or unknown.
        knobs: present settings by name, in the units of the recipe.

    Raises:
        InputError: fields of another shape.
    """

    fields: NDArray[np.float32]
    time: float
    thickness: float
    dryness: float
    free_energy: float
    cells: tuple[int, int] | None = None
    knobs: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.fields.ndim != 3 or self.fields.shape[0] not in (1, 2) or self.fields.size == 0:
            raise InputError(
                f"the fields of a snapshot have the shape {self.fields.shape}; they must be (C, H, W), "
                "with the donor alone (C = 1), or donor and acceptor (C = 2)"
            )

    @property
    def donor(self) -> NDArray[np.float32]:
        """Volume fraction of the donor, (H, W)."""
        return np.asarray(self.fields[0])

    @property
    def acceptor(self) -> NDArray[np.float32]:
        """Volume fraction of the acceptor, (H, W)."""
        return np.asarray(self.fields[1] if len(self.fields) == 2 else 1.0 - self.fields[0])

    @property
    def solvent(self) -> NDArray[np.float32]:
        """Volume fraction of the solvent, (H, W); 0 everywhere when annealing."""
        if len(self.fields) == 2:
            return np.asarray(1.0 - self.fields[0] - self.fields[1])
        return np.zeros_like(self.fields[0])

    @property
    def share(self) -> NDArray[np.float32]:
        """Donor share of the solids, (H, W)."""
        if len(self.fields) == 2:
            return np.asarray(self.fields[0] / (self.fields[0] + self.fields[1]))
        return np.asarray(self.fields[0])


def record_film(
    recipe: Recipe,
    *,
    seed: int,
    frames: int = 50,
    shape: tuple[int, int] = (100, 400),
    cells: tuple[int, int] | None = None,
    fields: NDArray[np.float64] | None = None,
    start: Snapshot | Simulation | FilmStart | None = None,
    schedule: Schedule | Steps | None = None,
    steps: Steps | None = None,
    tolerance: float = TOLERANCE,
    dtype: str = "float32",
    device: str = "cpu",
    resolution: Literal["check", "ignore"] = "check",
) -> Iterator[Snapshot]:
    """Simulate one film and yield `frames` snapshots, the last at its end.

    The process sets their times: equally spaced in the logarithm of time when a film coarsens
    (`snapshot_times`), and in dryness when it dries, since the pattern then forms within a small part of the
    time.

    Args:
        recipe: of the film; knobs without a schedule stay constant.
        seed: of the noise.
        frames: number of snapshots; steps of an earlier film have their own.
        shape: (H, W) of the snapshots [pixels].
        cells: (h, w), the solver's grid; None for the default of the process, see `Process.cells`. Snapshots
            are resampled to `shape`, see `resample_fields`.
        fields: initial volume fractions (C, H, W) or (C, h, w); None for a freshly mixed film.
        start: in place of `fields` a film of any process, whose thickness, blend ratio and solvent replace
            those of the recipe: a `Simulation` of one film, exactly as it is; or a snapshot of one, which has
            the precision and the pixels of frames. See `record_chain` for several processes in turn.
        schedule: of knobs, whose first values replace those of the recipe; or the steps of an earlier film of
            this recipe, which is then made again bit for bit. The snapshots are steps of the film too, so a
            film depends slightly on their number.
        steps: filled with the steps that are made, see `Steps.trace`.
        tolerance: see `Simulation`.
        dtype: "float32" or "float64".
        device: "auto", "cpu" or "cuda".
        resolution: "ignore" if cells are known to be too coarse for the film, see `check_resolution`.

    Raises:
        SimulationDiverged: no time step gives an acceptable solution.
        InputError: fewer than one frame, a shape or cells out of range, fields of neither shape, a schedule
            that does not fit the recipe, a drying film that is not dry within its duration, or less than a
            cell across its interfaces.

    Warns:
        ResolutionWarning: the film has fewer than three cells across its interfaces.
    """
    whole_number("frames", frames, 1, MOST_FRAMES)
    check_choice("resolution", resolution, ("check", "ignore"))
    if isinstance(schedule, Schedule):
        recipe = schedule.started(recipe)
    frame = check_shape(shape)
    settings: dict[str, Any] = {"seed": seed, "tolerance": tolerance, "dtype": dtype, "device": device}
    if start is None:
        grid = solver_cells(recipe, shape, cells)
        if resolution == "check":
            check_resolution([(recipe, grid)])
        if fields is not None and fields.shape[-2:] == frame:
            fields = resample_fields(fields, grid, boundary=recipe.boundary)
        simulation = simulation_of(recipe, fields, cells=grid, **settings)
    else:
        if fields is not None:
            raise InputError("fields and start are both an initial state; give one of them")
        begun = as_start(start, recipe.process)
        recipe = begun.recipe(recipe)
        if cells is None and isinstance(start, Simulation):
            cells = start.grid.shape
        grid = solver_cells(recipe, shape, cells, before=begun.before)
        begun.check_shape(frame, grid)
        if resolution == "check":
            check_resolution((each, grid) for each in (recipe, begun.before) if each is not None)
        simulation = continued(begun, recipe, cells=grid, **settings)
    for _ in moments(simulation, frames, schedule, steps=steps):
        yield snapshot_of(simulation, frame)


def moments(
    simulation: Simulation, frames: int, schedule: Schedule | Steps | None, *, steps: Steps | None = None
) -> Iterator[None]:
    """Advance a film to each of its snapshots in turn; arguments as for `record_film`."""
    if isinstance(schedule, Steps):
        return record_steps(simulation, schedule, made=steps)
    return record(simulation, frames, schedule, steps=steps)


def as_start(film: Snapshot | Simulation | FilmStart, process: str) -> FilmStart:
    """The initial state that a film of any process is for another one.

    Args:
        film: see `record_film`; a snapshot knows neither its width nor the parameters of its materials.
        process: that follows.

    Raises:
        InputError: several films, or something else.
    """
    if isinstance(film, FilmStart):
        return film
    if isinstance(film, Simulation):
        return start_of(film, process)
    if not isinstance(film, Snapshot):
        raise InputError(f"start is {shown(film)}; give a snapshot, or a simulation of one film")
    start = start_of_fields(film.fields, process)
    return replace(start, solids=film.thickness * (1.0 - (start.solvent or 0.0)))


def continued(
    start: FilmStart, recipe: Recipe, *, seed: int, cells: tuple[int, int], **settings: Any
) -> Simulation:
    """A film of `recipe` in the state `start`, whose thermal noise differs from that drawn before.

    Args:
        start: the initial state.
        recipe: with what the film itself determines, see `FilmStart.applied`.
        seed: of the noise, the same in all processes of a film.
        cells: (h, w), the solver's grid.
        settings: `tolerance`, `dtype` and `device`, as for `Simulation`.
    """
    fields = start.fields(recipe, seed=seed, cells=cells, **settings)
    simulation = simulation_of(recipe, fields, seed=seed, cells=cells, **settings)
    # Not in place: counts of a new state share their memory.
    simulation.state.draws = simulation.state.draws + start.draws
    return simulation


def simulation_of(
    recipe: Recipe,
    fields: NDArray[np.float64] | None,
    *,
    seed: int,
    cells: tuple[int, int],
    **settings: Any,
) -> Simulation:
    """A simulation of one film, freshly mixed or of `fields` (C, h, w)."""
    given = None if fields is None else fields[None]
    return Simulation([recipe], seeds=[seed], shape=cells, fields=given, **settings)


def snapshot_of(simulation: Simulation, shape: tuple[int, int]) -> Snapshot:
    """The first film of a simulation as it is now, on `shape` (H, W) pixels."""
    fields = resample_fields(simulation.fields()[0], shape, boundary=simulation.grid.boundary)
    return Snapshot(
        fields=fields.float().cpu().numpy().copy(),
        time=float(simulation.time[0]),
        thickness=float(simulation.thickness[0]),
        dryness=float(simulation.dryness[0]),
        free_energy=float(simulation.free_energy()[0]),
        cells=simulation.grid.shape,
        knobs={name: float(values[0]) for name, values in simulation.knobs.items()},
    )
