"""Helpers for tests of films: grids, the double well, and comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from morphsim.simulator import (
    ConstantMobility,
    DoubleWell,
    FilmModel,
    Grid,
    Solver,
)
from morphsim.simulator.thermodynamics import (
    TernaryMixture,
)
from morphsim.types import Boundary

WODO = TernaryMixture(n_donor=5, n_acceptor=5, chi=1.0, chi_donor_solvent=0.3, chi_acceptor_solvent=0.3)
"""The shortest blend of the published series."""


def column(value: float) -> Tensor:
    return torch.full((1, 1, 1), value, dtype=torch.float64)


def make_grid(
    shape: tuple[int, int], width: float, boundary: Boundary, depth_boundary: Boundary = "no-flux"
) -> Grid:
    return Grid(
        shape,
        width=width,
        boundary=boundary,
        depth_boundary=depth_boundary,
        dtype=torch.float64,
        device=torch.device("cpu"),
    )


def double_well(grid: Grid) -> FilmModel:
    """The polynomial of the phase-field benchmarks: height 5, wells at 0.3 and 0.7, kappa 2, mobility 5."""
    energy = DoubleWell(column(5.0), column(0.3), column(0.7))
    return FilmModel(grid, energy, ConstantMobility(column(5.0)[None]), column(2.0)[None])


def same(one: Mapping[str, np.ndarray[Any, Any]], other: Mapping[str, np.ndarray[Any, Any]]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def lowering(solver: Solver, times: np.ndarray[Any, Any], *, rise: float = 1e-13) -> None:
    """Advance to each of `times`; the free energy must never rise by more than `rise`."""
    energies = [solver.free_energy()]
    for time in times:
        solver.advance(time=float(time))
        energies.append(solver.free_energy())
    assert np.diff(energies, axis=0).max() <= rise
    assert np.all(energies[-1] < energies[0])
