"""Simulation of a film from start to end, as snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from morphsim.checks import check_choice, check_shape, whole_number
from morphsim.errors import InputError
from morphsim.simulator.cells import solver_cells
from morphsim.simulator.core.control import TOLERANCE
from morphsim.simulator.recipe import Recipe
from morphsim.simulator.recipe_io import process_of
from morphsim.simulator.resample import resample_fields
from morphsim.simulator.resolution import check_resolution
from morphsim.simulator.simulation import Simulation

_MOST_FRAMES = 1_000_000


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

    Raises:
        InputError: fields of another shape.
    """

    fields: NDArray[np.float32]
    time: float
    thickness: float
    dryness: float
    free_energy: float
    cells: tuple[int, int] | None = None

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
        recipe: of the film; its knobs stay constant.
        seed: of the noise.
        frames: number of snapshots.
        shape: (H, W) of the snapshots [pixels].
        cells: (h, w), the solver's grid; None for the default of the process, see `Process.cells`. Snapshots
            are resampled to `shape`, see `resample_fields`.
        fields: initial volume fractions (C, H, W) or (C, h, w); None for a freshly mixed film.
        tolerance: see `Simulation`.
        dtype: "float32" or "float64".
        device: "auto", "cpu" or "cuda".
        resolution: "ignore" if cells are known to be too coarse for the film, see `check_resolution`.

    Raises:
        SimulationDiverged: no time step gives an acceptable solution.
        InputError: fewer than one frame, a shape or cells out of range, fields of neither shape, a drying
            film that is not dry within its duration, or less than a cell across its interfaces.

    Warns:
        ResolutionWarning: the film has fewer than three cells across its interfaces.
    """
    whole_number("frames", frames, 1, _MOST_FRAMES)
    check_choice("resolution", resolution, ("check", "ignore"))
    frame, grid = check_shape(shape), solver_cells(recipe, shape, cells)
    if resolution == "check":
        check_resolution([(recipe, grid)])
    if fields is not None and fields.shape[-2:] == frame:
        fields = resample_fields(fields, grid, boundary=recipe.boundary)
    simulation = Simulation(
        [recipe],
        seeds=[seed],
        shape=grid,
        fields=None if fields is None else fields[None],
        tolerance=tolerance,
        dtype=dtype,
        device=device,
    )
    for _ in process_of(recipe).record(simulation, frames):
        yield _snapshot(simulation, frame)


def _snapshot(simulation: Simulation, shape: tuple[int, int]) -> Snapshot:
    fields = resample_fields(simulation.fields()[0], shape, boundary=simulation.grid.boundary)
    return Snapshot(
        fields=fields.float().cpu().numpy().copy(),
        time=float(simulation.time[0]),
        thickness=float(simulation.thickness[0]),
        dryness=float(simulation.dryness[0]),
        free_energy=float(simulation.free_energy()[0]),
        cells=simulation.grid.shape,
    )
