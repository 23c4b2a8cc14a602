"""A film from start to end, as snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from morphsim.errors import InputError
from morphsim.simulator.recipe import AnnealingRecipe, DryingRecipe, Recipe
from morphsim.simulator.simulation import TOLERANCE, Simulation


@dataclass(frozen=True)
class Snapshot:
    """One moment of one film.

    Attributes:
        share: donor share of the solids, (H, W) float32; row 0 lies under the free surface.
        time: [time units of the process].
        thickness: [initial thickness].
        dryness: evaporated share of the solvent that must leave, 0 to 1; 1 when annealing.
    """

    share: np.ndarray[Any, np.dtype[np.float32]]
    time: float
    thickness: float
    dryness: float


def record_film(
    recipe: Recipe,
    *,
    seed: int,
    frames: int = 50,
    shape: tuple[int, int] = (100, 400),
    tolerance: float = TOLERANCE,
    dtype: str = "float32",
    device: str = "cpu",
) -> Iterator[Snapshot]:
    """Make one film and yield `frames` snapshots, the last at its end.

    Snapshots are taken at `snapshot_times` when annealing, and even in dryness when drying, since there the
    pattern forms within a short part of the time.

    Args:
        recipe: how the film is made; its knobs stay as they are.
        seed: of the initial noise.
        frames: how many snapshots.
        shape: (H, W), cells in depth and width.
        tolerance: see `Simulation`.
        dtype: "float32" or "float64".
        device: "auto", "cpu" or "cuda".

    Raises:
        SimulationDiverged: the film can't be stepped.
        InputError: fewer than one frame, or a drying film that is not dry within its duration.
    """
    if frames < 1:
        raise InputError(f"frames is {frames}; it must be at least 1")
    simulation = Simulation(
        [recipe], seeds=[seed], shape=shape, tolerance=tolerance, dtype=dtype, device=device
    )
    if isinstance(recipe, AnnealingRecipe):
        for time in snapshot_times(recipe.duration, frames):
            simulation.advance(time=float(time))
            yield _snapshot(simulation)
        return
    assert isinstance(recipe, DryingRecipe)
    for dryness in np.linspace(0.0, 1.0, frames + 1)[1:]:
        simulation.advance_to_dryness(float(dryness), time=recipe.duration)
        if simulation.time[0] >= recipe.duration and not simulation.dry[0]:
            raise InputError(
                f"the film is not dry at its duration {recipe.duration:g}, but at a dryness of "
                f"{simulation.dryness[0]:.3f}; raise duration or evaporation, or lower ambient_vapour"
            )
        yield _snapshot(simulation)


def snapshot_times(duration: float, count: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Times (count,) from 1/200 of `duration` to its end, even in the logarithm, as coarsening goes."""
    return duration * np.geomspace(1.0 / 200.0, 1.0, count) if count > 1 else np.array([duration])


def _snapshot(simulation: Simulation) -> Snapshot:
    return Snapshot(
        share=simulation.donor_share()[0].float().cpu().numpy().copy(),
        time=float(simulation.time[0]),
        thickness=float(simulation.thickness[0]),
        dryness=float(simulation.dryness[0]),
    )
